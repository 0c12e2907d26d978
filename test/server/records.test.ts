import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EMPTY_HASH, hashLines } from '../../src/core/line-hash.ts';
import { chartOf, historyLine as line, TestServer } from './support.ts';

/** Lines of writers that send records: kept once for ever in each of their files, numbered and hashed. */
const W1 = 'a000000000000001';
const W2 = 'b000000000000002';
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
});
afterEach(() => server.close());

describe('the answer', () => {
	test('has the next line and the hash of every file of the writer, also of those that the request leaves out', () => {
		const first = server.send('r', W1, { history: [0, [line({ a: 1 }, 0)]], console: [0, ['one', 'zwei 🌊', '']] });
		expect(first).toEqual({
			serverId: server.tracker.database.serverId,
			next: { [HISTORY]: 1, 'output.log': 3 },
			hash: { [HISTORY]: hashLines(EMPTY_HASH, [line({ a: 1 }, 0)]), 'output.log': hashLines(EMPTY_HASH, ['one', 'zwei 🌊', '']) },
		});
		expect(server.send('r', W1, {})).toEqual(first);
		expect(server.send('r', W2, {})).toMatchObject({ next: { [HISTORY]: 0 }, hash: { [HISTORY]: EMPTY_HASH } });
	});

	test('is the same whatever the cut, with repeats, overlaps, gaps and restarts', () => {
		const lines = Array.from({ length: 30 }, (_, i) => line({ a: i, t: 'é'.repeat(i % 4) }, i));
		let count = 0;
		const puts = fc.array(fc.record({ from: fc.nat(29), length: fc.integer({ min: 1, max: 12 }) }), { maxLength: 15 });
		fc.assert(
			fc.property(puts, fc.nat(15), (list, restartAt) => {
				const name = `h${count++}`;
				server.newRun(name);
				let known = 0;
				for (const [i, { from, length }] of list.entries()) {
					const content = lines.slice(from, from + length);
					if (from <= known) known = Math.max(known, from + content.length);
					const expected = { next: known, hash: hashLines(EMPTY_HASH, lines.slice(0, known)) };
					for (const file of ['history', 'console', 'events'] as const) {
						const { next, hash } = server.send(name, W1, { [file]: [from, content] });
						const wire = { history: HISTORY, console: 'output.log', events: 'wandb-events.jsonl' }[file];
						if (known > 0) expect({ next: next[wire], hash: hash[wire] }).toEqual(expected);
					}
					if (i === restartAt) server.restart();
				}
			}),
			{ numRuns: 25 },
		);
	});
});

test('a console line is never rewritten by a writer of records, and is by an official client', () => {
	const console_ = () => [...server.tracker.history.lines(server.run('r'), 'output.log')].map(({ line: text }) => text);
	server.send('r', W1, { console: [0, ['a', 'b']] });
	server.send('r', W1, { console: [1, ['other', 'c']] });
	expect(console_()).toEqual(['a', 'b', 'c']);
	server.newRun('official');
	for (const content of [['10 %', 'x'], ['20 %']]) server.tracker.stream(server.run('official'), { files: { 'output.log': { offset: 0, content } } });
	expect([...server.tracker.history.lines(server.run('official'), 'output.log')].map(({ line: text }) => text)).toEqual(['20 %', 'x']);
});

test('a gap in one file leaves that file alone and takes the others', () => {
	const { next } = server.send('r', W1, { history: [3, [line({ a: 1 }, 3)]], console: [0, ['one']] });
	expect(next).toEqual({ [HISTORY]: 0, 'output.log': 1 });
});

test('after a request that failed in its middle, memory and disk agree', () => {
	server.send('r', W1, { history: [0, [line({ a: 1 }, 0)]] });
	expect(() => server.send('r', W1, { history: [1, [line({ a: 9, b: 1 }, 5), '[]']] })).toThrow(/must be a JSON object/);
	const { hash } = server.send('r', W1, { history: [1, [line({ a: 2 }, 1)]] });
	expect(hash[HISTORY]).toBe(hashLines(EMPTY_HASH, [line({ a: 1 }, 0), line({ a: 2 }, 1)]));
	expect(server.tracker.history.counts(server.run('r'))).toMatchObject({ records: 2, lastStep: 1 });
	expect(server.tracker.summary(server.run('r'))).toEqual({ a: 2 });
	expect(server.tracker.history.metrics([server.run('r')]).map(({ key }) => key)).toEqual(['a']);
});

describe('a line without a step', () => {
	test('gets the next free one of the run, in order of arrival and for ever', async () => {
		server.send('r', W1, { history: [0, [line({ a: 1 }, 0), line({ a: 2 }, 7)]] });
		server.send('r', W2, { history: [0, [line({ b: 1 })]] }, { startedMs: 2 });
		server.restart();
		server.send('r', W2, { history: [0, [line({ b: 1 }), line({ b: 2 })]] }, { startedMs: 2 });
		server.send('r', W1, { history: [2, [line({ a: 3 })]] });
		server.restart();
		expect((await server.exported('r', 'records.jsonl')).map(({ writer, n, step }) => [writer, n, step])).toEqual([
			[W1, 0, 0],
			[W1, 1, 7],
			[W1, 2, 10],
			[W2, 0, 8],
			[W2, 1, 9],
		]);
		expect((await server.exported('r', 'history.jsonl')).map(({ _step, a, b }) => [_step, a ?? null, b ?? null])).toEqual([
			[0, 1, null],
			[7, 2, null],
			[8, null, 1],
			[9, null, 2],
			[10, 3, null],
		]);
		expect(chartOf(server.tracker.history, server.run('r'), 'b')).toMatchObject({ x: [8, 9], last: [1, 2] });
		expect(server.tracker.history.counts(server.run('r')).lastStep).toBe(10);
	});
});

test('a key that is called __proto__ is a key like others that begin with _, and a later path of a nested object joins the earlier', async () => {
	server.send('r', W1, {
		history: [0, ['{"__proto__":1,"o":{"x":1,"__proto__":5},"_step":0}', '{"__proto__":2,"o":{"y":2},"_step":0}']],
	});
	expect([...server.tracker.rowLines(server.run('r'))].map((row) => JSON.stringify(row))).toEqual([
		'{"__proto__":2,"o":{"x":1,"__proto__":5,"y":2},"_step":0}',
	]);
	expect(Object.entries(server.tracker.summary(server.run('r'))).sort()).toEqual([
		['o.__proto__', 5],
		['o.x', 1],
		['o.y', 2],
	]);
});

test('charts over time and runtime place each point by its own record', () => {
	server.send('r', W1, {
		history: [0, ['{"a":1,"_step":5,"_timestamp":20,"_runtime":2}', '{"a":2,"_step":1,"_timestamp":30,"_runtime":3}', '{"a":3,"_step":9}']],
	});
	const chart = (x: string) => chartOf(server.tracker.history, server.run('r'), 'a', { x });
	expect(chart('runtime')).toMatchObject({ x: [0, 2, 3], last: [3, 1, 2] });
	expect(chart('time')).toMatchObject({ x: [20_000, 30_000, server.run('r').createdMs], last: [1, 2, 3] });
});

test('a chart over another metric lays each point where that metric stands on its step, and leaves out what has no place', () => {
	const rows = [
		'"a":1,"epoch":2',
		'"a":2,"epoch":1',
		'"a":3',
		'"epoch":4',
		'"a":5,"epoch":"none"',
		'"a":6,"epoch":NaN',
		'"a":7,"epoch":1',
		'"a":NaN,"epoch":9',
	];
	server.send('r', W1, { history: [0, rows.map((row, step) => `{${row},"_step":${step}}`)] });
	const chart = (over: Partial<{ x: string; range: [number, number]; buckets: number }>) =>
		chartOf(server.tracker.history, server.run('r'), 'a', { x: 'epoch', ...over });
	expect(chart({})).toMatchObject({
		points: 4,
		x: [1, 1, 2, 9],
		last: [2, 7, 1, Number.NaN],
		nonFinite: [0, 0, 0, 1],
		nonFiniteAt: [{ x: 9, value: Number.NaN }],
	});
	expect(chart({ range: [1.5, 3] })).toMatchObject({ x: [2], last: [1] });
	expect(chart({ x: 'nothing' })).toBeUndefined();
	server.send('r', W1, {
		history: [8, Array.from({ length: 100 }, (_, i) => `{"a":${i % 7},"epoch":${10 + Math.floor(i / 10)},"_step":${99 - i + 10}}`)],
	});
	const bucketed = chart({ range: [10, 100], buckets: 10 });
	expect(bucketed).toMatchObject({ points: 100, firstX: [10, 11, 12, 13, 14, 15, 16, 17, 18, 19], x: [10, 11, 12, 13, 14, 15, 16, 17, 18, 19] });
	expect(bucketed?.count).toEqual(new Array(10).fill(10));
});

test('lines that an official client sends with a gap between are found again by their number', () => {
	server.newRun('gap');
	const send = (offset: number, text: string) => server.tracker.stream(server.run('gap'), { files: { [HISTORY]: { offset, content: [text] } } });
	send(5, '{"a":1,"_step":5,"_runtime":50}');
	send(2, '{"a":2,"_step":2,"_runtime":20}');
	expect(chartOf(server.tracker.history, server.run('gap'), 'a', { x: 'runtime' })).toMatchObject({ x: [20, 50], last: [2, 1] });
	expect([...server.tracker.history.lines(server.run('gap'), HISTORY)].map(({ n, step }) => [n, step])).toEqual([
		[2, 2],
		[5, 5],
	]);
});

const HISTORY = 'wandb-history.jsonl';
