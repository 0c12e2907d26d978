import type { StatementSync } from 'node:sqlite';
import { type LineValue, writeLine } from '../../../src/core/json-line.ts';
import type { Database } from './database.ts';

/** Longest text looked at. */
export const MAX_VALUE_CHARS = 1_000;
/** Most keys of a run that can be looked for: a run with a metric a file would else fill the table. */
export const MAX_RUN_KEYS = 10_000;

export type StoredValue = number | string;

/**
 * Config and summary of runs as rows of (run, key, value), to filter and sort by. A summary is a fold over all rows of a run, so it is written here
 * before a query that needs it rather than with each request that changes it: `run_kv_fresh` lists the runs whose values are up to date, triggers and
 * `outdate` take a run off it in the transaction that changes the run.
 */
export class RunValues {
	readonly #outdate: StatementSync;
	readonly #outdated: StatementSync;
	readonly #clear: StatementSync;
	readonly #add: StatementSync;
	readonly #fresh: StatementSync;

	constructor({ sql }: Pick<Database, 'sql'>) {
		this.#outdate = sql.prepare('DELETE FROM run_kv_fresh WHERE run = ?');
		this.#outdated = sql.prepare('SELECT id FROM runs WHERE project = ? AND id NOT IN (SELECT run FROM run_kv_fresh)');
		this.#clear = sql.prepare('DELETE FROM run_kv WHERE run = ?');
		this.#add = sql.prepare('INSERT OR REPLACE INTO run_kv (project, key, run, value) VALUES (?, ?, ?, ?)');
		this.#fresh = sql.prepare('INSERT OR IGNORE INTO run_kv_fresh (run) VALUES (?)');
	}

	outdate(run: number): void {
		this.#outdate.run(run);
	}

	outdated(project: number): number[] {
		return this.#outdated.all(project).map(({ id }) => Number(id));
	}

	write(project: number, run: number, values: Iterable<readonly [key: string, value: LineValue]>): void {
		this.#clear.run(run);
		let count = 0;
		for (const [key, value] of values) {
			const stored = toStored(value);
			if (stored === null) continue;
			if (++count > MAX_RUN_KEYS) break;
			this.#add.run(project, key, run, stored);
		}
		this.#fresh.run(run);
	}
}

/** What stands in the table for a value: SQLite keeps NaN as NULL and knows no booleans. */
export function toStored(value: LineValue): StoredValue | null {
	if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : value;
	if (typeof value === 'bigint') return Number(value);
	if (value === null) return null;
	return (typeof value === 'string' ? value : writeLine(value)).slice(0, MAX_VALUE_CHARS);
}
