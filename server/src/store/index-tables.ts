import type { DatabaseSync } from 'node:sqlite';
import { Segments } from './segments.ts';
import { SeriesValues } from './series-values.ts';

export type IndexTables = ReturnType<typeof prepareIndex>;

/** Statements over the tables that stand for a run in memory (run-index.ts), prepared once a database. */
export function prepareIndex(sql: DatabaseSync) {
	return {
		values: new SeriesValues(sql),
		stamps: new Segments(sql, 'stamps', 4),
		addWriter: sql.prepare('INSERT INTO writers (run, gen, name, started_ms) VALUES (?, ?, ?, ?)'),
		writers: sql.prepare('SELECT id, name, started_ms, stored, heard_ms FROM writers WHERE run = ? AND gen = ?'),
		saveWriter: sql.prepare('UPDATE writers SET stored = ?, heard_ms = ?, conflicts = conflicts + CAST(? AS INTEGER) WHERE id = ?'),
		cursors: sql.prepare('SELECT file, next, hash FROM cursors WHERE writer = ?'),
		saveCursor: sql.prepare(
			'INSERT INTO cursors (writer, file, next, hash) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next, hash = excluded.hash',
		),
		line: sql.prepare('SELECT text FROM lines WHERE writer = ? AND file = ? AND idx = ?'),
		series: sql.prepare('SELECT id, fold, has_numbers, has_objects, type FROM series WHERE run = ? AND gen = ? AND key = ?'),
		addSeries: sql.prepare('INSERT INTO series (run, gen, key) VALUES (?, ?, ?)'),
		saveSeries: sql.prepare('UPDATE series SET fold = ?, has_numbers = ?, has_objects = ?, type = ? WHERE id = ?'),
		counts: sql.prepare('SELECT records, last_step, hidden FROM counts WHERE run = ? AND gen = ?'),
		saveCounts: sql.prepare('INSERT OR REPLACE INTO counts (run, gen, records, last_step, hidden) VALUES (?, ?, ?, ?, ?)'),
	};
}
