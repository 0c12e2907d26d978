/** A bench: measures one thing, checks that what it measured was done right, and throws when it was not. */
export interface Bench {
	name: string;
	unit: string;
	/** What is measured, in a sentence. */
	about: string;
	measure(): Promise<Measurement>;
}

export interface Measurement {
	/** Values in the bench's unit. */
	median: number;
	p99: number;
	/** How many values median and p99 come from, in words for people and as a number. */
	samples: number;
	samplesAre: string;
	baseline?: Baseline;
	/** Other figures worth seeing, in the bench's unit unless the name says otherwise. */
	parts?: Record<string, number>;
	limits: Limit[];
	/** Name and version, where one was used. */
	browser?: string;
}

/** The simplest thing that could be done instead, measured in turn with ours. */
export interface Baseline {
	what: string;
	median: number;
	/** Of its rounds: see `spreadOf`. */
	spread: number;
}

export interface Limit {
	what: string;
	limit: number;
	value: number;
	/** Which side of the limit is good. */
	is: 'at most' | 'at least';
}

/** The last line of a bench with --json (names as in design §7). */
export interface BenchResult {
	name: string;
	unit: string;
	median: number;
	p99: number;
	samples: number;
	baseline?: number;
	/** Ours ÷ baseline. */
	ratio?: number;
	parts?: Record<string, number>;
	budget: { what: string; limit: number; value: number; ok: boolean }[];
	/** null: the baseline itself was too noisy to judge by. */
	ok: boolean | null;
}

/** A baseline that varies more than this says that the machine was busy with something else. */
const MOST_SPREAD = 0.25;

export function judge({ name, unit }: Pick<Bench, 'name' | 'unit'>, measured: Measurement): BenchResult {
	const { median, p99, samples, baseline, parts } = measured;
	const budget = measured.limits.map(({ what, limit, value, is }) => ({
		what: `${what} ${is}`,
		limit,
		value: rounded(value),
		ok: is === 'at most' ? value <= limit : value >= limit,
	}));
	return {
		name,
		unit,
		median: rounded(median),
		p99: rounded(p99),
		samples,
		...(baseline && { baseline: rounded(baseline.median), ratio: rounded(median / baseline.median) }),
		...(parts && { parts: Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, rounded(value)])) }),
		budget,
		ok: baseline && baseline.spread > MOST_SPREAD ? null : budget.every(({ ok }) => ok),
	};
}

/** The value below which `fraction` of the values lie, interpolated. */
export function quantile(values: readonly number[], fraction: number): number {
	if (values.length === 0) throw new Error('There are no values to take a quantile of.');
	const sorted = Float64Array.from(values).sort();
	const at = (sorted.length - 1) * fraction;
	const below = sorted[Math.floor(at)] as number;
	const above = sorted[Math.ceil(at)] as number;
	return below + (above - below) * (at - Math.floor(at));
}

export const medianOf = (values: readonly number[]) => quantile(values, 0.5);

/** How far rounds lie apart: the middle half of them, as a fraction of their median. One round disturbed from outside does not count. */
export function spreadOf(rounds: readonly number[]): number {
	return (quantile(rounds, 0.75) - quantile(rounds, 0.25)) / medianOf(rounds);
}

/** Four significant digits; whole numbers from 1,000 on. */
function rounded(value: number): number {
	return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
}
