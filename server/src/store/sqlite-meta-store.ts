import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { type LineValue, parseLine, writeLine } from '../../../src/core/json-line.ts';
import type { Edit, PlacedEdit } from '../../../src/core/meta.ts';
import { DEFAULT_ENTITY } from '../../../src/core/protocol.ts';
import type { AlertInfo } from '../../../src/core/query.ts';
import { randomName } from '../../../src/core/random-name.ts';
import type { RunGroupsPage, RunGroupsQuery, RunsQuery } from '../../../src/core/runs-query.ts';
import type { Database } from './database.ts';
import type { EditKind, MetaStore, ProjectRow, RunChange, RunFields, RunRow } from './meta-store.ts';
import { RunFinder } from './run-finder.ts';
import { RunValues } from './run-values.ts';

type SqlRow = Record<string, SQLInputValue>;

/** Column of each text that a change may set. */
const COLUMNS: Partial<Record<keyof RunChange | keyof RunFields, string>> = {
	displayName: 'display_name',
	config: 'config',
	notes: 'notes',
	description: 'description',
	group: 'group_name',
	jobType: 'job_type',
	host: 'host',
	program: 'program',
	repo: 'repo',
	commit: 'commit_sha',
	sweep: 'sweep',
	summary: 'sent_summary',
	sentSummary: 'sent_summary',
	state: 'state',
};

/** Beside the run, since only this store knows of it. */
const RUN_KEYS = 'CREATE TABLE IF NOT EXISTS run_keys (run INTEGER PRIMARY KEY, hash BLOB NOT NULL)';

const SELECT_RUN = `SELECT runs.*, projects.entity, projects.name AS project_name, projects.created_ms AS project_created_ms
	FROM runs JOIN projects ON projects.id = runs.project`;

export class SqliteMetaStore implements MetaStore {
	readonly #sql: Database['sql'];
	readonly #statements = new Map<string, StatementSync>();

	readonly #finder: RunFinder;
	readonly #values: RunValues;

	constructor(database: Pick<Database, 'sql'>) {
		this.#sql = database.sql;
		this.#sql.exec(RUN_KEYS);
		this.#finder = new RunFinder(database);
		this.#values = new RunValues(database);
	}

	project(entity: string, name: string): ProjectRow | undefined {
		const row = this.#prepare('SELECT * FROM projects WHERE entity = ? AND name = ?').get(entity, name);
		return row && toProject(row as SqlRow);
	}

	projects(entity: string): ProjectRow[] {
		return this.#prepare('SELECT * FROM projects WHERE entity = ? ORDER BY created_ms DESC')
			.all(entity)
			.map((row) => toProject(row as SqlRow));
	}

	upsertRun(change: RunChange, nowMs: number): { run: RunRow; isNew: boolean } {
		const known = change.storageId ? this.runByStorageId(change.storageId) : this.#named(change);
		const run = known ?? this.#insert(change, nowMs);
		if (!known && change.keyHash) this.#prepare('INSERT INTO run_keys (run, hash) VALUES (?, ?)').run(run.id, change.keyHash);
		for (const [field, column] of Object.entries(COLUMNS)) {
			const value = change[field as keyof RunChange];
			if (typeof value === 'string') this.#prepare(`UPDATE runs SET ${column} = ? WHERE id = ?`).run(value, run.id);
		}
		if (change.tags) this.#prepare('UPDATE runs SET tags = ? WHERE id = ?').run(JSON.stringify(change.tags), run.id);
		return { run: this.#byKey(run.id) as RunRow, isNew: !known };
	}

	run(entity: string, project: string, name: string): RunRow | undefined {
		const row = this.#prepare(`${SELECT_RUN} WHERE projects.entity = ? AND projects.name = ? AND runs.name = ?`).get(entity, project, name);
		return row && toRun(row as SqlRow);
	}

	runByStorageId(id: string): RunRow | undefined {
		return /^\d+$/.test(id) ? this.#byKey(Number(id)) : undefined;
	}

	runKeyHash(run: RunRow): Uint8Array | undefined {
		return this.#prepare('SELECT hash FROM run_keys WHERE run = ?').get(run.id)?.hash as Uint8Array | undefined;
	}

	runs(project: ProjectRow): RunRow[] {
		return this.#prepare(`${SELECT_RUN} WHERE runs.project = ? ORDER BY runs.created_ms DESC, runs.id DESC`)
			.all(project.id)
			.map((row) => toRun(row as SqlRow));
	}

	endedBefore(timeMs: number): RunRow | undefined {
		const end = 'COALESCE(runs.finished_ms, runs.heartbeat_ms)';
		const row = this.#prepare(`${SELECT_RUN} WHERE ${end} < ? ORDER BY ${end}, runs.id LIMIT 1`).get(timeMs);
		return row && toRun(row as SqlRow);
	}

	findRuns(project: ProjectRow, query: RunsQuery, nowMs: number): { runs: RunRow[]; total: number; next?: string } {
		const { ids, ...rest } = this.#finder.find(project.id, query, nowMs);
		return { runs: this.#byKeys(ids), ...rest };
	}

	groupRuns(project: ProjectRow, query: RunGroupsQuery, nowMs: number): RunGroupsPage {
		return this.#finder.group(project.id, query, nowMs);
	}

	outdatedRuns(project: ProjectRow): RunRow[] {
		return this.#byKeys(this.#values.outdated(project.id));
	}

	outdate(run: RunRow): void {
		this.#values.outdate(run.id);
	}

	setValues(run: RunRow, values: Iterable<readonly [key: string, value: LineValue]>): void {
		this.#values.write(run.project.id, run.id, values);
	}

	heard(run: RunRow, nowMs: number): void {
		this.#prepare("UPDATE runs SET heartbeat_ms = ?, state = 'running', exit_code = NULL, finished_ms = NULL WHERE id = ?").run(nowMs, run.id);
	}

	finish(run: RunRow, exitCode: number, nowMs: number): void {
		this.#prepare('UPDATE runs SET heartbeat_ms = ?, state = ?, exit_code = ?, finished_ms = ? WHERE id = ?').run(
			nowMs,
			exitCode === 0 ? 'finished' : 'failed',
			exitCode,
			nowMs,
			run.id,
		);
	}

	setStopped(run: RunRow, isStopped: boolean): void {
		this.#prepare('UPDATE runs SET is_stopped = ? WHERE id = ?').run(isStopped ? 1 : 0, run.id);
	}

	update(run: RunRow, { tags, ...fields }: RunFields): void {
		for (const [field, value] of Object.entries(fields)) {
			if (value !== undefined) this.#prepare(`UPDATE runs SET ${COLUMNS[field as keyof RunFields]} = ? WHERE id = ?`).run(value, run.id);
		}
		if (tags) this.#prepare('UPDATE runs SET tags = ? WHERE id = ?').run(JSON.stringify(tags), run.id);
	}

	newGen(run: RunRow, nowMs: number): RunRow {
		this.#prepare('UPDATE runs SET gen = gen + 1, sent_summary = NULL WHERE id = ?').run(run.id);
		this.heard(run, nowMs);
		return this.#byKey(run.id) as RunRow;
	}

	edits(run: RunRow, kind: EditKind): PlacedEdit[] {
		const rows = this.#prepare('SELECT path, started_ms, writer, n, value FROM edits WHERE run = ? AND kind = ?').all(run.id, kind);
		return rows.map((row) => toEdit(row as SqlRow));
	}

	edit(run: RunRow, kind: EditKind, path: readonly string[]): PlacedEdit | undefined {
		const sql = 'SELECT path, started_ms, writer, n, value FROM edits WHERE run = ? AND kind = ? AND path = ?';
		const row = this.#prepare(sql).get(run.id, kind, JSON.stringify(path));
		return row && toEdit(row as SqlRow);
	}

	putEdit(run: RunRow, kind: EditKind, { startedMs, writer, n, edit: [path, value] }: PlacedEdit): void {
		this.#prepare('INSERT OR REPLACE INTO edits (run, kind, path, started_ms, writer, n, value) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
			run.id,
			kind,
			JSON.stringify(path),
			startedMs,
			writer,
			n,
			value === undefined ? null : writeLine(value as LineValue),
		);
	}

	alerts(run: RunRow): AlertInfo[] {
		return this.#prepare('SELECT title, text, level, time_ms FROM alerts WHERE run = ? ORDER BY time_ms, id')
			.all(run.id)
			.map((row) => ({
				title: String(row.title),
				text: String(row.text),
				level: String(row.level) as AlertInfo['level'],
				timeMs: Number(row.time_ms),
			}));
	}

	addAlert(run: RunRow, { title, text, level, timeMs }: AlertInfo): void {
		this.#prepare('INSERT INTO alerts (run, title, text, level, time_ms) VALUES (?, ?, ?, ?, ?)').run(run.id, title, text, level, timeMs);
	}

	deleteRun(run: RunRow, nowMs: number): void {
		for (const table of ['edits', 'alerts', 'files', 'run_keys']) this.#prepare(`DELETE FROM ${table} WHERE run = ?`).run(run.id);
		this.#prepare('DELETE FROM runs WHERE id = ?').run(run.id);
		this.#prepare('INSERT INTO tombstones (run, project, name, deleted_ms) VALUES (?, ?, ?, ?)').run(run.id, run.project.id, run.name, nowMs);
	}

	wasDeleted(storageId: string): boolean {
		return /^\d+$/.test(storageId) && this.#prepare('SELECT 1 FROM tombstones WHERE run = ?').get(Number(storageId)) !== undefined;
	}

	isDeleted(entity: string, project: string, name: string): boolean {
		const sql = `SELECT 1 FROM tombstones JOIN projects ON projects.id = tombstones.project
			WHERE projects.entity = ? AND projects.name = ? AND tombstones.name = ?`;
		return this.#prepare(sql).get(entity, project, name) !== undefined;
	}

	/** Each statement is prepared once. */
	#prepare(sql: string): StatementSync {
		const known = this.#statements.get(sql);
		if (known) return known;
		const statement = this.#sql.prepare(sql);
		this.#statements.set(sql, statement);
		return statement;
	}

	#named({ entity, project, name }: RunChange): RunRow | undefined {
		return name ? this.run(entity || DEFAULT_ENTITY, project || 'uncategorized', name) : undefined;
	}

	#byKeys(ids: readonly number[]): RunRow[] {
		return ids.map((id) => this.#byKey(id) as RunRow);
	}

	#byKey(id: number): RunRow | undefined {
		const row = this.#prepare(`${SELECT_RUN} WHERE runs.id = ?`).get(id);
		return row && toRun(row as SqlRow);
	}

	#insert(change: RunChange, nowMs: number): RunRow {
		const entity = change.entity || DEFAULT_ENTITY;
		const projectName = change.project || 'uncategorized';
		this.#prepare('INSERT OR IGNORE INTO projects (entity, name, created_ms) VALUES (?, ?, ?)').run(entity, projectName, nowMs);
		const project = this.project(entity, projectName) as ProjectRow;
		// An id is never given twice: what a client still holds of a deleted run must not reach another.
		const { id } = this.#prepare(
			'SELECT 1 + MAX(COALESCE((SELECT MAX(id) FROM runs), 0), COALESCE((SELECT MAX(run) FROM tombstones), 0)) AS id',
		).get() as { id: number };
		this.#prepare(
			"INSERT INTO runs (id, project, name, display_name, state, colour, created_ms, heartbeat_ms) VALUES (?, ?, ?, ?, 'running', ?, ?, ?)",
		).run(id, project.id, change.name ?? randomId(), change.displayName ?? randomName(Math.random), this.#lowestFreeColour(project), nowMs, nowMs);
		return this.#byKey(id) as RunRow;
	}

	/** The palette's first colours are the farthest apart, so a new run takes the lowest that no run of the project has. */
	#lowestFreeColour(project: ProjectRow): number {
		const used = new Set(
			this.#prepare('SELECT colour FROM runs WHERE project = ?')
				.all(project.id)
				.map((row) => row.colour),
		);
		let colour = 0;
		while (used.has(colour)) colour++;
		return colour;
	}
}

function randomId(): string {
	return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => (byte % 36).toString(36)).join('');
}

function toProject(row: SqlRow): ProjectRow {
	return { id: Number(row.id), entity: String(row.entity), name: String(row.name), createdMs: Number(row.created_ms) };
}

function toEdit({ path, started_ms, writer, n, value }: SqlRow): PlacedEdit {
	const keys = JSON.parse(String(path)) as string[];
	const edit: Edit = value === null ? [keys] : [keys, parseLine(String(value))];
	return { startedMs: Number(started_ms), writer: String(writer), n: Number(n), edit };
}

function toRun(row: SqlRow): RunRow {
	const text = (value: SQLInputValue | undefined) => (value === null || value === undefined ? undefined : String(value));
	const number = (value: SQLInputValue | undefined) => (value === null || value === undefined ? undefined : Number(value));
	return {
		id: Number(row.id),
		project: { id: Number(row.project), entity: String(row.entity), name: String(row.project_name), createdMs: Number(row.project_created_ms) },
		name: String(row.name),
		displayName: String(row.display_name),
		config: String(row.config),
		notes: String(row.notes),
		tags: JSON.parse(String(row.tags)) as string[],
		description: text(row.description),
		group: text(row.group_name),
		jobType: text(row.job_type),
		host: text(row.host),
		program: text(row.program),
		repo: text(row.repo),
		commit: text(row.commit_sha),
		sweep: text(row.sweep),
		state: String(row.state) as RunRow['state'],
		exitCode: number(row.exit_code),
		isStopped: row.is_stopped === 1,
		colour: Number(row.colour),
		gen: Number(row.gen),
		createdMs: Number(row.created_ms),
		heartbeatMs: Number(row.heartbeat_ms),
		finishedMs: number(row.finished_ms),
		sentSummary: text(row.sent_summary),
	};
}
