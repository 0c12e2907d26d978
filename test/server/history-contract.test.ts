import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openDatabase } from '../../server/src/store/database.ts';
import type { RunKey } from '../../server/src/store/history-store.ts';
import { SqliteHistoryStore } from '../../server/src/store/sqlite-history-store.ts';
import type { LineValue } from '../../src/core/json-line.ts';
import { historyStoreContract, line, type OpenedHistory, runKey, seenOf } from './contract/history-store-contract.ts';
import { MemoryHistoryStore } from './contract/memory-history-store.ts';

interface OpenedSqlite extends OpenedHistory {
	sql: DatabaseSync;
	reopen: () => OpenedSqlite;
}

function openSqlite(folder = mkdtempSync(join(tmpdir(), 'tidelog-history-'))): OpenedSqlite {
	const database = openDatabase(folder);
	// Writers belong to runs that the meta store makes; here there is none.
	database.sql.exec('PRAGMA foreign_keys = OFF');
	return {
		sql: database.sql,
		history: new SqliteHistoryStore(database),
		transaction: (work) => database.transaction(work),
		reopen() {
			database.close();
			return openSqlite(folder);
		},
		close() {
			database.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

historyStoreContract('SQLite', openSqlite);
historyStoreContract('plain arrays', () => ({ history: new MemoryHistoryStore(), transaction: (work) => work(), close: () => {} }));

test('what a deleted run leaves goes in slices, all of it and nothing else, a restart between', () => {
	let nowMs = 1_000_000;
	let opened = openSqlite();
	const [gone, kept] = [runKey(1), runKey(2)];
	const image = { _type: 'image-file', path: 'x.png', size: 3 };
	const lines = Array.from({ length: 20_000 }, (_, i) => line({ a: i, [`k${i % 300}`]: i, image }, i));
	for (const run of [gone, { ...gone, gen: 1 }, kept]) {
		for (let offset = 0; offset < lines.length; offset += 1_000) {
			const files = [{ name: 'wandb-history.jsonl', offset, lines: lines.slice(offset, offset + 1_000) }];
			opened.transaction(() => opened.history.append(run, { writer: '', startedMs: 0, nowMs, files }));
		}
	}
	const maintain = (most = Number.POSITIVE_INFINITY) => {
		nowMs += 60_000;
		let slices = 0;
		while (slices < most && opened.history.maintain(nowMs)) slices++;
		return slices;
	};
	maintain();
	const before = seenOf(opened.history, kept, ['a', 'image']);
	opened.transaction(() => opened.history.deleteRun(gone));
	expect([opened.history.folds(gone), [...opened.history.buckets([gone], { keys: ['a'] })]]).toEqual([[], []]);
	expect(maintain(1)).toBe(1);
	opened = opened.reopen();
	maintain();
	expect(seenOf(opened.history, kept, ['a', 'image'])).toEqual(before);
	opened.transaction(() => opened.history.deleteRun(kept));
	maintain();
	expect(maintain()).toBe(0);
	for (const table of ['lines', 'cursors', 'stamps', 'spans', 'leaves', 'objects', 'series', 'counts', 'writers', 'graves'])
		expect([table, opened.sql.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get()]).toEqual([table, { n: 0 }]);
	opened.close();
}, 60_000);

const KEYS = ['a', 'b', 'deep.c', 'big', 'image'];
const WRITERS = ['', 'a000000000000001', 'b000000000000002'];
/** Quarters add up exactly, whatever the order: the sum in a fold is the only thing that may depend on it. */
const NUMBER = fc.oneof(
	{ weight: 8, arbitrary: fc.integer({ min: -400, max: 400 }).map((n) => n / 4) },
	fc.constantFrom(Number.NaN, Infinity, -Infinity),
);
const VALUES: fc.Arbitrary<Record<string, LineValue>> = fc.record(
	{
		a: NUMBER,
		b: fc.oneof({ weight: 5, arbitrary: NUMBER as fc.Arbitrary<LineValue> }, fc.constantFrom<LineValue>('text', true, null, [1, 2])),
		deep: fc.record({ c: NUMBER }),
		big: fc.bigInt({ min: 2n ** 60n, max: 2n ** 61n }).map((n) => n * 2n ** 10n),
		image: fc.oneof(
			fc.nat(5).map((n) => ({ _type: 'image-file', path: `media/${n}.png`, size: n })),
			fc.constantFrom<LineValue>('no image', 7),
		),
	},
	{ requiredKeys: [] },
);
const LINE = fc.record({ values: VALUES, step: fc.option(fc.nat(25), { freq: 6, nil: undefined }) }).map(({ values, step }) => line(values, step));
const ACT = fc.oneof(
	{
		weight: 12,
		arbitrary: fc.record({
			act: fc.constant('send' as const),
			run: fc.nat(1),
			w: fc.nat(2),
			/** From the next line: back is a retry, ahead a gap. */
			shift: fc.constantFrom(0, 0, 0, 0, -1, -3, 2),
			lines: fc.array(LINE, { maxLength: 8 }),
			repeats: fc.boolean(),
		}),
	},
	{ weight: 3, arbitrary: fc.constant({ act: 'seal' as const }) },
	{ weight: 1, arbitrary: fc.constant({ act: 'slice' as const }) },
	{ weight: 1, arbitrary: fc.constant({ act: 'reopen' as const }) },
	{ weight: 1, arbitrary: fc.record({ act: fc.constant('rewind' as const), run: fc.nat(1) }) },
	{ weight: 1, arbitrary: fc.record({ act: fc.constant('delete' as const), run: fc.nat(1) }) },
);

test('the store in SQLite is what plain arrays are, after any appends, retries, gaps, rewinds, deletions, seals and restarts, media included', () => {
	let opened = openSqlite();
	let fresh = 1;
	fc.assert(
		fc.property(fc.array(ACT, { minLength: 1, maxLength: 40 }), (acts) => {
			const model = new MemoryHistoryStore();
			const runs = [runKey(fresh++), runKey(fresh++)];
			let nowMs = 1_000_000;
			const both = (run: RunKey, write: Parameters<MemoryHistoryStore['append']>[1]) => {
				const expected = model.append(run, write);
				const found = opened.transaction(() => opened.history.append(run, write));
				// An official client is told nothing about hashes.
				const told = ({ hash, ...rest }: typeof found) => (write.upTo === undefined ? rest : { ...rest, hash });
				expect(told(found)).toEqual(told(expected));
			};
			for (const act of acts) {
				if (act.act === 'send') {
					const run = runs[act.run] as RunKey;
					const writer = WRITERS[act.w] as string;
					const known = [...model.lines(run, 'wandb-history.jsonl')].filter((stored) => stored.writer === writer);
					const next = (known.at(-1)?.n ?? -1) + 1;
					const offset = Math.max(0, next + act.shift);
					// What comes again mostly has the same bytes.
					const lines = act.lines.map((text, i) => (act.repeats ? (known.find(({ n }) => n === offset + i)?.line ?? text) : text));
					const files = [{ name: 'wandb-history.jsonl', offset, lines }];
					both(run, { writer, startedMs: act.w, nowMs: nowMs++, files, ...(writer === '' ? {} : { upTo: offset + lines.length }) });
				} else if (act.act === 'rewind') {
					const run = runs[act.run] as RunKey;
					runs[act.run] = { ...run, gen: run.gen + 1 };
					const kept = model.rows(run).filter(({ step }) => step <= 12);
					const files = [{ name: 'wandb-history.jsonl', offset: 0, lines: kept.flatMap(({ lines }) => lines) }];
					both(runs[act.run] as RunKey, { writer: '', startedMs: 0, nowMs, files });
				} else if (act.act === 'delete') {
					const run = runs[act.run] as RunKey;
					model.deleteRun(run);
					opened.transaction(() => opened.history.deleteRun(run));
					expect(opened.history.counts(run).records).toBe(0);
					runs[act.run] = runKey(fresh++);
				} else if (act.act === 'reopen') opened = opened.reopen();
				else {
					nowMs += 60_000;
					for (let slices = 0; opened.history.maintain(nowMs) && act.act === 'seal'; slices++) expect(slices).toBeLessThan(1_000);
				}
			}
			for (const run of runs) {
				const { folds, ...seen } = seenOf(opened.history, run, KEYS);
				const { folds: expectedFolds, ...expected } = seenOf(model, run, KEYS);
				expect(seen).toEqual(expected);
				// The sum of large integers is rounded as they come.
				const exact = ([key, fold]: (typeof folds)[number]) => [key, key === 'big' ? { ...fold, sum: 0 } : fold];
				expect(folds.map(exact)).toEqual(expectedFolds.map(exact));
			}
			expect(opened.history.metrics(runs)).toEqual(model.metrics(runs));
		}),
		{ numRuns: 100 },
	);
	opened.close();
}, 120_000);
