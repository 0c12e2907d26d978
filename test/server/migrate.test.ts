import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError, startServer } from '../../server/src/index.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { EMPTY_HASH, hashLines } from '../../src/core/line-hash.ts';
import { HISTORY_FILE } from '../../src/core/protocol.ts';
import { chartOf } from './support.ts';

/** Data folders that an earlier format has written: the tables below are those of format 1, as they were; server-2.sql is what a server of format 2 wrote. */
const FORMAT_1 = `
CREATE TABLE IF NOT EXISTS info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS projects (
	id INTEGER PRIMARY KEY, entity TEXT NOT NULL, name TEXT NOT NULL, created_ms INTEGER NOT NULL, UNIQUE (entity, name)
);
CREATE TABLE IF NOT EXISTS runs (
	id INTEGER PRIMARY KEY, project INTEGER NOT NULL REFERENCES projects, name TEXT NOT NULL, display_name TEXT NOT NULL,
	config TEXT NOT NULL DEFAULT '{}', notes TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '[]', description TEXT,
	group_name TEXT, job_type TEXT, host TEXT, program TEXT, repo TEXT, commit_sha TEXT, sweep TEXT,
	state TEXT NOT NULL, exit_code INTEGER, is_stopped INTEGER NOT NULL DEFAULT 0, colour INTEGER NOT NULL, gen INTEGER NOT NULL DEFAULT 0,
	created_ms INTEGER NOT NULL, heartbeat_ms INTEGER NOT NULL, finished_ms INTEGER,
	sent_summary TEXT, UNIQUE (project, name)
);
-- Who wrote: '' for official clients. stored = records that the writer has on its device, as it told last.
CREATE TABLE IF NOT EXISTS writers (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, gen INTEGER NOT NULL, name TEXT NOT NULL, started_ms INTEGER NOT NULL,
	stored INTEGER NOT NULL DEFAULT 0, summary TEXT NOT NULL DEFAULT '{}', summary_up_to INTEGER NOT NULL DEFAULT -1, conflicts INTEGER NOT NULL DEFAULT 0,
	UNIQUE (run, gen, name)
);
CREATE TABLE IF NOT EXISTS cursors (writer INTEGER NOT NULL, file TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (writer, file)) WITHOUT ROWID;
-- The truth: each line as it came. Everything below is an index over it.
CREATE TABLE IF NOT EXISTS lines (
	writer INTEGER NOT NULL, file TEXT NOT NULL, idx INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (writer, file, idx)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL, gen INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (run, gen, key)
);
-- kind: 0 finite, 1 NaN, 2 Infinity, 3 -Infinity (SQLite would store NaN as NULL). started_ms and n: place of the record it came from.
CREATE TABLE IF NOT EXISTS points (
	series INTEGER NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL, kind INTEGER NOT NULL, time_ms REAL NOT NULL, runtime REAL NOT NULL,
	started_ms INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (series, step)
) WITHOUT ROWID;
-- What is no number: text, booleans, lists, media.
CREATE TABLE IF NOT EXISTS objects (
	series INTEGER NOT NULL, step INTEGER NOT NULL, json TEXT NOT NULL, time_ms REAL NOT NULL,
	started_ms INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (series, step)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS summaries (
	run INTEGER NOT NULL, gen INTEGER NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL, step INTEGER NOT NULL,
	started_ms INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run, gen, key)
) WITHOUT ROWID;
-- Counts kept with the lines, so that a list of runs reads no lines.
CREATE TABLE IF NOT EXISTS counts (
	run INTEGER NOT NULL, gen INTEGER NOT NULL, records INTEGER NOT NULL DEFAULT 0, last_step INTEGER NOT NULL DEFAULT -1, hidden INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (run, gen)
) WITHOUT ROWID;
-- sha256 is missing while a row names the file and its bytes have not come.
CREATE TABLE IF NOT EXISTS files (
	run INTEGER NOT NULL, path TEXT NOT NULL, sha256 TEXT, size INTEGER NOT NULL DEFAULT 0, uploaded_ms INTEGER, PRIMARY KEY (run, path)
) WITHOUT ROWID;
`;

const W1 = 'a000000000000001';
const W2 = 'b000000000000002';
const LINES = ['{"a":1,"t":"x","_step":0,"_timestamp":10,"_runtime":1}', '{"a":NaN,"_step":4}', '{"a":3,"_step":2}', '{"a":9,"_step":4}'];
const OFFICIAL = ['{"loss":{"train":2},"_step":0}', '5', '{"loss":{"train":1},"_step":1}'];
let folder: string;
let path: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tidelog-migrate-'));
	path = join(folder, 'tidelog.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writeFormat1(lines: readonly string[] = LINES): void {
	mkdirSync(folder, { recursive: true });
	const sql = new DatabaseSync(path);
	sql.exec(`PRAGMA journal_mode = WAL; ${FORMAT_1} PRAGMA user_version = 1;`);
	sql.exec(`
		INSERT INTO info VALUES ('serverId', 'feedfacefeedface');
		INSERT INTO projects VALUES (1, 'local', 'p', 5);
		INSERT INTO runs (id, project, name, display_name, config, state, colour, created_ms, heartbeat_ms) VALUES
			(1, 1, 'r', 'ours', '{"lr":{"value":1}}', 'running', 0, 5, 6), (2, 1, 'o', 'official', '{}', 'finished', 1, 5, 6);
		UPDATE runs SET sent_summary = '{"loss":{"train":0.5}}' WHERE id = 2;
		INSERT INTO writers (id, run, gen, name, started_ms, stored, summary, summary_up_to) VALUES
			(1, 1, 0, '${W1}', 10, 4, '{"best":1,"deep":{"x":2}}', 3), (2, 1, 0, '${W2}', 20, 1, '{"best":2}', 0), (3, 2, 0, '', 0, 0, '{}', -1);
		INSERT INTO series VALUES (1, 1, 0, 'a');
		INSERT INTO points VALUES (1, 0, 1, 0, 10000, 1, 10, 0);
		INSERT INTO files VALUES (1, 'media/x.png', 'abc', 3, 7);
	`);
	const add = (writer: number, file: string, texts: readonly string[]) => {
		for (const [idx, text] of texts.entries()) sql.prepare('INSERT INTO lines VALUES (?, ?, ?, ?)').run(writer, file, idx, text);
		sql.prepare('INSERT INTO cursors VALUES (?, ?, ?)').run(writer, file, texts.length);
	};
	add(1, 'wandb-history.jsonl', lines);
	add(1, 'output.log', ['one', 'two']);
	add(2, 'wandb-history.jsonl', ['{"a":30,"_step":2}']);
	add(3, 'wandb-history.jsonl', OFFICIAL);
	sql.close();
}

test('a folder of format 1 is brought up to date: lines, steps, charts, summaries and cursors are those it had', () => {
	writeFormat1();
	const tracker = new Tracker(folder, () => 1_000);
	const run = tracker.runNamed('local', 'p', 'r');
	expect(tracker.database.serverId).toBe('feedfacefeedface');
	expect([...tracker.history.lines(run, 'wandb-history.jsonl')].map(({ writer, step, line }) => [writer, step, line])).toEqual([
		...LINES.map((line) => [W1, (JSON.parse(line.replace('NaN', '0')) as { _step: number })._step, line]),
		[W2, 2, '{"a":30,"_step":2}'],
	]);
	expect(chartOf(tracker.history, run, 'a')).toMatchObject({ x: [0, 2, 4], last: [1, 30, 9] });
	expect(tracker.detail(run)).toMatchObject({
		config: { lr: 1 },
		summary: { a: 9, t: 'x', best: 2, 'deep.x': 2 },
		records: 5,
		stored: 5,
		lastStep: 4,
		hiddenPoints: 2,
		gen: 0,
		files: [{ path: 'media/x.png', sizeBytes: 3, uploadedMs: 7 }],
	});
	const answer = tracker.stream(run, { tidelog: { v: 1, writer: W1, startedMs: 10, upTo: 5, gen: 0 }, files: {} });
	expect(answer).toEqual({
		serverId: 'feedfacefeedface',
		next: { 'wandb-history.jsonl': 4, 'output.log': 2 },
		hash: { 'wandb-history.jsonl': hashLines(EMPTY_HASH, LINES), 'output.log': hashLines(EMPTY_HASH, ['one', 'two']) },
	});
	const official = tracker.runNamed('local', 'p', 'o');
	expect(tracker.summary(official)).toEqual({ 'loss.train': 0.5 });
	expect([...tracker.rowLines(official)]).toMatchObject([
		{ loss: { train: 2 }, _step: 0 },
		{ loss: { train: 1 }, _step: 1 },
	]);
	expect(tracker.lineCount(official)).toBe(3);
	tracker.close();
	expect(readdirSync(folder).filter((name) => name.includes('format-1'))).toEqual([]);
	// Nothing is left to be done at the next start.
	const again = new Tracker(folder, () => 1_000);
	expect(again.history.counts(again.runNamed('local', 'p', 'r')).records).toBe(5);
	again.close();
});

test('a try that fails leaves the folder as it was, with a copy beside it, and the next may succeed', () => {
	writeFormat1(['{"a":']);
	expect(() => new Tracker(folder, () => 1_000)).toThrow(/could not be brought from format 1 to 3; it is as it was/);
	expect(existsSync(`${path}.format-1`)).toBe(true);
	const sql = new DatabaseSync(path);
	expect(sql.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
	expect(sql.prepare('SELECT COUNT(*) AS n FROM points').get()).toEqual({ n: 1 });
	sql.prepare("UPDATE lines SET text = '{}' WHERE text = ?").run('{"a":');
	sql.close();
	const tracker = new Tracker(folder, () => 1_000);
	expect(tracker.history.counts(tracker.runNamed('local', 'p', 'r')).records).toBe(2);
	tracker.close();
	expect(existsSync(`${path}.format-1`)).toBe(false);
});

describe('a server that starts on a folder of format 1', () => {
	/** A port that was free a moment ago: the test asks before it is told which. */
	const freePort = async () => {
		const other = await startServer({ port: 0, dataDir: join(folder, 'other') });
		await other.close();
		return other.port;
	};

	test('answers 503 until the folder is up to date', async () => {
		writeFormat1();
		const port = await freePort();
		const starting = startServer({ port, dataDir: folder });
		const seen = new Set<string>();
		while (!seen.has('200 {"status":"ok"}')) {
			const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
			if (answer) seen.add(`${answer.status} ${await answer.text()}`);
		}
		const server = await starting;
		expect([...seen]).toEqual(['503 {"status":"starting"}', '200 {"status":"ok"}']);
		expect(await (await fetch(`${server.url}/api/projects/p/runs/r/records.jsonl`)).text()).toContain('"a":30');
		await server.close();
	});

	test('ends with what went wrong when it cannot be brought up to date, and leaves the port free', async () => {
		writeFormat1(['{"a":']);
		const port = await freePort();
		const failing = startServer({ port, dataDir: folder });
		await expect(failing).rejects.toThrow(StartError);
		await expect(failing).rejects.toThrow(/could not be brought from format 1/);
		await (await startServer({ port, dataDir: join(folder, 'other') })).close();
	});
});

describe('a folder of format 2', () => {
	const write = () => {
		const sql = new DatabaseSync(path);
		sql.exec(readFileSync(new URL('../fixtures/formats/server-2.sql', import.meta.url), 'utf8'));
		sql.close();
	};
	const chart = (tracker: Tracker, name: string, keys: string[]) =>
		[...tracker.history.buckets([tracker.runNamed('local', 'p', name)], { keys })].map(({ key, x, last }) => [key, [...x], [...last]]);
	const lines = (tracker: Tracker, name: string) =>
		[...tracker.history.lines(tracker.runNamed('local', 'p', name), HISTORY_FILE)].map(({ writer, n, step }) => [writer, n, step]);

	test('is brought up to date: lines, given steps, charts, generations, tombstones and cursors are those it had', () => {
		write();
		const tracker = new Tracker(folder, () => 1_000_000);
		const run = tracker.runNamed('local', 'p', 'r');
		expect(tracker.database.serverId).toBe('ab6f676bebcf6999');
		// What the server of format 2 said of the same folder.
		expect(lines(tracker, 'r')).toEqual([...[0, 1, 7, 3, 9].map((step, n) => [W1, n, step]), [W2, 0, 3], [W2, 1, 8]]);
		expect(chart(tracker, 'r', ['a', 'b', 'big'])).toEqual([
			['a', [0, 1, 3, 7, 9], [1, 2, 30, Number.NaN, 5]],
			['b', [8], [5]],
			['big', [3], [1152921504606847000]],
		]);
		const image = { _type: 'image-file', path: 'media/x.png', size: 3 };
		expect(tracker.detail(run)).toMatchObject({
			config: { lr: 0.1 },
			summary: { a: 5, b: 5, big: 2n ** 60n, image, t: 'x', best: 1 },
			records: 7,
			stored: 18,
			lastStep: 9,
			hiddenPoints: 1,
			gen: 0,
		});
		expect(tracker.media(run, 'image')).toMatchObject([{ step: 3, value: image, files: [{ path: 'media/x.png', isUploaded: false }] }]);
		expect(tracker.stream(run, { tidelog: { v: 1, writer: W1, startedMs: 10, upTo: 9, gen: 0 }, files: {} })).toEqual({
			serverId: 'ab6f676bebcf6999',
			next: { 'wandb-history.jsonl': 5, 'output.log': 2, 'tidelog-meta.jsonl': 1 },
			hash: { 'wandb-history.jsonl': '4b0e17a26f2924c8', 'output.log': '295989f775f0c5e0', 'tidelog-meta.jsonl': 'e77d1003c58293da' },
		});
		expect(lines(tracker, 'rewound')).toEqual([...[0, 1, 2].map((n) => ['', n, n]), [W1, 0, 3]]);
		expect(chart(tracker, 'rewound', ['a'])).toEqual([['a', [0, 1, 2, 3], [0, 1, 2, 33]]]);
		expect(lines(tracker, 'o')).toEqual([0, 1, 4].map((n) => ['', n, n]));
		expect(chart(tracker, 'o', ['loss.train'])).toEqual([['loss.train', [0, 1, 4], [2, 1, 0.25]]]);
		expect(tracker.summary(tracker.runNamed('local', 'p', 'o'))).toEqual({ 'loss.train': 0.5 });
		expect(() => tracker.runNamed('local', 'p', 'gone')).toThrow(/was deleted here/);
		// It goes on as it was.
		tracker.stream(run, {
			tidelog: { v: 1, writer: W1, startedMs: 10, upTo: 9, gen: 0 },
			files: { [HISTORY_FILE]: { offset: 5, content: ['{"a":6}'] } },
		});
		tracker.close();
		const again = new Tracker(folder, () => 1_000_000);
		expect(chart(again, 'r', ['a'])).toEqual([['a', [0, 1, 3, 7, 9, 10], [1, 2, 30, Number.NaN, 5, 6]]]);
		again.close();
		expect(readdirSync(folder).filter((name) => name.includes('format-2'))).toEqual([]);
	});

	test('that cannot be read keeps its state and a whole copy, until a try succeeds', () => {
		write();
		let sql = new DatabaseSync(path);
		sql.prepare("UPDATE lines SET text = '{\"loss\":' WHERE writer = 6 AND file = 'wandb-history.jsonl' AND idx = 4").run();
		sql.close();
		for (let tries = 0; tries < 2; tries++) {
			expect(() => new Tracker(folder, () => 1_000_000)).toThrow(/could not be brought from format 2 to \d+; it is as it was/);
			for (const file of [path, `${path}.format-2`]) {
				sql = new DatabaseSync(file, { readOnly: true });
				expect(sql.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
				expect(sql.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
				expect(sql.prepare('SELECT COUNT(*) AS n FROM lines').get()).toEqual({ n: 22 });
				expect(sql.prepare('SELECT COUNT(*) AS n FROM points').get()).toEqual({ n: 10 });
				sql.close();
			}
		}
		sql = new DatabaseSync(path);
		sql.prepare("UPDATE lines SET text = '{}' WHERE text = ?").run('{"loss":');
		sql.close();
		const tracker = new Tracker(folder, () => 1_000_000);
		expect(lines(tracker, 'o')).toHaveLength(3);
		tracker.close();
		expect(existsSync(`${path}.format-2`)).toBe(false);
	});
});
