import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LineValue } from '../../src/core/json-line.ts';
import type { MetricDefinition } from '../../src/core/metrics.ts';
import { chartOf, historyLine as line, metaLine, TestServer } from './support.ts';

/** The summary, charts and rows of records: the same whatever the order in which they arrive. */
const W1 = 'a000000000000001';
const W2 = 'b000000000000002';
const W3 = 'c000000000000003';
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
});
afterEach(() => server.close());

const summary = (name = 'r') => server.tracker.summary(server.run(name));
const define = (...metrics: MetricDefinition[]) =>
	server.send('r', W1, {
		meta: [0, metrics.map((metric) => metaLine({ metric }))],
	});
const log = (values: [step: number, value: LineValue][], offset = 0) =>
	server.send('r', W1, { history: [offset, values.map(([step, a]) => line({ a }, step))] });

describe('the summary of a key', () => {
	test('is its value at the greatest step, whatever arrives last', () => {
		log([
			[9, 90],
			[1, 10],
		]);
		expect(summary()).toEqual({ a: 90 });
		log([[12, 'text']], 2);
		expect(summary()).toEqual({ a: 'text' });
	});

	test('has what its definition asks for, with the count of what is no finite number beside', () => {
		define({ name: 'a', summary: ['min', 'max', 'mean', 'first', 'last'] });
		log([
			[0, 4],
			[1, Number.NaN],
			[2, 8],
			[3, Number.POSITIVE_INFINITY],
			[4, 3],
		]);
		expect(summary()).toEqual({ a: { min: 3, max: 8, mean: 5, first: 4, last: 3, nonFinite: 2 } });
	});

	test('takes late rows and overwritten values into account: what is hidden does not count', () => {
		define({ name: 'a', summary: ['min', 'max', 'mean', 'first', 'last'] });
		log([
			[5, 100],
			[6, 1],
			[7, 3],
		]);
		// The largest, then the smallest value is hidden, by a later record of the same writer.
		log(
			[
				[5, 2],
				[6, 4],
			],
			3,
		);
		expect(summary()).toEqual({ a: { min: 2, max: 4, mean: 3, first: 2, last: 3 } });
		log([[0, 7]], 5);
		expect(summary()).toEqual({ a: { min: 2, max: 7, mean: 4, first: 7, last: 3 } });
		expect(server.tracker.history.counts(server.run('r')).hidden).toBe(2);
		// An earlier writer cannot hide anything.
		server.send('r', W2, { history: [0, [line({ a: -50 }, 7)]] }, { startedMs: 0 });
		expect(summary()).toMatchObject({ a: { min: 2, last: 3 } });
	});

	test('is left out for none, and follows a glob unless the key has a definition of its own', () => {
		define({ name: 'val/*', summary: ['max'] }, { name: 'val/x', summary: ['none'] });
		server.send('r', W1, { history: [0, [line({ 'val/acc': 0.5, 'val/x': 1, loss: 3 }, 0), line({ 'val/acc': 0.4 }, 1)]] });
		expect(summary()).toEqual({ 'val/acc': { max: 0.5 }, loss: 3 });
		expect(server.tracker.detail(server.run('r')).metrics).toEqual([
			{ name: 'val/*', summary: ['max'] },
			{ name: 'val/x', summary: ['none'] },
		]);
	});

	test('keeps integers that no double holds, also when the largest value is hidden', () => {
		log([
			[0, 2n ** 60n + 1n],
			[1, 5n * 2n ** 60n],
			[2, 2n ** 60n + 3n],
			[1, 1],
		]);
		expect(summary()).toEqual({ a: 2n ** 60n + 3n });
		expect(server.tracker.history.folds(server.run('r'))[0]?.[1]).toMatchObject({ first: 2n ** 60n + 1n, min: 1 });
	});

	test('of a number that text hides on the same step is the text, and the chart has no point there', () => {
		log([
			[0, 1],
			[0, 'x'],
			[1, 'y'],
			[1, 2],
		]);
		expect(chartOf(server.tracker.history, server.run('r'), 'a')).toMatchObject({ x: [1], last: [2] });
		expect(server.tracker.history.folds(server.run('r'))).toEqual([
			['a', { first: 'x', firstStep: 0, last: 2, lastStep: 1, finite: 1, sum: 2, min: 2, max: 2, nonFinite: 0 }],
		]);
	});
});

describe('values set by hand', () => {
	const byHand = (offset: number, edits: MetaEdits, writer = W1, startedMs = 1) =>
		server.send('r', writer, { meta: [offset, edits.map((edit) => metaLine({ summary: [edit] }))] }, { startedMs });
	type MetaEdits = ([string[]] | [string[], LineValue])[];

	test('win over the rows until they are deleted, key by key', () => {
		server.send('r', W1, { history: [0, [line({ best: 1, 'best.sub': 3, other: 2 }, 0)]] });
		byHand(0, [
			[['best'], 9],
			[['deep', 'x'], 1],
			[['deep', 'y'], 2],
		]);
		expect(summary()).toEqual({ best: 9, 'deep.x': 1, 'deep.y': 2, other: 2 });
		byHand(3, [[['best']], [['deep', 'x']]]);
		expect(summary()).toEqual({ best: 1, 'best.sub': 3, 'deep.y': 2, other: 2 });
	});

	test('of the writer that started later win, whichever arrives first', () => {
		byHand(0, [[['k'], 'later']], W2, 20);
		byHand(0, [[['k'], 'earlier']], W1, 10);
		expect(summary()).toEqual({ k: 'later' });
		server.restart();
		expect(summary()).toEqual({ k: 'later' });
	});
});

test('what an official client sent is seen only where no row says anything, once records are in the run', () => {
	server.tracker.stream(server.run('r'), { files: { 'wandb-summary.json': { offset: 0, content: ['{"a":1,"mine":2}'] } } });
	expect(summary()).toEqual({ a: 1, mine: 2 });
	log([[0, 5]]);
	expect(summary()).toEqual({ a: 5, mine: 2 });
	// A key that is to have no summary does not come back by what was sent.
	define({ name: 'a', summary: ['none'] });
	expect(summary()).toEqual({ mine: 2 });
});

interface Record_ {
	step: number | undefined;
	values: { [key: string]: LineValue };
}

/** A store in a few lines: all records laid over each other by step, then folded anew. */
function naive(writers: { name: string; startedMs: number; records: Record_[] }[]) {
	const rows = new Map<number, { [key: string]: LineValue }>();
	const ordered = [...writers].sort((a, b) => a.startedMs - b.startedMs || (a.name < b.name ? -1 : 1));
	for (const { records } of ordered) for (const { step, values } of records) rows.set(step as number, { ...rows.get(step as number), ...values });
	const steps = [...rows.keys()].sort((a, b) => a - b);
	const of = (key: string) =>
		steps.flatMap((step) => (rows.get(step)?.[key] === undefined ? [] : [{ step, value: rows.get(step)?.[key] as LineValue }]));
	return { rows: steps.map((step) => ({ ...rows.get(step), _step: step })), of };
}

test('records of three writers in any order, in pieces, some twice, give the summary, the rows and the chart of a naive store', () => {
	const value = fc.oneof(
		{ weight: 8, arbitrary: fc.integer({ min: -9, max: 9 }) },
		fc.constantFrom<LineValue>(Number.NaN, Number.POSITIVE_INFINITY, 'text', null, true, [1]),
	);
	const record = fc.record({ step: fc.nat(7), values: fc.dictionary(fc.constantFrom('a', 'b'), value, { noNullPrototype: true }) });
	const logs = fc.array(fc.array(record, { maxLength: 14 }), { minLength: 3, maxLength: 3 });
	const puts = fc.array(fc.record({ writer: fc.nat(2), from: fc.nat(13), length: fc.integer({ min: 1, max: 6 }) }), { maxLength: 20 });
	// Two of the writers started in the same millisecond: their names decide.
	const starts = [5, 5, 3];
	const names = [W2, W1, W3];
	let count = 0;
	fc.assert(
		fc.property(logs, puts, fc.nat(20), (records, order, restartAt) => {
			const name = `n${count++}`;
			server.newRun(name);
			const known = [0, 0, 0];
			const put = (w: number, from: number, to: number) => {
				const log_ = records[w] as Record_[];
				if (from > (known[w] as number) || from >= log_.length) return;
				server.send(
					name,
					names[w] as string,
					{ history: [from, log_.slice(from, to).map(({ step, values }) => line(values, step))] },
					{ startedMs: starts[w] as number },
				);
				known[w] = Math.max(known[w] as number, Math.min(to, log_.length));
			};
			for (const [i, { writer, from, length }] of order.entries()) {
				put(writer, Math.min(from, known[writer] as number), from + length);
				if (i === restartAt) server.restart();
			}
			for (const w of [0, 1, 2]) put(w, known[w] as number, 99);
			const expected = naive([0, 1, 2].map((w) => ({ name: names[w] as string, startedMs: starts[w] as number, records: records[w] as Record_[] })));
			const run = server.run(name);
			expect([...server.tracker.rowLines(run)].map(({ _runtime, _timestamp, ...row }) => row)).toEqual(expected.rows);
			let distinct = 0;
			for (const key of ['a', 'b']) {
				const values = expected.of(key);
				distinct += values.length;
				const numbers = values.filter(({ value: v }) => typeof v === 'number') as { step: number; value: number }[];
				const finite = numbers.filter(({ value: v }) => Number.isFinite(v));
				const series = chartOf(server.tracker.history, run, key);
				expect(series?.x ?? []).toEqual(numbers.map(({ step }) => step));
				expect(series?.last ?? []).toEqual(numbers.map(({ value: v }) => (Number.isFinite(v) ? v : Number.NaN)));
				const fold = server.tracker.history.folds(run).find(([k]) => k === key)?.[1];
				if (values.length === 0) expect(fold).toBeUndefined();
				else
					expect(fold).toEqual({
						lastStep: values.at(-1)?.step,
						last: values.at(-1)?.value,
						firstStep: values[0]?.step,
						first: values[0]?.value,
						sum: finite.reduce((sum, { value: v }) => sum + v, 0),
						finite: finite.length,
						nonFinite: numbers.length - finite.length,
						...(finite.length > 0 ? { min: Math.min(...finite.map(({ value: v }) => v)), max: Math.max(...finite.map(({ value: v }) => v)) } : {}),
					});
			}
			const all = records.flat().reduce((sum, { values }) => sum + Object.keys(values).length, 0);
			expect(server.tracker.history.counts(run).hidden).toBe(all - distinct);
		}),
		{ numRuns: 150 },
	);
});
