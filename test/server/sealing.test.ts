import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryStore } from '../../server/src/store/history-store.ts';
import type { RunRow } from '../../server/src/store/meta-store.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { type LineObject, type LineValue, parseLine, writeLine } from '../../src/core/json-line.ts';
import { HISTORY_FILE } from '../../src/core/protocol.ts';

const WRITERS = ['a000000000000001', 'b000000000000002'] as const;
const LATER_MS = 60_000;

let folder: string;
let tracker: Tracker;
let nowMs: number;
let runs = 0;

const open = () => {
	tracker = new Tracker(folder, () => nowMs);
};
const restart = () => {
	tracker.close();
	open();
};
/** Slices of maintenance, `most` of them; those of a run become due a minute after its lines came. */
const maintain = (most = Number.POSITIVE_INFINITY): number => {
	nowMs += LATER_MS;
	let slices = 0;
	while (slices < most && tracker.maintain()) slices++;
	return slices;
};
const newRun = (): RunRow => tracker.upsertRun({ project: 'p', name: `run${runs++}` }).run;
const send = (run: RunRow, w: number, offset: number, content: readonly string[]) =>
	tracker.stream(run, {
		tidelog: { v: 1, writer: WRITERS[w] as string, startedMs: w + 1, upTo: offset + content.length, gen: 0 },
		files: { [HISTORY_FILE]: { offset, content: [...content] } },
	})?.next[HISTORY_FILE];
const line = (values: Record<string, LineValue>, step?: number) => writeLine({ ...values, ...(step === undefined ? {} : { _step: step }) });
const chart = (history: HistoryStore, run: RunRow, buckets: number, range?: [number, number]) => {
	const request = { keys: ['a', 'b'], buckets, ...(range ? { range } : {}) };
	return [...history.buckets([run], request)].map(({ runId: _, ...series }) => series);
};
/** All that can be asked about a run's history. */
const seen = (run: RunRow) => ({
	lines: [...tracker.history.lines(run, HISTORY_FILE)],
	rows: [...tracker.history.rows(run)],
	counts: tracker.history.counts(run),
	folds: tracker.history.folds(run).sort(([a], [b]) => (a < b ? -1 : 1)),
	charts: [10, 1_000].map((buckets) => chart(tracker.history, run, buckets)),
	part: chart(tracker.history, run, 10, [3, 5_000]),
});

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tidelog-sealing-'));
	nowMs = 1_000_000;
	open();
});
afterEach(() => {
	tracker.close();
	rmSync(folder, { recursive: true, force: true });
});

const VALUES: fc.Arbitrary<LineValue> = fc.oneof(
	// Whose sums are exact in any order: the sum behind a mean may else differ in its last bit with the order of arrival.
	{ weight: 6, arbitrary: fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((value) => value * 1024) },
	fc.constantFrom<LineValue>(Number.NaN, Infinity, -Infinity, -0, 2n ** 60n, 'text', true, [1, 2]),
);
const LINES = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), value: VALUES, step: fc.option(fc.nat(40), { freq: 8, nil: undefined }) }), {
	minLength: 1,
	maxLength: 60,
});
const ACTS = fc.array(
	fc.oneof(
		{
			weight: 6,
			arbitrary: fc.record({ act: fc.constant('send' as const), w: fc.nat(1), back: fc.nat(3), length: fc.integer({ min: 1, max: 12 }) }),
		},
		{ weight: 2, arbitrary: fc.constant({ act: 'seal' as const }) },
		{ weight: 1, arbitrary: fc.constant({ act: 'slice' as const }) },
		{ weight: 1, arbitrary: fc.constant({ act: 'restart' as const }) },
	),
	{ maxLength: 30 },
);

describe('whatever is sealed, and when', () => {
	test('a run looks as one that was never sealed, after any appends, retries, late steps and restarts', () => {
		fc.assert(
			fc.property(LINES, LINES, ACTS, (first, second, acts) => {
				const logs = [first, second].map((log) => log.map(({ key, value, step }) => line({ [key]: value }, step)));
				const [plain, sealed] = [newRun(), newRun()];
				const next = [0, 0];
				const sends: [number, number, string[]][] = [];
				for (const act of acts) {
					if (act.act === 'send') {
						const from = Math.max(0, (next[act.w] as number) - act.back);
						const content = (logs[act.w] as string[]).slice(from, from + act.length);
						sends.push([act.w, from, content]);
						next[act.w] = Math.max(next[act.w] as number, from + content.length);
						expect(send(sealed, act.w, from, content)).toBe(next[act.w]);
					} else if (act.act === 'restart') restart();
					else maintain(act.act === 'slice' ? 1 : Number.POSITIVE_INFINITY);
				}
				for (const [w, from, content] of sends) send(plain, w, from, content);
				const expected = seen(plain);
				expect(seen(sealed)).toEqual(expected);
				maintain();
				expect(seen(sealed)).toEqual(expected);
				restart();
				expect(seen(sealed)).toEqual(expected);
			}),
			{ numRuns: 150 },
		);
	}, 60_000);

	test('a chart of points that came in any order equals the chart of the sorted points, bit for bit', () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: 1, max: 9_000 }), fc.nat(3), (seed, spread, seals) => {
				const random = mulberry(seed);
				const steps = [...new Set(Array.from({ length: 9_000 }, () => Math.floor(random() * spread * 4)))];
				const texts = steps.map((step) => line({ a: random() < 0.01 ? Number.NaN : random() * 10 ** (20 * random()) }, step));
				const stepOf = new Map(texts.map((text, i) => [text, steps[i] as number]));
				const [shuffled, sorted] = [newRun(), newRun()];
				const part = Math.ceil(texts.length / (seals + 1));
				for (let at = 0; at < texts.length; at += part) {
					send(shuffled, 0, at, texts.slice(at, at + part));
					maintain();
				}
				send(
					sorted,
					0,
					0,
					texts.toSorted((a, b) => (stepOf.get(a) as number) - (stepOf.get(b) as number)),
				);
				for (const buckets of [10, 37, 1_000, 10_000]) {
					expect(chart(tracker.history, shuffled, buckets)).toEqual(chart(tracker.history, sorted, buckets));
				}
			}),
			{ numRuns: 12 },
		);
	}, 60_000);
});

test('lines of one request with and without steps keep the steps they were given, after a restart too', () => {
	const run = newRun();
	send(run, 0, 0, [line({ a: 1 }, 4), line({ a: 2 }), line({ a: 3 }, 0), line({ a: 4 })]);
	const steps = () => [...tracker.history.lines(run, HISTORY_FILE)].map(({ step }) => step);
	expect(steps()).toEqual([4, 5, 0, 6]);
	restart();
	expect(steps()).toEqual([4, 5, 0, 6]);
	expect(chart(tracker.history, run, 10)[0]?.x).toEqual(new Float64Array([0, 4, 5, 6]));
});

test('a seal goes slice by slice, with requests between, and a run that is quiet is left alone', () => {
	const run = newRun();
	const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}`);
	const row = (step: number) => line(Object.fromEntries(keys.map((key) => [key, step])), step);
	send(run, 0, 0, [row(0), row(1)]);
	expect(maintain(1)).toBe(1);
	send(run, 0, 2, [row(2)]);
	expect(maintain()).toBeGreaterThan(1);
	expect(maintain()).toBe(0);
	restart();
	expect(tracker.maintain()).toBe(false);
	expect(tracker.history.folds(run)).toHaveLength(20_000);
	for (const [, fold] of tracker.history.folds(run)) expect(fold).toMatchObject({ finite: 3, sum: 3, last: 2 });
	expect(parseLine([...tracker.history.rows(run)][2]?.lines[0] as string)).toMatchObject({ _step: 2, k19999: 2 } satisfies LineObject);
});

/** Random numbers from 0 to below 1. */
function mulberry(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}
