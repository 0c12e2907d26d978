import type { Series } from '../../../src/core/query.ts';
import { smooth } from './smoothing.ts';

/** One run's line, ready to be painted: what is drawn, what lies faintly behind it, and what must be marked on it. */
export interface Line {
	runId: string;
	/** Place in the run palette, 0 …; from 20 the colours return dashed. */
	colour: number;
	isLive: boolean;
	x: ArrayLike<number>;
	/** What is drawn; NaN breaks the line. */
	y: ArrayLike<number>;
	/** The values before smoothing, when smoothing is on. */
	original: ArrayLike<number> | undefined;
	/** Least and greatest value behind each point, when the band is drawn. */
	band: { min: ArrayLike<number>; max: ArrayLike<number> } | undefined;
	/** Values that have no place on the axis; they are marked at its edges. */
	marks: { x: number; value: Mark }[];
	/** How many such values there are, also beyond those in `marks`. */
	nonFinite: number;
	series: Series;
}

/** `low`: a zero or negative value, which a log axis has no place for. */
export type Mark = 'NaN' | 'Infinity' | '-Infinity' | 'low';

export interface LineOptions {
	colour: number;
	isLive: boolean;
	smoothing: number;
	/** Width of x on screen, for smoothing. */
	range: number;
	log: boolean;
	band: boolean;
}

/** Turns a series into a line. The last value of a bucket is the line, as it is with a point per bucket. */
export function prepareLine(series: Series, options: LineOptions): Line {
	const marks: Line['marks'] = series.nonFiniteAt.map(({ x, value }) => ({ x, value: String(value) as Mark }));
	let { last, min, max } = series;
	if (options.log) {
		last = positive(last, series.x, marks);
		min = positive(min);
		max = positive(max);
	}
	const isSmooth = options.smoothing > 0;
	// The mean is smoothed, not the last value: between buckets there is nothing else that knows of the points left out.
	const y = isSmooth ? smooth(series.x, options.log ? positive(series.mean) : series.mean, options.smoothing, options.range) : last;
	const isBucketed = series.points > series.x.length;
	return {
		runId: series.runId,
		colour: options.colour,
		isLive: options.isLive,
		x: series.x,
		y,
		original: isSmooth ? last : undefined,
		band: options.band && isBucketed ? { min, max } : undefined,
		marks,
		nonFinite: series.nonFinite.reduce((sum, n) => sum + n, 0),
		series,
	};
}

function positive(values: Float64Array, x?: Float64Array, marks?: Line['marks']): Float64Array {
	return values.map((value, i) => {
		if (Number.isNaN(value) || value > 0) return value;
		if (marks && marks.length < MOST_MARKS) marks.push({ x: x?.[i] ?? 0, value: 'low' });
		return Number.NaN;
	});
}

const MOST_MARKS = 200;

/** Extent of x over all lines, or undefined when there is no point at all. */
export function extentX(series: Iterable<Series>): [number, number] | undefined {
	let low = Infinity;
	let high = -Infinity;
	for (const one of series) {
		const first = one.x[0];
		const last = one.x[one.x.length - 1];
		if (first !== undefined && first < low) low = first;
		if (last !== undefined && last > high) high = last;
	}
	return low <= high ? [low, high] : undefined;
}

/** Extent of everything that is drawn between `from` and `to`, or undefined when nothing finite is. */
export function extentY(lines: readonly Line[], from: number, to: number): [number, number] | undefined {
	let low = Infinity;
	let high = -Infinity;
	for (const line of lines) {
		const lists = [line.y, line.original, line.band?.min, line.band?.max];
		for (const values of lists) {
			if (!values) continue;
			for (let i = 0; i < values.length; i++) {
				const x = line.x[i];
				const value = values[i];
				if (x === undefined || x < from || x > to || value === undefined || !Number.isFinite(value)) continue;
				if (value < low) low = value;
				if (value > high) high = value;
			}
		}
	}
	return low <= high ? [low, high] : undefined;
}

/**
 * The range of the y axis for an extent. `previous` is kept while the data still fit into it and fill at least half of it, so that a
 * live chart does not breathe with every point.
 */
export function rangeY(extent: [number, number] | undefined, log: boolean, previous?: readonly [number, number]): [number, number] {
	if (!extent) return previous ? [previous[0], previous[1]] : log ? [0.1, 1] : [0, 1];
	const to = log ? Math.log10 : (value: number): number => value;
	const from = log ? (value: number): number => 10 ** value : (value: number): number => value;
	const low = to(extent[0]);
	const high = to(extent[1]);
	if (previous) {
		const span = to(previous[1]) - to(previous[0]);
		if (extent[0] >= previous[0] && extent[1] <= previous[1] && high - low >= span * 0.5) return [previous[0], previous[1]];
	}
	const span = high - low;
	if (span === 0 || !Number.isFinite(span)) {
		const around = log ? 0.5 : Math.abs(low) * 0.1 || 1;
		return [from(low - around), from(high + around)];
	}
	const pad = span * 0.06;
	// A metric that is never negative should not get an axis that is.
	const bottom = !log && low >= 0 && low - pad < 0 ? 0 : low - pad;
	return [from(bottom), from(high + pad)];
}

/** Index of the point nearest to `x` in an ascending list, or −1 when the list is empty. */
export function nearestIndex(list: ArrayLike<number>, x: number): number {
	let low = 0;
	let high = list.length - 1;
	if (high < 0) return -1;
	while (high - low > 1) {
		const middle = (low + high) >> 1;
		if ((list[middle] ?? 0) <= x) low = middle;
		else high = middle;
	}
	return x - (list[low] ?? 0) <= (list[high] ?? 0) - x ? low : high;
}

/**
 * Index of the point of a line to read at `x`: the nearest one, unless `x` lies outside the line by more than the distance of two
 * of its points (a run that ended early says nothing about later steps), or nothing finite is there.
 */
export function readAt(line: Pick<Line, 'x' | 'y'>, x: number, slack: number): number {
	const at = nearestIndex(line.x, x);
	if (at < 0 || !Number.isFinite(line.y[at])) return -1;
	const first = line.x[0] ?? 0;
	const last = line.x[line.x.length - 1] ?? 0;
	const spacing = line.x.length > 1 ? (last - first) / (line.x.length - 1) : 0;
	const reach = Math.max(slack, spacing);
	return x < first - reach || x > last + reach ? -1 : at;
}

/** The chart in a sentence, for those who hear it. */
export function describeChart(
	key: string,
	axis: string,
	lines: readonly Line[],
	nameOf: (runId: string) => string,
	format: (value: number) => string,
): string {
	if (lines.length === 0) return `${key}, no data`;
	let best: { name: string; value: number; x: number } | undefined;
	let notFinite = 0;
	for (const line of lines) {
		if (line.nonFinite > 0) notFinite++;
		for (let i = line.y.length - 1; i >= 0; i--) {
			const value = line.y[i];
			if (value === undefined || !Number.isFinite(value)) continue;
			if (!best || value < best.value) best = { name: nameOf(line.runId), value, x: line.x[i] ?? 0 };
			break;
		}
	}
	const runs = `${lines.length} run${lines.length === 1 ? '' : 's'}`;
	const lowest = best ? `, ${lines.length === 1 ? 'last value' : `lowest ${best.name}`} ${format(best.value)}` : '';
	return `${key} by ${axis}, ${runs}${lowest}${notFinite > 0 ? `; ${notFinite} run${notFinite === 1 ? '' : 's'} not finite` : ''}`;
}
