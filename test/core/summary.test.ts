import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldSummary, readSummary, type SummaryEntry } from '../../src/core/summary.ts';

const entries = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), step: fc.nat(5), writer: fc.nat(2), n: fc.nat(20) }), { maxLength: 30 });

function fold(list: { key: string; step: number; writer: number; n: number }[]) {
	const summary = new Map<string, SummaryEntry>();
	for (const { key, step, writer, n } of list) foldSummary(summary, key, { step, startedMs: 1_000 * writer, n, value: `${writer}.${n}@${step}` });
	return Object.fromEntries([...summary].sort());
}

test('records in any order, some of them twice, give the same summary', () => {
	fc.assert(
		fc.property(
			entries.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: 2 * list.length }))),
			([list, shuffled]) => {
				expect(fold(shuffled)).toEqual(fold(list));
			},
		),
	);
});

test('a late record of an earlier step does not move the summary back', () => {
	const late = fold([
		{ key: 'a', step: 5, writer: 0, n: 5 },
		{ key: 'a', step: 1, writer: 0, n: 6 },
	]);
	expect(late.a?.value).toBe('0.5@5');
});

test('a value set by hand wins over the automatic one', () => {
	const summary = new Map<string, SummaryEntry>([['acc', { step: 1, startedMs: 0, n: 1, value: 0.5 }]]);
	expect(readSummary(summary, { acc: 0.9 })).toEqual({ acc: 0.9 });
});
