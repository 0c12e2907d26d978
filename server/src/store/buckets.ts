import type { Series } from '../../../src/core/query.ts';

/** A point as the store keeps it. `kind`: 0 finite, 1 NaN, 2 Infinity, 3 −Infinity. */
export interface Point {
	x: number;
	value: number;
	kind: number;
}

const KIND_NAMES = ['', 'NaN', 'Infinity', '-Infinity'] as const;
const MAX_NON_FINITE = 100;

/**
 * Cuts points, ordered by x, into at most `buckets` buckets of equal width in x. No point is left out: each bucket keeps min,
 * max, mean, first, last and counts. When the points are fewer than the buckets, each is a bucket of its own.
 */
export function toSeries(runId: string, key: string, points: readonly Point[], buckets: number): Series {
	const series: Series = {
		runId,
		key,
		points: points.length,
		x: [],
		min: [],
		max: [],
		mean: [],
		first: [],
		last: [],
		count: [],
		nonFinite: 0,
		nonFiniteAt: [],
	};
	const first = points[0];
	const last = points[points.length - 1];
	if (!first || !last) return series;
	const width = points.length <= buckets ? 0 : (last.x - first.x) / buckets;
	let bucket = -1;
	let sum = 0;
	let finite = 0;
	for (const [i, { x, value, kind }] of points.entries()) {
		const at = width === 0 ? i : Math.min(buckets - 1, Math.floor((x - first.x) / width));
		if (at !== bucket) {
			bucket = at;
			sum = 0;
			finite = 0;
			series.x.push(x);
			series.count.push(0);
			for (const field of [series.min, series.max, series.mean, series.first, series.last]) field.push(null);
		}
		const here = series.x.length - 1;
		series.x[here] = x;
		series.count[here] = (series.count[here] ?? 0) + 1;
		if (kind !== 0) {
			series.nonFinite++;
			if (series.nonFiniteAt.length < MAX_NON_FINITE) series.nonFiniteAt.push({ x, value: KIND_NAMES[kind] as 'NaN' });
			continue;
		}
		sum += value;
		finite++;
		series.min[here] = Math.min(series.min[here] ?? Number.POSITIVE_INFINITY, value);
		series.max[here] = Math.max(series.max[here] ?? Number.NEGATIVE_INFINITY, value);
		series.mean[here] = sum / finite;
		series.first[here] ??= value;
		series.last[here] = value;
	}
	return series;
}
