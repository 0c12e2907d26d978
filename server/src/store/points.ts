import { packColumns, unpackColumns } from './columns.ts';

/**
 * Points of one series as columns: step, number n of the line it came with, tag (whose line, and what kind of value), value. Where nothing else is
 * said they are sorted by step, one a step: the one whose line lies over all others.
 */
export interface Points {
	steps: Float64Array;
	ns: Float64Array;
	tags: Float64Array;
	values: Float64Array;
}

/** Kinds of value. */
export const NUMBER = 0;
/** A whole number beyond 2^53: the double is near it, the line has it. */
export const LARGE = 1;
/** No number; the value column holds 0. */
export const OBJECT = 2;

export const toTag = (writer: number, kind: number) => writer * 4 + kind;
/** The operator takes the lower bits of large numbers too, and is several times as fast as a remainder of doubles. */
export const kindOf = (tag: number) => tag & 3;
export const writerOf = (tag: number) => Math.floor(tag / 4);

/** Place of a writer among all of its run: of two lines of a step, the one of the writer with the greater rank lies over the other. */
export type RankOf = (writer: number) => number;

export const NO_POINTS: Points = { steps: new Float64Array(), ns: new Float64Array(), tags: new Float64Array(), values: new Float64Array() };

export const packPoints = ({ steps, ns, tags, values }: Points) => packColumns([steps, ns, tags, values]);

export function unpackPoints(bytes: Uint8Array | null | undefined): Points {
	if (!bytes) return NO_POINTS;
	const [steps, ns, tags, values] = unpackColumns(bytes) as [Float64Array, Float64Array, Float64Array, Float64Array];
	return { steps, ns, tags, values };
}

export function slicePoints({ steps, ns, tags, values }: Points, from: number, to: number): Points {
	return { steps: steps.subarray(from, to), ns: ns.subarray(from, to), tags: tags.subarray(from, to), values: values.subarray(from, to) };
}

/** Index of the first entry that is not less than `value`. */
export function lowerBound(column: Float64Array | readonly number[], value: number): number {
	let low = 0;
	let high = column.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((column[middle] as number) < value) low = middle + 1;
		else high = middle;
	}
	return low;
}

export function isAscending(steps: Float64Array | readonly number[]): boolean {
	for (let i = 1; i < steps.length; i++) if ((steps[i] as number) <= (steps[i - 1] as number)) return false;
	return true;
}

/** Sorts points that came in any order, and keeps the uppermost of each step. */
export function settlePoints(points: Points, rankOf: RankOf): Points {
	const { steps } = points;
	if (isAscending(steps)) return points;
	const order = Array.from({ length: steps.length }, (_, i) => i).sort(
		(a, b) => (steps[a] as number) - (steps[b] as number) || above(points, a, points, b, rankOf),
	);
	return pick(
		points,
		order.filter((entry, i) => steps[entry] !== steps[order[i + 1] as number]),
	);
}

/** Lays settled points over each other. */
export function mergePoints(a: Points, b: Points, rankOf: RankOf): Points {
	if (a.steps.length === 0) return b;
	if (b.steps.length === 0) return a;
	const total = a.steps.length + b.steps.length;
	const all: Points = { steps: new Float64Array(total), ns: new Float64Array(total), tags: new Float64Array(total), values: new Float64Array(total) };
	if ((a.steps.at(-1) as number) < (b.steps[0] as number)) {
		copyPoints(a, all, 0);
		copyPoints(b, all, a.steps.length);
		return all;
	}
	let i = 0;
	let j = 0;
	let at = 0;
	while (i < a.steps.length || j < b.steps.length) {
		const rise = (a.steps[i] ?? Number.POSITIVE_INFINITY) - (b.steps[j] ?? Number.POSITIVE_INFINITY);
		const isFromA = rise < 0 || (rise === 0 && above(a, i, b, j, rankOf) > 0);
		putPoint(isFromA ? a : b, isFromA ? i : j, all, at++);
		if (rise <= 0) i++;
		if (rise >= 0) j++;
	}
	return slicePoints(all, 0, at);
}

/** Positive when point i of `a` lies over point j of `b`, which has the same step. */
export function above(a: Points, i: number, b: Points, j: number, rankOf: RankOf): number {
	const writer = writerOf(a.tags[i] as number);
	const other = writerOf(b.tags[j] as number);
	if (writer !== other) return rankOf(writer) - rankOf(other);
	return (a.ns[i] as number) - (b.ns[j] as number);
}

function pick({ steps, ns, tags, values }: Points, order: readonly number[]): Points {
	const of = (column: Float64Array) => Float64Array.from(order, (i) => column[i] as number);
	return { steps: of(steps), ns: of(ns), tags: of(tags), values: of(values) };
}

function copyPoints(from: Points, to: Points, at: number): void {
	to.steps.set(from.steps, at);
	to.ns.set(from.ns, at);
	to.tags.set(from.tags, at);
	to.values.set(from.values, at);
}

function putPoint(from: Points, i: number, to: Points, at: number): void {
	to.steps[at] = from.steps[i] as number;
	to.ns[at] = from.ns[i] as number;
	to.tags[at] = from.tags[i] as number;
	to.values[at] = from.values[i] as number;
}
