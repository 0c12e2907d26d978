import type { LineObject, LineValue } from './json-line.ts';
import { definitionOf, type MetricDefinition } from './metrics.ts';

/**
 * The summary of a run: one final value a metric. It is a fold of the run's rows, so that the SDK and the server, each folding what it has, come to
 * the same result whatever the order of arrival; values set by hand are laid over it.
 *
 * The value of a key on a step is that of the latest record that has it (place.ts). What a later record hides is not part of the summary.
 */

/** What the values of one key, one a step, come to. Plain data: stored as it is. */
export interface MetricFold {
	lastStep: number;
	last: LineValue;
	firstStep: number;
	first: LineValue;
	/** Over finite numbers; missing before the first. */
	min?: number;
	max?: number;
	sum: number;
	finite: number;
	/** NaN and infinities. */
	nonFinite: number;
}

/**
 * The fold with the value of one more step, or with a later value of a step whose earlier one stays visible as well (assembler.ts). Law: adding the values of a run's steps in any order gives the same fold, up to the rounding of
 * `sum`.
 */
export function addValue(fold: MetricFold | undefined, step: number, value: LineValue): MetricFold {
	const next: MetricFold = fold ? { ...fold } : { lastStep: step, last: value, firstStep: step, first: value, sum: 0, finite: 0, nonFinite: 0 };
	if (step >= next.lastStep) Object.assign(next, { lastStep: step, last: value });
	if (step <= next.firstStep) Object.assign(next, { firstStep: step, first: value });
	count(next, value, 1);
	return next;
}

/**
 * The fold after the value of a step that it holds was hidden by another, or undefined when only the values of all steps can say what is
 * smallest or largest now: fold them anew then.
 */
export function replaceValue(fold: MetricFold, step: number, hidden: LineValue, value: LineValue): MetricFold | undefined {
	const number = typeof hidden === 'bigint' ? Number(hidden) : hidden;
	if (number === fold.min || number === fold.max) return undefined;
	const next = { ...fold };
	if (step === next.lastStep) next.last = value;
	if (step === next.firstStep) next.first = value;
	count(next, hidden, -1);
	count(next, value, 1);
	return next;
}

function count(fold: MetricFold, value: LineValue, by: 1 | -1): void {
	const number = typeof value === 'bigint' ? Number(value) : value;
	if (typeof number !== 'number') return;
	if (!Number.isFinite(number)) {
		fold.nonFinite += by;
		return;
	}
	fold.finite += by;
	fold.sum += by * number;
	if (by === 1) {
		fold.min = Math.min(fold.min ?? number, number);
		fold.max = Math.max(fold.max ?? number, number);
	}
}

/**
 * What readers see of one key: the value at the greatest step, or an object of what its definition asks for; undefined when it asks for
 * nothing. `min`, `max` and `mean` are over finite values, with the count of others beside them as `nonFinite`. With `isNanSticky`, as in W&B's own client
 * (0.30, core/internal/runsummary), they are NaN once there was one, and the count is left out.
 */
export function readFold(fold: MetricFold, definition: MetricDefinition | undefined, isNanSticky = false): LineValue | undefined {
	const wanted = definition?.summary ?? [];
	if (wanted.includes('none')) return undefined;
	if (wanted.length === 0) return fold.last;
	const { last, first, finite, nonFinite } = fold;
	const isNan = isNanSticky && nonFinite > 0;
	const all = { min: fold.min, max: fold.max, mean: finite > 0 ? fold.sum / finite : undefined, last, first };
	const object: LineObject = {};
	for (const one of wanted) {
		const value = one === 'none' ? undefined : isNan && one !== 'last' && one !== 'first' ? Number.NaN : all[one];
		if (value !== undefined) object[one] = value;
	}
	if (!isNanSticky && nonFinite > 0 && wanted.some((one) => one === 'min' || one === 'max' || one === 'mean')) object.nonFinite = nonFinite;
	return object;
}

/** The whole summary by dotted key: what the rows come to, values set by hand over them. */
export function readSummary(
	folds: Iterable<readonly [string, MetricFold]>,
	definitions: readonly MetricDefinition[],
	byHand: Iterable<readonly [string, LineValue]>,
	isNanSticky = false,
): LineObject {
	const summary = Object.create(null) as LineObject;
	for (const [key, fold] of folds) {
		const value = readFold(fold, definitionOf(definitions, key), isNanSticky);
		if (value !== undefined) summary[key] = value;
	}
	for (const [key, value] of byHand) {
		// A value set by hand at `a` stands for all of `a.b`, `a.c`, …
		for (const known of Object.keys(summary)) if (known.startsWith(`${key}.`)) delete summary[known];
		summary[key] = value;
	}
	return summary;
}
