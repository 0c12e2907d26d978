import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Rows taken away by one statement: about a millisecond's work, of the largest ones too. */
const ROWS = 32;

/** For a statement whose first parameter is a run: none of its rows if it was deleted. */
export const IS_ALIVE = "NOT EXISTS (SELECT 1 FROM graves WHERE kind = 'run' AND id = ?1)";
/** A writer's id that no other has, nor anything that is left of another. */
export const NEXT_WRITER = `1 + MAX(
	COALESCE((SELECT MAX(id) FROM writers), 0), COALESCE((SELECT MAX(id) FROM graves WHERE kind = 'writer'), 0)
)`;

/**
 * What is left of the histories of deleted runs. A run of a hundred million points is many seconds' work to take away; so deleting it only takes it out
 * of sight, with its writers, and the rest goes in slices (`sweepSome`).
 */
export class Graves {
	readonly #put: StatementSync[];
	readonly #any: StatementSync;
	readonly #series: StatementSync;
	readonly #removeSeries: StatementSync;
	readonly #rows: Record<'writer' | 'series', StatementSync[]>;
	readonly #forget: StatementSync;

	constructor(sql: DatabaseSync) {
		this.#put = [
			sql.prepare("INSERT INTO graves (kind, id) SELECT 'writer', id FROM writers WHERE run = ?"),
			sql.prepare("INSERT OR IGNORE INTO graves (kind, id) VALUES ('run', ?)"),
			sql.prepare('DELETE FROM counts WHERE run = ?'),
			sql.prepare('DELETE FROM writers WHERE run = ?'),
		];
		this.#any = sql.prepare('SELECT kind, id FROM graves LIMIT 1');
		this.#series = sql.prepare('SELECT id FROM series WHERE run = ? LIMIT 1');
		this.#removeSeries = sql.prepare('DELETE FROM series WHERE id = ?');
		const rowsOf = (table: string, owner: string) =>
			sql.prepare(`DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${owner} = ? LIMIT ${ROWS})`);
		this.#rows = {
			writer: [rowsOf('lines', 'writer'), rowsOf('stamps', 'owner'), sql.prepare('DELETE FROM cursors WHERE writer = ?')],
			series: [
				rowsOf('spans', 'series'),
				rowsOf('leaves', 'series'),
				sql.prepare(`DELETE FROM objects WHERE (series, step) IN (SELECT series, step FROM objects WHERE series = ? LIMIT ${ROWS})`),
			],
		};
		this.#forget = sql.prepare('DELETE FROM graves WHERE kind = ? AND id = ?');
	}

	/** Takes a run out of sight, all gens of it. */
	put(run: number): void {
		for (const statement of this.#put) statement.run(run);
	}

	isEmpty(): boolean {
		return this.#any.get() === undefined;
	}

	/** Takes away some of what is left. The caller wraps it in a transaction. */
	sweepSome(isTimeUp: () => boolean): void {
		do {
			const grave = this.#any.get() as { kind: 'run' | 'writer'; id: number } | undefined;
			if (!grave) return;
			if (!(grave.kind === 'writer' ? this.#takeRows('writer', grave.id) : this.#takeSeries(grave.id))) this.#forget.run(grave.kind, grave.id);
		} while (!isTimeUp());
	}

	/** Returns false when nothing is left. */
	#takeSeries(run: number): boolean {
		const series = this.#series.get(run) as { id: number } | undefined;
		if (!series) return false;
		if (!this.#takeRows('series', series.id)) this.#removeSeries.run(series.id);
		return true;
	}

	#takeRows(of: 'writer' | 'series', id: number): boolean {
		return this.#rows[of].some((statement) => Number(statement.run(id).changes) > 0);
	}
}
