import { BUCKET_COLUMNS, BucketBuilder, bucketWidth, FINITE, FIRST_STEP, LAST_STEP, NON_FINITE } from './bucket-builder.ts';
import { type Buckets, toBuckets } from './buckets.ts';
import { unpackPlain } from './columns.ts';
import type { LeafTable, SpanHeads } from './leaf-table.ts';
import { addPoints, MAX_SUMS, sumsWidth } from './leaves.ts';
import { kindOf, lowerBound, mergePoints, OBJECT, type Points, type RankOf, slicePoints } from './points.ts';

/** A stretch of a series: points as they are seen, or a leaf that nothing lies over. */
type Part = { points: Points } | { span: SpanHeads; leaf: number };

const MAX_NON_FINITE = 100;

/** One series as it is seen: its leaves, with the loose points laid over them. */
export class SeriesView {
	readonly #table: LeafTable;
	readonly #series: number;
	readonly #loose: Points;
	readonly #rankOf: RankOf;

	/** `loose`: settled points that are in no leaf. */
	constructor(table: LeafTable, series: number, loose: Points, rankOf: RankOf) {
		this.#table = table;
		this.#series = series;
		this.#loose = loose;
		this.#rankOf = rankOf;
	}

	/** All points, what is no number too. */
	points(): Points {
		const parts = this.#parts(0, Number.MAX_SAFE_INTEGER).map((part) => this.#pointsOf(part));
		return joined(parts);
	}

	/** For each of the ascending steps, a list of points and the place in it where the step has one. */
	at(steps: ArrayLike<number>): ({ points: Points; i: number } | undefined)[] {
		const found: ({ points: Points; i: number } | undefined)[] = Array.from({ length: steps.length });
		if (steps.length === 0) return found;
		const parts = this.#parts(steps[0] as number, steps[steps.length - 1] as number, false);
		let at = 0;
		for (let k = 0; k < steps.length; k++) {
			const step = steps[k] as number;
			while (at < parts.length && endOf(parts[at] as Part) <= step) at++;
			const part = parts[at];
			if (part === undefined) break;
			const points = this.#pointsOf(part);
			// Another step may ask for the same leaf.
			parts[at] = { points };
			const i = lowerBound(points.steps, step);
			if (points.steps[i] === step) found[k] = { points, i };
		}
		return found;
	}

	/** Cut into at most `most` buckets of equal width in steps (bucket-builder.ts); point by point when the points are no more than that. Undefined without a number. */
	buckets([low, high]: readonly [number, number], most: number): Buckets | undefined {
		const parts: Part[] = [];
		let count = 0;
		for (const part of this.#parts(low, high)) {
			const numbers = numbersIn(part);
			count += numbers;
			if (numbers > 0) parts.push(part);
		}
		const [first, last] = [parts[0], parts.at(-1)];
		if (!first || !last) return undefined;
		const width = count <= most ? 1 : bucketWidth(firstStep(first), lastStep(last), most);
		const builder = new BucketBuilder(width, Math.min(most, count));
		const nonFiniteAt: { x: number; value: number }[] = [];
		let sums: { span: SpanHeads; view: DataView } | undefined;
		for (const part of parts) {
			let points = 'points' in part ? part.points : undefined;
			if (nonFiniteAt.length < MAX_NON_FINITE && (points || nonFiniteIn(part) > 0)) {
				points ??= this.#pointsOf(part);
				collectNonFinite(points, nonFiniteAt);
			}
			if ('points' in part) addPoints(builder, part.points);
			else {
				const { span, leaf } = part;
				const exponent = span.exponents[leaf] as number;
				if (2 ** exponent <= width) builder.addBuckets(span.heads, 0, leaf, leaf + 1);
				else if (sumsWidth({ exponent }) <= width) {
					if (sums?.span !== span) {
						const { buffer, byteOffset, byteLength } = this.#table.sums(this.#series, span.start);
						sums = { span, view: new DataView(buffer, byteOffset, byteLength) };
					}
					addSums(builder, span, leaf, sums.view);
				} else addPoints(builder, points ?? this.#pointsOf(part));
			}
		}
		return toBuckets(builder.finish(), count, nonFiniteAt);
	}

	/** Ascending. With `isCut`, without what lies outside. */
	#parts(low: number, high: number, isCut = true): Part[] {
		const loose = isCut ? between(this.#loose, low, high) : this.#loose;
		const parts: Part[] = [];
		let from = 0;
		const putLoose = (to: number) => {
			if (to > from) parts.push({ points: slicePoints(loose, from, to) });
			from = to;
		};
		for (const span of this.#table.spans(this.#series, low, high)) {
			for (let leaf = 0; leaf < span.starts.length; leaf++) {
				const start = span.starts[leaf] as number;
				const end = start + 2 ** (span.exponents[leaf] as number);
				if (end <= low || start > high) continue;
				putLoose(Math.max(from, lowerBound(loose.steps, start)));
				const to = Math.max(from, lowerBound(loose.steps, end));
				const isInside = !isCut || (start >= low && end - 1 <= high);
				if (to === from && isInside) parts.push({ span, leaf });
				else {
					const points = mergePoints(this.#table.points(this.#series, start), slicePoints(loose, from, to), this.#rankOf);
					parts.push({ points: isCut ? between(points, low, high) : points });
					from = to;
				}
			}
		}
		putLoose(loose.steps.length);
		return parts;
	}

	#pointsOf(part: Part): Points {
		return 'points' in part ? part.points : this.#table.points(this.#series, part.span.starts[part.leaf] as number);
	}
}

/** Sums of the leaf at hand. */
const sumsColumns = Array.from({ length: BUCKET_COLUMNS }, () => new Float64Array(MAX_SUMS));

function addSums(builder: BucketBuilder, span: SpanHeads, leaf: number, view: DataView): void {
	let at = 0;
	for (let i = 0; i < leaf; i++) at += span.sumsBytes[i] as number;
	const count = unpackPlain(view, at, sumsColumns);
	builder.addBuckets(sumsColumns, span.starts[leaf] as number, 0, count);
}

function collectNonFinite({ steps, tags, values }: Points, found: { x: number; value: number }[]): void {
	for (let i = 0; i < steps.length && found.length < MAX_NON_FINITE; i++) {
		const value = values[i] as number;
		if (!Number.isFinite(value) && kindOf(tags[i] as number) !== OBJECT) found.push({ x: steps[i] as number, value });
	}
}

function numbersIn(part: Part): number {
	if (!('points' in part)) return (part.span.heads[FINITE]?.[part.leaf] as number) + nonFiniteIn(part);
	let count = 0;
	for (const tag of part.points.tags) if (kindOf(tag) !== OBJECT) count++;
	return count;
}

function nonFiniteIn(part: Part): number {
	return 'points' in part ? 0 : (part.span.heads[NON_FINITE]?.[part.leaf] as number);
}

function firstStep(part: Part): number {
	if (!('points' in part)) return part.span.heads[FIRST_STEP]?.[part.leaf] as number;
	return part.points.steps[part.points.tags.findIndex((tag) => kindOf(tag) !== OBJECT)] as number;
}

function lastStep(part: Part): number {
	if (!('points' in part)) return part.span.heads[LAST_STEP]?.[part.leaf] as number;
	return part.points.steps[part.points.tags.findLastIndex((tag) => kindOf(tag) !== OBJECT)] as number;
}

/** The first step behind the part. */
function endOf(part: Part): number {
	if ('points' in part) return (part.points.steps.at(-1) ?? -1) + 1;
	return (part.span.starts[part.leaf] as number) + 2 ** (part.span.exponents[part.leaf] as number);
}

function between(points: Points, low: number, high: number): Points {
	if (points.steps.length === 0 || ((points.steps[0] as number) >= low && (points.steps.at(-1) as number) <= high)) return points;
	const from = lowerBound(points.steps, low);
	let to = lowerBound(points.steps, high);
	if (points.steps[to] === high) to++;
	return slicePoints(points, from, Math.max(from, to));
}

function joined(parts: readonly Points[]): Points {
	if (parts.length === 1) return parts[0] as Points;
	const total = parts.reduce((sum, { steps }) => sum + steps.length, 0);
	const all: Points = { steps: new Float64Array(total), ns: new Float64Array(total), tags: new Float64Array(total), values: new Float64Array(total) };
	let at = 0;
	for (const { steps, ns, tags, values } of parts) {
		all.steps.set(steps, at);
		all.ns.set(ns, at);
		all.tags.set(tags, at);
		all.values.set(values, at);
		at += steps.length;
	}
	return all;
}
