import { rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type LineObject, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { EMPTY_HASH, hashLines } from '../../../src/core/line-hash.ts';
import { HISTORY_FILE } from '../../../src/core/protocol.ts';
import { FORMAT_VERSION, TABLES } from './schema.ts';
import { SqliteHistoryStore } from './sqlite-history-store.ts';

/**
 * Brings a database of an older format up to date, in one transaction: after an error or a kill it is as it was. A copy lies beside it while this
 * lasts, in case that the new format has a mistake that shows at once. The caller holds the data folder's lock.
 */
export function migrate(sql: DatabaseSync, path: string, version: number): void {
	if (version === 0 || version === FORMAT_VERSION) return;
	const copy = `${path}.format-${version}`;
	// What an earlier try left: it did not get as far as a commit, so the database itself is whole.
	rmSync(copy, { force: true });
	// By SQL and not as a file: closing a second handle of the file would give up the lock of the first.
	sql.prepare('VACUUM INTO ?').run(copy);
	sql.exec('BEGIN IMMEDIATE');
	try {
		if (version === 1) fromVersion1(sql);
		fromVersion2(sql);
		sql.exec(`PRAGMA user_version = ${FORMAT_VERSION}`);
		sql.exec('COMMIT');
	} catch (error) {
		sql.exec('ROLLBACK');
		throw error;
	}
	rmSync(copy, { force: true });
}

/** Format 1 kept the values set by hand with the writer, as one text, and no hashes. Its lines are those of format 2; the points are made anew anyway. */
function fromVersion1(sql: DatabaseSync): void {
	const writers = sql.prepare('SELECT id, run, name, started_ms, summary, summary_up_to FROM writers ORDER BY started_ms, name').all() as {
		id: number;
		run: number;
		name: string;
		started_ms: number;
		summary: string;
		summary_up_to: number;
	}[];
	sql.exec(`
		ALTER TABLE writers DROP COLUMN summary; ALTER TABLE writers DROP COLUMN summary_up_to;
		ALTER TABLE writers ADD COLUMN heard_ms INTEGER NOT NULL DEFAULT 0;
		ALTER TABLE cursors ADD COLUMN hash TEXT NOT NULL DEFAULT '';
		CREATE TABLE edits (
			run INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, started_ms INTEGER NOT NULL, writer TEXT NOT NULL, n INTEGER NOT NULL, value TEXT,
			PRIMARY KEY (run, kind, path)
		) WITHOUT ROWID;
	`);
	const addEdit = sql.prepare("INSERT OR REPLACE INTO edits (run, kind, path, started_ms, writer, n, value) VALUES (?, 'summary', ?, ?, ?, ?, ?)");
	const setHash = sql.prepare('UPDATE cursors SET hash = ? WHERE writer = ? AND file = ?');
	for (const { id, run, name, started_ms, summary, summary_up_to } of writers) {
		for (const [key, value] of Object.entries(parseLine(summary) as LineObject)) {
			addEdit.run(run, JSON.stringify([key]), started_ms, name, Math.max(0, summary_up_to), writeLine(value));
		}
		for (const file of name === '' ? [] : filesOf(sql, id)) {
			let hash = EMPTY_HASH;
			for (const { lines } of pages(sql, 'lines', id, file)) hash = hashLines(hash, lines);
			setHash.run(hash, id, file);
		}
	}
}

/** Format 2 kept a line a row, and points in blocks of columns. */
function fromVersion2(sql: DatabaseSync): void {
	const hasStamps = sql.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'stamps'").get() !== undefined;
	sql.exec('ALTER TABLE lines RENAME TO lines_2');
	if (hasStamps) sql.exec('ALTER TABLE stamps RENAME TO stamps_2; DROP INDEX stamps_of_owner;');
	for (const table of ['points', 'objects', 'summaries', 'counts', 'series']) sql.exec(`DROP TABLE IF EXISTS ${table}`);
	sql.exec(TABLES);
	const history = new SqliteHistoryStore({ sql, onEnd: () => {}, transaction: (work) => work() });
	const writers = sql.prepare('SELECT id, run, gen, name FROM writers ORDER BY started_ms, name').all() as {
		id: number;
		run: number;
		gen: number;
		name: string;
	}[];
	for (const { id, run, gen, name } of writers) {
		const steps = hasStamps ? stepsOf(sql, id) : new Map<number, number>();
		for (const file of filesOf(sql, id, 'lines_2')) {
			for (const { first, lines } of pages(sql, 'lines_2', id, file)) {
				history.restore({ id: run, gen }, name, { name: file, offset: first, lines }, file === HISTORY_FILE ? steps : undefined);
			}
		}
		history.seal({ id: run, gen });
	}
	sql.exec('DROP TABLE lines_2; DROP TABLE IF EXISTS stamps_2;');
}

function filesOf(sql: DatabaseSync, writer: number, table = 'lines'): string[] {
	return (sql.prepare(`SELECT DISTINCT file FROM ${table} WHERE writer = ?`).all(writer) as { file: string }[]).map(({ file }) => file);
}

const PAGE_LINES = 1_000;

/** Lines of a table of format 1 or 2, those beside each other together. */
function* pages(sql: DatabaseSync, table: string, writer: number, file: string): Iterable<{ first: number; lines: string[] }> {
	const statement = sql.prepare(`SELECT idx, text FROM ${table} WHERE writer = ? AND file = ? AND idx >= ? ORDER BY idx LIMIT ${PAGE_LINES}`);
	for (let from = 0; ; ) {
		const rows = statement.all(writer, file, from) as { idx: number; text: string }[];
		const first = rows[0]?.idx;
		if (first === undefined) return;
		const gap = rows.findIndex(({ idx }, i) => idx !== first + i);
		const lines = (gap === -1 ? rows : rows.slice(0, gap)).map(({ text }) => text);
		yield { first, lines };
		from = first + lines.length;
	}
}

/** Step of each history line, from the stamps of format 2: 0 or 1 for each of four columns, then the columns: as they are, or first value and stride. */
function stepsOf(sql: DatabaseSync, writer: number): Map<number, number> {
	const steps = new Map<number, number>();
	for (const { count, body } of sql.prepare('SELECT count, body FROM stamps_2 WHERE owner = ?').all(writer) as {
		count: number;
		body: Uint8Array;
	}[]) {
		const numbers = new Float64Array(body.slice().buffer);
		let at = 4;
		const [ns, stepColumn] = [0, 1].map((column) => {
			const [first, stride] = [numbers[at] as number, numbers[at + 1] as number];
			const isEven = numbers[column] === 1;
			const values = isEven ? Float64Array.from({ length: count }, (_, i) => first + i * stride) : numbers.subarray(at, at + count);
			at += isEven ? 2 : count;
			return values;
		}) as [Float64Array, Float64Array];
		for (const [i, n] of ns.entries()) steps.set(n, stepColumn[i] as number);
	}
	return steps;
}
