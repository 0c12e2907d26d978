import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryStore, HistoryWrite, RunKey } from '../../../server/src/store/history-store.ts';
import { type LineValue, writeLine } from '../../../src/core/json-line.ts';
import { EMPTY_HASH, hashLines } from '../../../src/core/line-hash.ts';
import { CONSOLE_FILE, HISTORY_FILE, META_FILE } from '../../../src/core/protocol.ts';

/** What every store of histories does; how a chart is asked for as JSON is not part of it. */
export type HistoryUnderTest = Omit<HistoryStore, 'chart'>;

export interface OpenedHistory {
	history: HistoryUnderTest;
	/** What the server does around each write: all of it or nothing. */
	transaction<T>(work: () => T): T;
	/** Closes the store and opens it again; whatever was written is there. Undefined where a store does not outlive its process. */
	reopen?: () => OpenedHistory;
	close(): void;
}

const W1 = 'a000000000000001';
const W2 = 'b000000000000002';

export const line = (values: Record<string, LineValue>, step?: number): string =>
	writeLine({ ...values, ...(step === undefined ? {} : { _step: step }), _runtime: (step ?? 0) / 2, _timestamp: 100 + (step ?? 0) });

export const runKey = (id: number, gen = 0): RunKey => ({ id, gen, name: `run${id}`, createdMs: 5_000 });

/** Everything that can be asked about a run, in plain values. */
export function seenOf(history: HistoryUnderTest, run: RunKey, keys: readonly string[], file = HISTORY_FILE) {
	const chart = (request: Omit<Parameters<HistoryUnderTest['buckets']>[1], 'keys'>) =>
		[...history.buckets([run], { ...request, keys })].map(
			({ runId, key, points, x, min, max, mean, first, last, argMin, argMax, count, nonFinite, nonFiniteAt }) => ({
				runId,
				key,
				points,
				columns: [x, min, max, mean, first, last, argMin, argMax, count, nonFinite].map((column) => [...column]),
				nonFiniteAt,
			}),
		);
	return {
		lines: [...history.lines(run, file)],
		rows: [...history.rows(run)],
		counts: history.counts(run),
		writers: history.writers(run),
		metrics: history.metrics([run]),
		folds: history.folds(run).sort(([a], [b]) => (a < b ? -1 : 1)),
		media: keys.map((key) => history.media(run, key)),
		lastRecord: history.lastRecord(run),
		lastLines: history.lastLines(run, file),
		all: chart({}),
		coarse: chart({ buckets: 10 }),
		part: chart({ buckets: 10, range: [3, 17] }),
		overTime: chart({ x: 'time' }),
		overRuntime: chart({ x: 'runtime', buckets: 10, range: [1, 12] }),
	};
}

/** What every HistoryStore must keep; run for each implementation. */
export function historyStoreContract(kind: string, open: () => OpenedHistory): void {
	let opened: OpenedHistory;
	let history: HistoryUnderTest;
	const run = runKey(1);

	beforeEach(() => {
		opened = open();
		history = opened.history;
	});
	afterEach(() => opened.close());

	const append = (to: RunKey, write: Partial<HistoryWrite>) =>
		opened.transaction(() => history.append(to, { writer: W1, startedMs: 1, nowMs: 10, upTo: 0, files: [], ...write }));
	const send = (offset: number, lines: string[], { to = run, writer = W1, startedMs = 1, name = HISTORY_FILE } = {}) =>
		append(to, { writer, startedMs, files: [{ name, offset, lines }] });
	const sendOfficial = (offset: number, lines: string[], name = HISTORY_FILE) =>
		opened.transaction(() => history.append(run, { writer: '', startedMs: 0, nowMs: 10, files: [{ name, offset, lines }] }));
	const texts = (file = HISTORY_FILE) => [...history.lines(run, file)].map(({ line: text }) => text);
	const points = (key: string, of = run) =>
		[...history.buckets([of], { keys: [key] })].flatMap(({ x, last }) => [...x].map((at, i) => [at, last[i] as number]));
	const rowsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => line({ a: from + i }, from + i));

	describe(`a history in ${kind}`, () => {
		test('is empty before the first line', () => {
			expect(history.counts(run)).toEqual({ records: 0, stored: 0, lastStep: -1, hidden: 0 });
			expect([texts(), [...history.rows(run)], history.folds(run), history.metrics([run]), history.lastRecord(run)]).toEqual([
				[],
				[],
				[],
				[],
				undefined,
			]);
			expect([...history.buckets([run], { keys: ['a'] })]).toEqual([]);
		});

		test('keeps a line once, answers with the next free one, and hashes what it has', () => {
			const lines = rowsOf(0, 8);
			expect(send(0, lines.slice(0, 5)).next).toEqual({ [HISTORY_FILE]: 5 });
			expect(send(0, lines.slice(0, 5))).toMatchObject({ next: { [HISTORY_FILE]: 5 }, conflicts: 0 });
			expect(send(3, lines.slice(3))).toMatchObject({ next: { [HISTORY_FILE]: 8 }, hash: { [HISTORY_FILE]: hashLines(EMPTY_HASH, lines) } });
			expect(texts()).toEqual(lines);
		});

		test('stores nothing behind a gap of a writer of records, and keeps the first bytes of a line', () => {
			send(0, rowsOf(0, 3));
			expect(send(5, rowsOf(5, 9)).next).toEqual({ [HISTORY_FILE]: 3 });
			expect(send(1, [line({ a: 99 }, 1)]).conflicts).toBe(1);
			expect(texts()).toEqual(rowsOf(0, 3));
		});

		test('takes all of a write or nothing', () => {
			send(0, rowsOf(0, 1));
			expect(() =>
				append(run, {
					files: [
						{ name: HISTORY_FILE, offset: 1, lines: [line({ a: 1 }, 1), '{"a": '] },
						{ name: CONSOLE_FILE, offset: 0, lines: ['one'] },
					],
				}),
			).toThrow();
			expect([texts(), texts(CONSOLE_FILE), history.counts(run).records]).toEqual([rowsOf(0, 1), [], 1]);
			expect(send(1, rowsOf(1, 2)).next).toEqual({ [HISTORY_FILE]: 2 });
			expect(points('a')).toEqual([
				[0, 0],
				[1, 1],
			]);
		});

		test('lets official clients leave gaps, fill them later, and rewrite their console', () => {
			sendOfficial(2, rowsOf(2, 4));
			sendOfficial(0, rowsOf(0, 3));
			expect([texts(), history.lineCount(run, HISTORY_FILE)]).toEqual([rowsOf(0, 4), 4]);
			sendOfficial(0, ['a', 'b', 'c'], CONSOLE_FILE);
			sendOfficial(1, ['B', 'C', 'd'], CONSOLE_FILE);
			expect(texts(CONSOLE_FILE)).toEqual(['a', 'B', 'C', 'd']);
			expect(history.lineCount(run, CONSOLE_FILE)).toBe(4);
		});

		test('gives a line without a step the next free one, for ever', () => {
			send(0, [line({ a: 1 }, 4), '{"a":2}', line({ a: 3 }, 0), '{"a":4,"_step":2.5}']);
			const steps = () => [...history.lines(run, HISTORY_FILE)].map(({ step }) => step);
			expect(steps()).toEqual([4, 5, 0, 6]);
			send(0, ['{"a":5}'], { writer: W2, startedMs: 0 });
			expect(steps()).toEqual([7, 4, 5, 0, 6]);
		});

		test('shows the value of the writer that started later, then of the larger number, and counts what that hides', () => {
			send(0, [line({ a: 20, b: 1 }, 3)], { writer: W2, startedMs: 2 });
			send(0, [line({ a: 10 }, 3), line({ a: 11, c: 5 }, 3), line({ c: 6 }, 3)]);
			expect([points('a'), points('b'), points('c')]).toEqual([[[3, 20]], [[3, 1]], [[3, 6]]]);
			expect(history.counts(run)).toMatchObject({ records: 4, hidden: 3, lastStep: 3 });
			expect([...history.rows(run)]).toEqual([
				{ step: 3, lines: [line({ a: 10 }, 3), line({ a: 11, c: 5 }, 3), line({ c: 6 }, 3), line({ a: 20, b: 1 }, 3)] },
			]);
			expect(history.lastRecord(run)).toEqual({ step: 3, line: line({ a: 20, b: 1 }, 3) });
			expect(history.folds(run).find(([key]) => key === 'a')?.[1]).toMatchObject({ last: 20, min: 20, max: 20, finite: 1 });
		});

		test('tells numbers, text and media apart, and exact integers from doubles', () => {
			const image = (name: string) => ({ _type: 'image-file', path: name, size: 3 });
			const result = send(0, [
				line({ n: 1, text: 'x', image: image('one.png'), deep: { big: 2n ** 60n } }, 0),
				line({ n: Number.NaN, image: 'gone', many: { _type: 'images/separated', filenames: ['two.png', 'three.png'] } }, 1),
				line({ n: -0, image: image('four.png') }, 2),
				line({ image: 'hides it' }, 2),
				line({ many: 5 }, 1),
			]);
			expect([...result.namedFiles].sort()).toEqual(['four.png', 'one.png', 'three.png', 'two.png']);
			expect(history.metrics([run])).toEqual([
				{ key: 'deep.big', kind: 'number', runs: 1 },
				{ key: 'image', kind: 'media', type: 'image-file', runs: 1 },
				{ key: 'many', kind: 'number', runs: 1 },
				{ key: 'n', kind: 'number', runs: 1 },
				{ key: 'text', kind: 'other', runs: 1 },
			]);
			expect(history.media(run, 'image')).toEqual([{ step: 0, timeMs: 100_000, value: image('one.png') }]);
			expect(history.media(run, 'many')).toEqual([]);
			expect(history.folds(run).find(([key]) => key === 'deep.big')?.[1].last).toBe(2n ** 60n);
			expect([...history.buckets([run], { keys: ['n', 'text'] })]).toMatchObject([
				{ key: 'n', points: 3, nonFiniteAt: [{ x: 1, value: Number.NaN }] },
			]);
		});

		test('hands out each meta line of a writer of records once, with its place', () => {
			const meta = (n: number) => `{"n":${n}}`;
			const options = { name: META_FILE, startedMs: 7 };
			expect(send(0, [meta(0), meta(1)], options).metaLines.map(({ place }) => place)).toEqual([0, 1].map((n) => ({ startedMs: 7, writer: W1, n })));
			expect(send(1, [meta(1), meta(2)], options).metaLines).toEqual([{ place: { startedMs: 7, writer: W1, n: 2 }, line: { n: 2 } }]);
			expect(history.lastLines(run, META_FILE)).toEqual([meta(2)]);
		});

		test('knows its writers by what they said first, and what they have stored', () => {
			append(run, { startedMs: 9, nowMs: 100, upTo: 12, files: [{ name: HISTORY_FILE, offset: 0, lines: rowsOf(0, 2) }] });
			append(run, { startedMs: 1, nowMs: 90, upTo: 3 });
			append(run, { writer: W2, startedMs: 3, nowMs: 95, upTo: 1 });
			expect(history.writers(run)).toEqual([
				{ name: W2, startedMs: 3, heardMs: 95, hasLines: false },
				{ name: W1, startedMs: 9, heardMs: 100, hasLines: true },
			]);
			expect(history.counts(run).stored).toBe(13);
		});

		test('keeps generations and runs apart, and deletes all generations of a run and nothing else', () => {
			const [rewound, other] = [runKey(1, 1), runKey(2)];
			send(0, rowsOf(0, 3));
			send(0, [line({ a: 50 }, 0)], { to: rewound });
			send(0, [line({ a: 60 }, 0)], { to: other });
			expect([run, rewound, other].map((of) => points('a', of).map(([, value]) => value))).toEqual([[0, 1, 2], [50], [60]]);
			opened.transaction(() => history.deleteRun(run));
			expect([run, rewound, other].map((of) => history.counts(of).records)).toEqual([0, 0, 1]);
			expect([run, rewound, other].map((of) => points('a', of))).toEqual([[], [], [[0, 60]]]);
			expect(history.writers(run)).toEqual([]);
		});

		test('answers the same after maintenance and after it was opened again', () => {
			send(0, [...rowsOf(0, 30), line({ a: 3.5, t: 'x' }, 12), line({ image: { _type: 'image-file', path: 'x.png' } })]);
			sendOfficial(3, rowsOf(40, 45));
			const seen = () => seenOf(history, run, ['a', 't', 'image']);
			const before = seen();
			expect(before.all[0]).toMatchObject({ key: 'a', points: 35 });
			while (history.maintain(1_000_000));
			expect(seen()).toEqual(before);
			if (!opened.reopen) return;
			opened = opened.reopen();
			history = opened.history;
			expect(seen()).toEqual(before);
		});
	});
}
