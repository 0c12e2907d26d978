import type { LineObject, LineValue } from './json-line.ts';
import { writeLine } from './json-line.ts';
import { RUNTIME, STEP, TIMESTAMP } from './keys.ts';

/**
 * A batch is a run of consecutive records, packed: what the caller's thread sends to the writer, and (as bytes, chunk.ts) what
 * the store keeps. Numbers lie in one Float64Array, since copying that is several times cheaper than copying objects.
 *
 * `numbers` holds the records one after the other: shape, relative step, least step, timestamp (ms since the epoch), runtime (s), then a number for
 * each key of the shape. A value that is no double stands in `extras`, and its slot holds NaN.
 *
 * The step of a record is max(base + relative, least), where the base is the step at which its writer begins: 0 for a new run, else known once the
 * store or the server has said how far the run is ({@link stepOf}). A step that was named has the relative step −∞.
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
export const HEADER_SLOTS = 5;

export interface RecordView<Extra = LineValue> {
	n: number;
	/** Steps that the writer had given out before by itself; −∞ when the step was named. */
	relative: number;
	/** The step that was named, or the least one that may follow those named before. */
	least: number;
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
			relative: batch.numbers[at + 1] as number,
			least: batch.numbers[at + 2] as number,
			timestampMs: batch.numbers[at + 3] as number,
			runtimeS: batch.numbers[at + 4] as number,
			keys,
			values,
		};
		at += HEADER_SLOTS + keys.length;
	}
}

/**
 * The step of a record of a writer that begins at `base`; undefined when the server numbers this writer's steps (`base` null) and none was named.
 */
export function stepOf({ relative, least }: Pick<RecordView, 'relative' | 'least'>, base: number | null): number | undefined {
	if (base === null) return relative === Number.NEGATIVE_INFINITY ? least : undefined;
	return Math.max(base + relative, least);
}

/** A record as an object: the logged keys in their order. */
export function recordObject(record: RecordView): LineObject {
	const object: LineObject = {};
	for (let i = 0; i < record.keys.length; i++) setOwn(object, record.keys[i] as string, record.values[i] as LineValue);
	return object;
}

/**
 * The line of a record, without newline: the logged keys in their order, then `_step` (a history record whose step is known), `_runtime` (seconds),
 * `_timestamp` (seconds since the epoch), as W&B's client 0.30 writes them. The same record always gives the same text.
 * `runtimeBaseS`: how long the run had gone on when the record's writer began.
 */
export function recordLine(record: RecordView, step: number | undefined, runtimeBaseS: number): string {
	const line = recordObject(record);
	if (step !== undefined) line[STEP] = step;
	line[RUNTIME] = runtimeBaseS + record.runtimeS;
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
	// A Blob, a bitmap: what they hold is outside of the heap, and room all the same.
	const { size, width = 0, height = 0 } = value as { size?: number; width?: number; height?: number };
	if (Object.getPrototypeOf(value) !== Object.prototype && !Array.isArray(value)) return size ?? 4 * width * height + 64;
	let bytes = 64;
	for (const member of Object.values(value)) bytes += extraBytes(member);
	return bytes;
}

/** The greatest relative and least step, and runtime, of a batch, plus one step each: what follows its records. */
export function nextOf({ count, numbers, shapes }: Batch): { relative: number; least: number; runtimeS: number } {
	const next = { relative: 0, least: 0, runtimeS: 0 };
	for (let record = 0, at = 0; record < count; record++) {
		next.relative = Math.max(next.relative, (numbers[at + 1] as number) + 1);
		next.least = Math.max(next.least, (numbers[at + 2] as number) + 1);
		next.runtimeS = Math.max(next.runtimeS, numbers[at + 4] as number);
		at += HEADER_SLOTS + (shapes[numbers[at] as number]?.length ?? 0);
	}
	return next;
}
