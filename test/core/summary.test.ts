import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LineValue } from '../../src/core/json-line.ts';
import type { MetricDefinition } from '../../src/core/metrics.ts';
import { addValue, type MetricFold, readFold, readSummary, replaceValue } from '../../src/core/summary.ts';

// Small whole numbers, so that sums have no rounding.
const value = fc.oneof(fc.integer({ min: -99, max: 99 }), fc.constantFrom<LineValue>(Number.NaN, Infinity, -Infinity, 7n, 'text', null, [1]));
const steps = fc.uniqueArray(fc.tuple(fc.nat(30), value), { selector: ([step]) => step, minLength: 1 });

function fold(values: readonly (readonly [number, LineValue])[]): MetricFold {
	let known: MetricFold | undefined;
	for (const [step, one] of values) known = addValue(known, step, one);
	return known as MetricFold;
}

test('the values of the steps in any order give the same fold', () => {
	fc.assert(
		fc.property(
			steps.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
			([list, shuffled]) => {
				expect(fold(shuffled)).toEqual(fold(list));
			},
		),
	);
});

test('a fold is what a naive look at the values says', () => {
	fc.assert(
		fc.property(steps, (list) => {
			const sorted = [...list].sort(([a], [b]) => a - b);
			const numbers = sorted.map(([, one]) => (typeof one === 'bigint' ? Number(one) : one)).filter((one) => typeof one === 'number');
			const finite = numbers.filter(Number.isFinite);
			const bounds = finite.length === 0 ? {} : { min: Math.min(...finite), max: Math.max(...finite) };
			const { sum, ...rest } = fold(list);
			expect(rest).toEqual({
				firstStep: sorted[0]?.[0],
				first: sorted[0]?.[1],
				lastStep: sorted.at(-1)?.[0],
				last: sorted.at(-1)?.[1],
				finite: finite.length,
				nonFinite: numbers.length - finite.length,
				...bounds,
			});
			expect(sum).toBe(finite.reduce((a, b) => a + b, 0));
		}),
	);
});

test('a value that hides another gives the fold of what is visible, or asks for all values', () => {
	fc.assert(
		fc.property(steps, fc.nat(), value, (list, at, next) => {
			const [step, hidden] = list[at % list.length] as [number, LineValue];
			const before = fold(list);
			const copy = structuredClone(before);
			const replaced = replaceValue(before, step, hidden, next);
			expect(before).toEqual(copy);
			const number = typeof hidden === 'bigint' ? Number(hidden) : hidden;
			if (number === before.min || number === before.max) expect(replaced).toBeUndefined();
			else expect(replaced).toEqual(fold(list.map(([other, one]) => [other, other === step ? next : one])));
		}),
	);
});

test('a late value of an earlier step does not move the last one back', () => {
	const known = fold([
		[5, 'five'],
		[1, 'one'],
	]);
	expect([known.first, known.last]).toEqual(['one', 'five']);
});

test('a later value of a step that is known counts beside the earlier one, and is the one to be seen', () => {
	const known = fold([
		[5, 1],
		[5, 2],
	]);
	expect(known).toEqual({ firstStep: 5, first: 2, lastStep: 5, last: 2, min: 1, max: 2, sum: 3, finite: 2, nonFinite: 0 });
});

describe('reading', () => {
	const numbers = fold([
		[0, 4],
		[1, 1],
		[2, 7],
	]);
	const gaps = fold([
		[0, 4],
		[1, Number.NaN],
		[2, Infinity],
		[3, 2],
	]);
	const asking = (...summary: NonNullable<MetricDefinition['summary']>): MetricDefinition => ({ name: 'a', summary });

	test('the last value, when nothing was asked for', () => {
		expect(readFold(numbers, undefined)).toBe(7);
		expect(readFold(numbers, { name: 'a', step: 'epoch' })).toBe(7);
		expect(readFold(fold([[0, null]]), undefined)).toBe(null);
	});

	test('each that was asked for', () => {
		expect(readFold(numbers, asking('min'))).toEqual({ min: 1 });
		expect(readFold(numbers, asking('max'))).toEqual({ max: 7 });
		expect(readFold(numbers, asking('mean'))).toEqual({ mean: 4 });
		expect(readFold(numbers, asking('last'))).toEqual({ last: 7 });
		expect(readFold(numbers, asking('first'))).toEqual({ first: 4 });
		expect(readFold(numbers, asking('first', 'max', 'min'))).toEqual({ first: 4, max: 7, min: 1 });
		expect(readFold(numbers, asking('none'))).toBeUndefined();
		expect(readFold(numbers, asking('min', 'none'))).toBeUndefined();
	});

	test('finite values only, with the count of others; to W&B NaN from the first of them on', () => {
		const all = asking('min', 'max', 'mean', 'last', 'first');
		expect(readFold(gaps, all)).toEqual({ min: 2, max: 4, mean: 3, last: 2, first: 4, nonFinite: 2 });
		expect(readFold(gaps, all, true)).toEqual({ min: Number.NaN, max: Number.NaN, mean: Number.NaN, last: 2, first: 4 });
		expect(readFold(gaps, asking('last'))).toEqual({ last: 2 });
		expect(readFold(numbers, all, true)).toEqual({ min: 1, max: 7, mean: 4, last: 7, first: 4 });
	});

	test('no number, no minimum', () => {
		const text = fold([[0, 'a']]);
		expect(readFold(text, asking('min', 'mean', 'last'))).toEqual({ last: 'a' });
		expect(readFold(fold([[0, Number.NaN]]), asking('min', 'mean'))).toEqual({ nonFinite: 1 });
	});

	test('values set by hand lie over logged ones, over all that begins alike', () => {
		const folds: [string, MetricFold][] = [
			['a', numbers],
			['b.c', numbers],
			['b.d', numbers],
			['bc', numbers],
		];
		const definitions: MetricDefinition[] = [
			{ name: 'a', summary: ['max'] },
			{ name: 'b.*', summary: ['min'] },
		];
		expect({ ...readSummary(folds, definitions, []) }).toEqual({ a: { max: 7 }, 'b.c': { min: 1 }, 'b.d': { min: 1 }, bc: 7 });
		expect({ ...readSummary(folds, definitions, [['b', 9]]) }).toEqual({ a: { max: 7 }, b: 9, bc: 7 });
		expect({ ...readSummary(folds, definitions, [['a', null]]) }).toEqual({ a: null, 'b.c': { min: 1 }, 'b.d': { min: 1 }, bc: 7 });
	});

	test('the key __proto__ is a key like any other', () => {
		const summary = readSummary([['__proto__', numbers]], [], []);
		expect(Object.entries(summary)).toEqual([['__proto__', 7]]);
	});
});
