import { ARG_MAX, ARG_MIN, BUCKET_COLUMNS, BucketBuilder, type BucketColumns, FIRST_STEP, LAST_STEP } from './bucket-builder.ts';
import { packColumns } from './columns.ts';
import { kindOf, lowerBound, mergePoints, NO_POINTS, OBJECT, type Points, packPoints, type RankOf, slicePoints } from './points.ts';

/**
 * The points of a series lie in leaves. A leaf owns 2^exponent steps from a multiple of that, and holds at most 4,096 points; no two overlap. It is
 * found again whatever arrives: a late point belongs to the leaf that owns its step, or to none yet. With each leaf lie its sums: what 1/128 of its
 * steps come to (32 points, when they are dense), and its head: what all of it comes to.
 */
export interface Leaf {
	start: number;
	exponent: number;
	/** Points, those that are no numbers too. */
	count: number;
	/** One bucket over all of it, steps as they are; empty when it has no numbers. */
	head: BucketColumns;
	/** Packed buckets of 2^(exponent − 7) steps; their steps count from `start`. */
	sums: Uint8Array;
}

export interface MadeLeaf extends Leaf {
	body: Uint8Array;
}

export const LEAF_POINTS = 4_096;
const SUMS_EXPONENT = 7;
/** Of a leaf. */
export const MAX_SUMS = 2 ** SUMS_EXPONENT;
/** Steps are below 2^53. */
const WHOLE_EXPONENT = 53;

/** Steps that one sum of a leaf covers. */
export const sumsWidth = ({ exponent }: { exponent: number }) => 2 ** Math.max(0, exponent - SUMS_EXPONENT);
export const leafEnd = ({ start, exponent }: { start: number; exponent: number }) => start + 2 ** exponent;

export interface FoldInput {
	/** Leaves of one region, ascending; the region owns the steps from `low` to below `high`. */
	leaves: readonly Leaf[];
	low: number;
	high: number;
	/** Points of each leaf that owns a step of `loose`, by its start. */
	bodies: ReadonlyMap<number, Points>;
	/** What is to be put in: settled points of the region. */
	loose: Points;
	/** Whether more points may come behind: the last ones then stay loose until it is seen how many share their leaf. */
	isOpen: boolean;
}

export interface FoldResult {
	kept: Leaf[];
	/** Starts of leaves that are no more, or are made anew. */
	removed: number[];
	made: MadeLeaf[];
	/** What stays loose. */
	rest: Points;
}

/** Puts loose points into leaves. Leaves that own none of them stay as they are. */
export function foldLeaves({ leaves, low, high, bodies, loose, isOpen }: FoldInput, rankOf: RankOf): FoldResult {
	const result: FoldResult = { kept: [], removed: [], made: [], rest: NO_POINTS };
	const starts = leaves.map(({ start }) => start);
	const last = leaves.at(-1);
	const end = last ? leafEnd(last) : 0;

	const visit = (start: number, exponent: number, leafFrom: number, leafTo: number, from: number, to: number): void => {
		if (from === to) {
			result.kept.push(...leaves.slice(leafFrom, leafTo));
			return;
		}
		if (leafFrom === leafTo && to - from <= LEAF_POINTS) {
			const points = slicePoints(loose, from, to);
			if (isOpen && to === loose.steps.length && (loose.steps[from] as number) >= end) {
				result.rest = points;
				return;
			}
			const node = least(points);
			if (node.start >= low && leafEnd(node) <= high) {
				result.made.push(makeLeaf(node.start, node.exponent, points));
				return;
			}
		}
		const own = leaves[leafFrom];
		if (leafTo - leafFrom === 1 && own?.start === start && own.exponent === exponent) {
			result.removed.push(start);
			cut(start, exponent, mergePoints(bodies.get(start) as Points, slicePoints(loose, from, to), rankOf), result.made);
			return;
		}
		const middle = start + 2 ** (exponent - 1);
		const leafMiddle = Math.min(leafTo, Math.max(leafFrom, lowerBound(starts, middle)));
		const pointMiddle = Math.min(to, Math.max(from, lowerBound(loose.steps, middle)));
		visit(start, exponent - 1, leafFrom, leafMiddle, from, pointMiddle);
		visit(middle, exponent - 1, leafMiddle, leafTo, pointMiddle, to);
	};
	visit(0, WHOLE_EXPONENT, 0, leaves.length, 0, loose.steps.length);
	return result;
}

/** Halves what is too much for one leaf. */
function cut(start: number, exponent: number, points: Points, made: MadeLeaf[]): void {
	const count = points.steps.length;
	if (count === 0) return;
	if (count <= LEAF_POINTS) {
		made.push(makeLeaf(start, exponent, points));
		return;
	}
	const middle = start + 2 ** (exponent - 1);
	const at = lowerBound(points.steps, middle);
	cut(start, exponent - 1, slicePoints(points, 0, at), made);
	cut(middle, exponent - 1, slicePoints(points, at, count), made);
}

/** The least interval of its kind that holds all the points. */
function least({ steps }: Points): { start: number; exponent: number } {
	const first = steps[0] as number;
	const last = steps.at(-1) as number;
	let exponent = 0;
	while (Math.floor(first / 2 ** exponent) !== Math.floor(last / 2 ** exponent)) exponent++;
	return { start: Math.floor(first / 2 ** exponent) * 2 ** exponent, exponent };
}

function makeLeaf(start: number, exponent: number, points: Points): MadeLeaf {
	const sums = new BucketBuilder(sumsWidth({ exponent }), MAX_SUMS);
	addPoints(sums, points);
	const columns = sums.finish();
	const head = new BucketBuilder(2 ** exponent, 1);
	head.addBuckets(columns, 0, 0, (columns[0] as Float64Array).length);
	return {
		start,
		exponent,
		count: points.steps.length,
		head: head.finish(),
		sums: packColumns(relative(columns, start), false),
		body: packPoints(points),
	};
}

/** Adds the numbers among the points. */
export function addPoints(builder: BucketBuilder, { steps, tags, values }: Points): void {
	for (let i = 0; i < steps.length; i++) {
		if (kindOf(tags[i] as number) !== OBJECT) builder.addPoint(steps[i] as number, values[i] as number);
	}
}

/** The same buckets, their steps counted from `base`: small numbers take little room. */
function relative(columns: Float64Array[], base: number): Float64Array[] {
	const { length } = columns[FIRST_STEP] as Float64Array;
	for (let i = 0; i < length; i++) {
		// Of a bucket without a finite number, the places of its extremes are 0 and stay that.
		const isEmpty = columns[2]?.[i] === 0;
		for (const column of [FIRST_STEP, LAST_STEP, ARG_MIN, ARG_MAX]) {
			const steps = columns[column] as Float64Array;
			if (column < ARG_MIN || !isEmpty) steps[i] = (steps[i] as number) - base;
		}
	}
	return columns;
}

/** Leaves that lie beside each other share a row of the table `spans`. */
export const SPAN_LEAVES = 8;

export interface Span {
	heads: Uint8Array;
	sums: Uint8Array;
}

/** Heads are the columns start, exponent, count, bytes of the sums, then those of a bucket; the sums of all leaves lie beside each other. */
export function packSpan(leaves: readonly Leaf[]): Span {
	const columns: number[][] = Array.from({ length: 4 + BUCKET_COLUMNS }, () => []);
	for (const { start, exponent, count, head, sums } of leaves) {
		const values = [start, exponent, count, sums.length, ...head.map((column) => column[0] ?? 0)];
		for (const [i, value] of values.entries()) columns[i]?.push(value);
	}
	return { heads: packColumns(columns, false), sums: Buffer.concat(leaves.map(({ sums }) => sums)) };
}
