import type { DatabaseSync } from 'node:sqlite';
import { type LineValue, parseLine } from '../../../src/core/json-line.ts';
import { isLater, type RecordPlace } from '../../../src/core/place.ts';
import { type Segment, type SegmentHead, Segments } from './segments.ts';

/** Place of the columns of `points` in a block. */
const STEP = 0;
const N = 1;
const VALUE = 2;

/** A value and the record that it came with. */
export interface PlacedValue {
	writer: number;
	n: number;
	value: LineValue;
}

/** Where record n of a writer stands among all of the run. */
export type PlaceOf = (writer: number, n: number) => RecordPlace;

export interface StoredSeries {
	id: number;
	/** Whether it has values that are no numbers. */
	hasObjects: boolean;
}

/** Numbers of a series that nothing hides, by ascending step. */
export interface VisibleNumbers {
	steps: Float64Array;
	ns: Float64Array;
	values: Float64Array;
	writers: Float64Array;
}

export interface StoredObject {
	step: number;
	writer: number;
	n: number;
	time_ms: number;
	json: string;
}

/** Values of series as they are stored, and which of them are seen: those of a step's latest record. */
export class SeriesValues {
	readonly points: Segments;
	readonly #objects;
	readonly #object;
	readonly #putObject;

	constructor(sql: DatabaseSync) {
		this.points = new Segments(sql, 'points', 3);
		this.#objects = sql.prepare('SELECT step, writer, n, time_ms, json FROM objects WHERE series = ? ORDER BY step');
		this.#object = sql.prepare('SELECT step, writer, n, time_ms, json FROM objects WHERE series = ? AND step = ?');
		this.#putObject = sql.prepare('INSERT OR REPLACE INTO objects (series, step, writer, n, time_ms, json) VALUES (?, ?, ?, ?, ?, ?)');
	}

	numbers(series: StoredSeries, placeOf: PlaceOf): VisibleNumbers {
		const numbers = latestOfEachStep(joined(this.points.read(series.id)), placeOf);
		if (!series.hasObjects) return numbers;
		const objects = new Map(this.#allObjects(series).map((object) => [object.step, object]));
		return filtered(numbers, (step, writer, n) => {
			const object = objects.get(step);
			return object === undefined || isLater(placeOf(writer, n), placeOf(object.writer, object.n));
		});
	}

	/** What is no number and not hidden, by ascending step. */
	objects(series: StoredSeries, placeOf: PlaceOf): StoredObject[] {
		if (!series.hasObjects) return [];
		const { steps, ns, writers } = latestOfEachStep(joined(this.points.read(series.id)), placeOf);
		const at = new Map(Array.from(steps, (step, i) => [step, i]));
		return this.#allObjects(series).filter(({ step, writer, n }) => {
			const i = at.get(step);
			return i === undefined || isLater(placeOf(writer, n), placeOf(writers[i] as number, ns[i] as number));
		});
	}

	/** All that is not hidden, by ascending step. */
	all(series: StoredSeries, placeOf: PlaceOf): (PlacedValue & { step: number })[] {
		const { steps, ns, values, writers } = this.numbers(series, placeOf);
		const numbers = Array.from(steps, (step, i) => ({ step, writer: writers[i] as number, n: ns[i] as number, value: values[i] as LineValue }));
		const objects = this.objects(series, placeOf).map(({ step, writer, n, json }) => ({ step, writer, n, value: parseLine(json) }));
		return objects.length === 0 ? numbers : [...numbers, ...objects].sort((a, b) => a.step - b.step);
	}

	object(series: number, step: number): StoredObject | undefined {
		return this.#object.get(series, step) as StoredObject | undefined;
	}

	putObject(series: number, { step, writer, n, time_ms, json }: StoredObject): void {
		this.#putObject.run(series, step, writer, n, time_ms, json);
	}

	#allObjects(series: StoredSeries): StoredObject[] {
		return this.#objects.all(series.id) as unknown as StoredObject[];
	}
}

/** What a series shows at single steps, while values are added to it: asked only for steps between its first and its last. */
export class LateValues {
	readonly #values: SeriesValues;
	readonly #series: StoredSeries;
	readonly #placeOf: PlaceOf;
	readonly #heads: SegmentHead[];
	readonly #bodies = new Map<number, Float64Array[]>();
	readonly #seen = new Map<number, PlacedValue>();

	constructor(values: SeriesValues, series: StoredSeries, placeOf: PlaceOf) {
		this.#values = values;
		this.#series = series;
		this.#placeOf = placeOf;
		this.#heads = values.points.heads(series.id);
	}

	at(step: number): PlacedValue | undefined {
		const seen = this.#seen.get(step) ?? this.#stored(step);
		if (seen) this.#seen.set(step, seen);
		return seen;
	}

	put(step: number, value: PlacedValue): void {
		this.#seen.set(step, value);
	}

	#stored(step: number): PlacedValue | undefined {
		const object = this.#series.hasObjects ? this.#values.object(this.#series.id, step) : undefined;
		let best: PlacedValue | undefined = object && { writer: object.writer, n: object.n, value: parseLine(object.json) };
		for (const head of this.#heads) {
			if (step < head.first || step > head.last) continue;
			const columns = this.#bodies.get(head.id) ?? this.#values.points.columns(head);
			this.#bodies.set(head.id, columns);
			const i = lastAt(columns[STEP] as Float64Array, step);
			if (i === -1) continue;
			const found = { writer: head.writer, n: columns[N]?.[i] as number, value: columns[VALUE]?.[i] as number };
			if (!best || isLater(this.#placeOf(found.writer, found.n), this.#placeOf(best.writer, best.n))) best = found;
		}
		return best;
	}
}

/** Index of the last entry that equals `value` in an ascending column, or −1. */
function lastAt(column: Float64Array, value: number): number {
	let low = 0;
	let high = column.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((column[middle] as number) <= value) low = middle + 1;
		else high = middle;
	}
	return low > 0 && column[low - 1] === value ? low - 1 : -1;
}

function joined(segments: readonly Segment[]): VisibleNumbers {
	const count = segments.reduce((sum, { columns }) => sum + (columns[STEP]?.length ?? 0), 0);
	const all = empty(count);
	let at = 0;
	for (const { writer, columns } of segments) {
		all.steps.set(columns[STEP] as Float64Array, at);
		all.ns.set(columns[N] as Float64Array, at);
		all.values.set(columns[VALUE] as Float64Array, at);
		all.writers.fill(writer, at, at + (columns[STEP] as Float64Array).length);
		at += (columns[STEP] as Float64Array).length;
	}
	return all;
}

function latestOfEachStep(all: VisibleNumbers, placeOf: PlaceOf): VisibleNumbers {
	const { steps, ns, values, writers } = all;
	let isAscending = true;
	for (let i = 1; i < steps.length && isAscending; i++) isAscending = (steps[i] as number) > (steps[i - 1] as number);
	if (isAscending) return all;
	const rank = ranks(new Set(writers), placeOf);
	const order = Array.from({ length: steps.length }, (_, i) => i).sort(
		(a, b) =>
			(steps[a] as number) - (steps[b] as number) ||
			(rank.get(writers[a] as number) as number) - (rank.get(writers[b] as number) as number) ||
			(ns[a] as number) - (ns[b] as number),
	);
	const kept = order.filter((entry, i) => steps[entry] !== steps[order[i + 1] as number]);
	const pick = (column: Float64Array) => Float64Array.from(kept, (entry) => column[entry] as number);
	return { steps: pick(steps), ns: pick(ns), values: pick(values), writers: pick(writers) };
}

/** Writers by their place among each other. */
export function ranks(writers: Iterable<number>, placeOf: PlaceOf): Map<number, number> {
	const sorted = [...writers].sort((a, b) => (a === b ? 0 : isLater(placeOf(a, 0), placeOf(b, 0)) ? 1 : -1));
	return new Map(sorted.map((writer, rank) => [writer, rank]));
}

function filtered(all: VisibleNumbers, isKept: (step: number, writer: number, n: number) => boolean): VisibleNumbers {
	const kept: number[] = [];
	for (let i = 0; i < all.steps.length; i++) {
		if (isKept(all.steps[i] as number, all.writers[i] as number, all.ns[i] as number)) kept.push(i);
	}
	const pick = (column: Float64Array) => Float64Array.from(kept, (i) => column[i] as number);
	return { steps: pick(all.steps), ns: pick(all.ns), values: pick(all.values), writers: pick(all.writers) };
}

function empty(count: number): VisibleNumbers {
	return { steps: new Float64Array(count), ns: new Float64Array(count), values: new Float64Array(count), writers: new Float64Array(count) };
}
