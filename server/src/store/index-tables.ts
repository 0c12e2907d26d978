import type { DatabaseSync } from 'node:sqlite';
import { IS_ALIVE, NEXT_WRITER } from './graves.ts';
import { LeafTable } from './leaf-table.ts';
import { LineLog } from './line-log.ts';
import { Segments } from './segments.ts';

export type IndexTables = ReturnType<typeof prepareIndex>;

/** Statements over the tables that stand for a run in memory (run-index.ts), prepared once a database. */
export function prepareIndex(sql: DatabaseSync) {
	return {
		log: new LineLog(sql),
		leaves: new LeafTable(sql),
		stamps: new Segments(sql, 'stamps'),
		addWriter: sql.prepare(`INSERT INTO writers (id, run, gen, name, started_ms) VALUES (${NEXT_WRITER}, ?, ?, ?, ?)`),
		writers: sql.prepare('SELECT id, name, started_ms, stored, heard_ms FROM writers WHERE run = ? AND gen = ?'),
		saveWriter: sql.prepare('UPDATE writers SET stored = ?, heard_ms = ?, conflicts = conflicts + CAST(? AS INTEGER) WHERE id = ?'),
		cursors: sql.prepare('SELECT file, next, hash FROM cursors WHERE writer = ?'),
		saveCursor: sql.prepare(
			'INSERT INTO cursors (writer, file, next, hash) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next, hash = excluded.hash',
		),
		series: sql.prepare(
			`SELECT id, fold, has_numbers, has_objects, type, hidden, sealed FROM series WHERE run = ?1 AND gen = ?2 AND key = ?3 AND ${IS_ALIVE}`,
		),
		loose: sql.prepare('SELECT loose FROM series WHERE id = ?'),
		allSeries: sql.prepare(`SELECT key, fold, has_numbers, type FROM series WHERE run = ?1 AND gen = ?2 AND ${IS_ALIVE}`),
		hidden: sql.prepare(`SELECT COALESCE(SUM(hidden), 0) AS hidden FROM series WHERE run = ?1 AND gen = ?2 AND ${IS_ALIVE}`),
		addSeries: sql.prepare('INSERT INTO series (run, gen, key) VALUES (?, ?, ?)'),
		saveSeries: sql.prepare('UPDATE series SET fold = ?, has_numbers = ?, has_objects = ?, type = ?, hidden = ?, sealed = ?, loose = ? WHERE id = ?'),
		counts: sql.prepare('SELECT records, last_step, sealed, counted, is_open FROM counts WHERE run = ? AND gen = ?'),
		openRuns: sql.prepare('SELECT run AS id, gen FROM counts WHERE is_open = 1'),
		openCounts: sql.prepare(
			'INSERT INTO counts (run, gen, records, last_step, sealed, counted, is_open) VALUES (?, ?, 0, -1, 0, 0, 1) ON CONFLICT DO UPDATE SET is_open = 1',
		),
		saveCounts: sql.prepare('INSERT OR REPLACE INTO counts (run, gen, records, last_step, sealed, counted, is_open) VALUES (?, ?, ?, ?, ?, ?, ?)'),
		objects: sql.prepare('SELECT step, writer, n, time_ms, json FROM objects WHERE series = ? ORDER BY step'),
		object: sql.prepare('SELECT step, writer, n, time_ms, json FROM objects WHERE series = ? AND step = ?'),
		putObject: sql.prepare('INSERT OR REPLACE INTO objects (series, step, writer, n, time_ms, json) VALUES (?, ?, ?, ?, ?, ?)'),
	};
}
