import type { LineObject, LineValue } from './json-line.ts';
import { writeLine } from './json-line.ts';
import { RUNTIME, STEP, TIMESTAMP } from './keys.ts';

/**
 * A batch is a run of consecutive records, packed: what the caller's thread sends to the writer, and (as bytes, chunk.ts) what
 * the store keeps. Numbers lie in one Float64Array, since copying that is several times cheaper than copying objects.
 *
 * `numbers` holds the records one after the other: shape, step, timestamp (ms since the epoch), runtime (s), then a number for each
 * key of the shape. A value that is no double stands in `extras`, and its slot holds NaN.
 */
export interface Batch<Extra = LineValue> {
	/** Number of the first record. */
	n0: number;
	count: number;
	/** Lists of dotted keys; a record names its list by index. */
	shapes: string[][];
	numbers: Float64Array<ArrayBuffer>;
	/** [record, place of the key in its shape, value] in order of record. */
	extras: [number, number, Extra][];
}

/** Numbers before the first key of each record. */
export const HEADER_SLOTS = 4;

export interface RecordView<Extra = LineValue> {
	n: number;
	step: number;
	timestampMs: number;
	runtimeS: number;
	keys: readonly string[];
	values: (number | Extra)[];
}

/** The records of a batch, in order. */
export function* eachRecord<Extra>(batch: Batch<Extra>): Generator<RecordView<Extra>> {
	let at = 0;
	let extra = 0;
	for (let i = 0; i < batch.count; i++) {
		const keys = batch.shapes[batch.numbers[at] ?? -1];
		if (!keys) throw new Error(`Record ${i} of batch ${batch.n0} is damaged.`);
		const values: (number | Extra)[] = Array.from(batch.numbers.subarray(at + HEADER_SLOTS, at + HEADER_SLOTS + keys.length));
		for (let next = batch.extras[extra]; next !== undefined && next[0] === i; next = batch.extras[++extra]) values[next[1]] = next[2];
		yield {
			n: batch.n0 + i,
			step: batch.numbers[at + 1] as number,
			timestampMs: batch.numbers[at + 2] as number,
			runtimeS: batch.numbers[at + 3] as number,
			keys,
			values,
		};
		at += HEADER_SLOTS + keys.length;
	}
}

/**
 * The history line of a record, without newline: the logged keys in their order, then `_step`, `_runtime` (seconds), `_timestamp`
 * (seconds since the epoch), as W&B's client 0.30 writes them. The same record always gives the same text.
 */
export function recordLine(record: RecordView): string {
	const line: LineObject = {};
	for (let i = 0; i < record.keys.length; i++) setOwn(line, record.keys[i] as string, record.values[i] as LineValue);
	line[STEP] = record.step;
	line[RUNTIME] = record.runtimeS;
	line[TIMESTAMP] = record.timestampMs / 1000;
	return writeLine(line);
}

/** Plain assignment of `__proto__` would set the prototype and lose the value. */
function setOwn(target: LineObject, key: string, value: LineValue): void {
	if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
	else target[key] = value;
}

/**
 * Consecutive batches as one. A store pays for each value it is given, so what has gathered is written as a single chunk.
 * Law: the records of the joined batch are the records of the batches, one after the other.
 */
export function joinBatches<Extra>(batches: readonly Batch<Extra>[]): Batch<Extra> {
	const [first] = batches;
	if (!first || batches.length === 1) return first as Batch<Extra>;
	const joined: Batch<Extra> = {
		n0: first.n0,
		count: 0,
		shapes: [],
		numbers: new Float64Array(batches.reduce((sum, batch) => sum + batch.numbers.length, 0)),
		extras: [],
	};
	const places = new Map<string, number>();
	let at = 0;
	for (const batch of batches) {
		joined.numbers.set(batch.numbers, at);
		for (const [record, key, value] of batch.extras) joined.extras.push([joined.count + record, key, value]);
		const shapePlaces = batch.shapes.map((shape) => {
			const name = JSON.stringify(shape);
			const known = places.get(name) ?? joined.shapes.push(shape) - 1;
			places.set(name, known);
			return known;
		});
		for (let record = 0; record < batch.count; record++) {
			const shape = joined.numbers[at] as number;
			joined.numbers[at] = shapePlaces[shape] as number;
			at += HEADER_SLOTS + (batch.shapes[shape]?.length ?? 0);
		}
		joined.count += batch.count;
	}
	return joined;
}

/** About how many bytes a batch holds in memory; extras are taken at their JSON length where that is cheap, else at 64 bytes. */
export function batchBytes(batch: Batch<unknown>): number {
	let bytes = batch.numbers.byteLength + 64;
	for (const [, , value] of batch.extras) bytes += extraBytes(value);
	return bytes;
}

function extraBytes(value: unknown): number {
	if (typeof value === 'string') return 2 * value.length;
	if (ArrayBuffer.isView(value)) return value.byteLength;
	if (value === null || typeof value !== 'object') return 16;
	let bytes = 64;
	for (const member of Object.values(value)) bytes += extraBytes(member);
	return bytes;
}
