import { rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type LineObject, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { FORMAT_VERSION, TABLES } from './schema.ts';
import { SqliteHistoryStore } from './sqlite-history-store.ts';

/**
 * Brings a database of an older format up to date, in one transaction: after an error or a kill it is as it was. A copy lies beside it while this
 * lasts, in case that the new format has a mistake that shows at once. The caller holds the database's exclusive lock.
 */
export function migrate(sql: DatabaseSync, path: string, version: number): void {
	if (version !== 1) return;
	const copy = `${path}.format-1`;
	// What an earlier try left: it did not get as far as a commit, so the database itself is whole.
	rmSync(copy, { force: true });
	// By SQL and not as a file: closing a second handle of the file would give up the lock of the first.
	sql.prepare('VACUUM INTO ?').run(copy);
	sql.exec('BEGIN IMMEDIATE');
	try {
		fromVersion1(sql);
		sql.exec(`PRAGMA user_version = ${FORMAT_VERSION}`);
		sql.exec('COMMIT');
	} catch (error) {
		sql.exec('ROLLBACK');
		throw error;
	}
	rmSync(copy, { force: true });
}

/** Format 1 kept a point a row, and the values set by hand with the writer, as one text. Its lines are those of format 2. */
function fromVersion1(sql: DatabaseSync): void {
	sql.exec('DROP TABLE points; DROP TABLE objects; DROP TABLE summaries; DROP TABLE counts; DROP TABLE series;');
	const writers = sql.prepare('SELECT id, run, gen, name, started_ms, summary, summary_up_to FROM writers ORDER BY id').all() as {
		run: number;
		gen: number;
		name: string;
		started_ms: number;
		summary: string;
		summary_up_to: number;
	}[];
	sql.exec(`
		ALTER TABLE writers DROP COLUMN summary; ALTER TABLE writers DROP COLUMN summary_up_to;
		ALTER TABLE writers ADD COLUMN heard_ms INTEGER NOT NULL DEFAULT 0;
		ALTER TABLE cursors ADD COLUMN hash TEXT NOT NULL DEFAULT '';
	`);
	sql.exec(TABLES);
	const addEdit = sql.prepare("INSERT OR REPLACE INTO edits (run, kind, path, started_ms, writer, n, value) VALUES (?, 'summary', ?, ?, ?, ?, ?)");
	const history = new SqliteHistoryStore({ sql, onRollback: () => {} });
	for (const writer of [...writers].sort((a, b) => a.started_ms - b.started_ms || (a.name < b.name ? -1 : 1))) {
		for (const [key, value] of Object.entries(parseLine(writer.summary) as LineObject)) {
			addEdit.run(writer.run, JSON.stringify([key]), writer.started_ms, writer.name, Math.max(0, writer.summary_up_to), writeLine(value));
		}
	}
	for (const { run, gen, name } of writers) history.reindex({ id: run, gen, name: '', createdMs: 0 }, name);
}
