import type { LineValue } from '../../../src/core/json-line.ts';
import type { PlacedEdit } from '../../../src/core/meta.ts';
import type { AlertInfo, RunState } from '../../../src/core/query.ts';
import type { RunGroupsPage, RunGroupsQuery, RunsQuery } from '../../../src/core/runs-query.ts';

/** Projects and runs. Times are milliseconds since the epoch. Every call is one transaction, or part of the caller's. */
export interface MetaStore {
	project(entity: string, name: string): ProjectRow | undefined;
	projects(entity: string): ProjectRow[];
	/** Creates or updates by (entity, project, name), or by `storageId` alone; a field that is null or missing is left as it is. */
	upsertRun(change: RunChange, nowMs: number): { run: RunRow; isNew: boolean };
	run(entity: string, project: string, name: string): RunRow | undefined;
	runByStorageId(id: string): RunRow | undefined;
	/** sha-256 of the key that the run was made with. */
	runKeyHash(run: RunRow): Uint8Array | undefined;
	/** Of the runs that ended before that, or were heard of last before it and never ended: the one that did so first. */
	endedBefore(timeMs: number): RunRow | undefined;
	/** Newest first. */
	runs(project: ProjectRow): RunRow[];
	/** A page of the runs that a query finds, by what `setValues` last said of them. @throws RequestError 400 */
	findRuns(project: ProjectRow, query: RunsQuery, nowMs: number): { runs: RunRow[]; total: number; next?: string };
	groupRuns(project: ProjectRow, query: RunGroupsQuery, nowMs: number): RunGroupsPage;
	/** Runs whose values were never set, or whose config, summary or rows have changed since. */
	outdatedRuns(project: ProjectRow): RunRow[];
	/** Rows of the run have changed; what changes in this store, it sees itself. */
	outdate(run: RunRow): void;
	/** Config and summary by key, to find the run by; the first 10,000 that are not null. */
	setValues(run: RunRow, values: Iterable<readonly [key: string, value: LineValue]>): void;
	/** A sign of life. A run that had ended and is heard again is running. */
	heard(run: RunRow, nowMs: number): void;
	finish(run: RunRow, exitCode: number, nowMs: number): void;
	setStopped(run: RunRow, isStopped: boolean): void;
	/** Sets fields; null takes a value away. */
	update(run: RunRow, fields: RunFields): void;
	/** Raises the generation; the run goes on from there as a running one. Returns it as it is then. */
	newGen(run: RunRow, nowMs: number): RunRow;

	/** What meta lines have said about one kind of thing, one edit a path. */
	edits(run: RunRow, kind: EditKind): PlacedEdit[];
	edit(run: RunRow, kind: EditKind, path: readonly string[]): PlacedEdit | undefined;
	/** Keeps an edit in the place of the one of the same path. */
	putEdit(run: RunRow, kind: EditKind, edit: PlacedEdit): void;
	/** Oldest first. */
	alerts(run: RunRow): AlertInfo[];
	addAlert(run: RunRow, alert: AlertInfo): void;

	/** Takes the run away and leaves a tombstone. */
	deleteRun(run: RunRow, nowMs: number): void;
	isDeleted(entity: string, project: string, name: string): boolean;
	wasDeleted(storageId: string): boolean;
}

/** `info`: the path is one member of RunInfoChange. `metric`: name, writer and number of one definition. */
export type EditKind = 'config' | 'summary' | 'info' | 'metric';

export interface RunFields {
	displayName?: string;
	config?: string;
	notes?: string;
	tags?: readonly string[];
	group?: string | null;
	jobType?: string | null;
	/** The whole summary as an official client sent it. */
	sentSummary?: string | null;
}

export interface ProjectRow {
	id: number;
	entity: string;
	name: string;
	createdMs: number;
}

export interface RunRow {
	/** Key in the store; opaque outside. */
	id: number;
	project: ProjectRow;
	/** The run id that people and clients use. */
	name: string;
	displayName: string;
	/** JSON text in W&B's wire form: `{"lr": {"value": 0.1}, "_wandb": {…}}`. */
	config: string;
	notes: string;
	tags: string[];
	description: string | undefined;
	group: string | undefined;
	jobType: string | undefined;
	host: string | undefined;
	program: string | undefined;
	repo: string | undefined;
	commit: string | undefined;
	sweep: string | undefined;
	/** As last told; whether a silent run counts as crashed is `stateAt`'s to say. */
	state: 'pending' | 'running' | 'finished' | 'failed';
	exitCode: number | undefined;
	isStopped: boolean;
	/** Place in the run palette. */
	colour: number;
	/** Raised by a rewind. */
	gen: number;
	createdMs: number;
	heartbeatMs: number;
	finishedMs: number | undefined;
	/** The whole summary as an official client sent it. */
	sentSummary: string | undefined;
}

export interface RunChange {
	storageId?: string | null;
	entity?: string | null;
	project?: string | null;
	name?: string | null;
	displayName?: string | null;
	config?: string | null;
	notes?: string | null;
	tags?: readonly string[] | null;
	description?: string | null;
	group?: string | null;
	jobType?: string | null;
	host?: string | null;
	program?: string | null;
	repo?: string | null;
	commit?: string | null;
	sweep?: string | null;
	state?: string | null;
	summary?: string | null;
	/** sha-256 of the run's key; kept when this makes the run. */
	keyHash?: Uint8Array | undefined;
}

/** A running run that has said nothing for this long has crashed (W&B's own server is believed to wait as long). */
export const CRASHED_AFTER_MS = 5 * 60_000;

export function stateAt(run: RunRow, nowMs: number): RunState {
	if (run.state === 'finished' || run.state === 'failed') return run.state;
	return nowMs - run.heartbeatMs > CRASHED_AFTER_MS ? 'crashed' : 'running';
}
