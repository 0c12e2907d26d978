import type { Series } from '../../../src/core/query.ts';
import { ARG_MAX, ARG_MIN, FINITE, FIRST, FIRST_STEP, LAST, LAST_STEP, MAX, MIN, NON_FINITE, SUM } from './bucket-builder.ts';

/** A series without its names. */
export type Buckets = Omit<Series, 'runId' | 'key'>;

const MAX_NON_FINITE = 100;

/** Takes over the columns of a BucketBuilder. */
export function toBuckets(columns: readonly Float64Array[], points: number, nonFiniteAt: { x: number; value: number }[]): Buckets {
	const of = (column: number) => columns[column] as Float64Array;
	const finite = of(FINITE);
	const mean = of(SUM);
	const nonFinite = new Uint32Array(finite.length);
	const count = new Uint32Array(finite.length);
	for (let i = 0; i < count.length; i++) {
		mean[i] = (mean[i] as number) / (finite[i] as number);
		nonFinite[i] = of(NON_FINITE)[i] as number;
		count[i] = (nonFinite[i] as number) + (finite[i] as number);
		if (finite[i] === 0) for (const column of [MIN, MAX, SUM, FIRST, LAST, ARG_MIN, ARG_MAX]) of(column)[i] = Number.NaN;
	}
	return {
		points,
		firstX: of(FIRST_STEP),
		x: of(LAST_STEP),
		min: of(MIN),
		max: of(MAX),
		mean,
		first: of(FIRST),
		last: of(LAST),
		argMin: of(ARG_MIN),
		argMax: of(ARG_MAX),
		count,
		nonFinite,
		nonFiniteAt,
	};
}

/**
 * Cuts points over an axis that is not the step, ordered by x, into at most `most` buckets of equal width in x. When the points are fewer than the
 * buckets, each is a bucket of its own.
 */
export function evenBuckets(xs: ArrayLike<number>, values: ArrayLike<number>, most: number): Buckets {
	const columns: number[][] = Array.from({ length: ARG_MAX + 1 }, () => []);
	const nonFiniteAt: Buckets['nonFiniteAt'] = [];
	const first = xs[0] as number;
	const width = xs.length <= most ? 0 : ((xs[xs.length - 1] as number) - first) / most;
	let bucket = -1;
	for (let i = 0; i < xs.length; i++) {
		const x = xs[i] as number;
		const value = values[i] as number;
		const at = xs.length <= most ? i : width === 0 ? 0 : Math.min(most - 1, Math.floor((x - first) / width));
		if (at !== bucket) for (const column of columns) column.push(0);
		bucket = at;
		const here = (columns[LAST] as number[]).length - 1;
		const put = (column: number, to: number) => {
			(columns[column] as number[])[here] = to;
		};
		const of = (column: number) => columns[column]?.[here] as number;
		if (of(FINITE) + of(NON_FINITE) === 0) put(FIRST_STEP, x);
		put(LAST_STEP, x);
		if (!Number.isFinite(value)) {
			put(NON_FINITE, of(NON_FINITE) + 1);
			if (nonFiniteAt.length < MAX_NON_FINITE) nonFiniteAt.push({ x, value });
			continue;
		}
		if (of(FINITE) === 0) put(FIRST, value);
		if (of(FINITE) === 0 || value < of(MIN)) {
			put(MIN, value);
			put(ARG_MIN, x);
		}
		if (of(FINITE) === 0 || value > of(MAX)) {
			put(MAX, value);
			put(ARG_MAX, x);
		}
		put(LAST, value);
		put(SUM, of(SUM) + value);
		put(FINITE, of(FINITE) + 1);
	}
	return toBuckets(
		columns.map((column) => new Float64Array(column)),
		xs.length,
		nonFiniteAt,
	);
}
