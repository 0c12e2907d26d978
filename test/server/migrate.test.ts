import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Tracker } from '../../server/src/tracker.ts';
import { EMPTY_HASH, hashLines } from '../../src/core/line-hash.ts';
import { chartOf } from './support.ts';

/** Data folders that an earlier format has written: the tables below are those of format 1, as they were. */
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
