import { setImmediate } from 'node:timers/promises';
import { type LineObject, parseLine } from '../../src/core/json-line.ts';
import { decodeDefinitions } from '../../src/core/metrics.ts';
import {
	CONSOLE_FILE,
	DEFAULT_ENTITY,
	type FileStreamRequest,
	HISTORY_FILE,
	SUMMARY_FILE,
	type TidelogAnswer,
	type TidelogRequest,
} from '../../src/core/protocol.ts';
import type { MediaPoint, ProjectInfo, RunDetail, RunInfo } from '../../src/core/query.ts';
import type { RunGroupsPage, RunGroupsQuery, RunsPage, RunsQuery } from '../../src/core/runs-query.ts';
import { addAlert } from './alerts.ts';
import { Branches } from './branches.ts';
import { unwrapConfig, wandbValue } from './config-edits.ts';
import { DownloadLinks } from './download-links.ts';
import { isTooDeep, MAX_JSON_DEPTH } from './json-depth.ts';
import { applyMetaLines } from './meta-lines.ts';
import { Log } from './operation/log.ts';
import { RequestError } from './request-error.ts';
import { rowObject } from './rows.ts';
import { runSummary, runValues } from './run-summary.ts';
import { ArtifactStore } from './store/artifact-store.ts';
import type { BlobStore } from './store/blob-store.ts';
import { type Database, openDatabase } from './store/database.ts';
import { FolderBlobStore } from './store/folder-blob-store.ts';
import type { HistoryStore, HistoryWrite } from './store/history-store.ts';
import { namedFiles } from './store/media-files.ts';
import { type MetaStore, type ProjectRow, type RunChange, type RunRow, stateAt } from './store/meta-store.ts';
import { RunFiles } from './store/run-files.ts';
import { SqliteHistoryStore } from './store/sqlite-history-store.ts';
import { SqliteMetaStore } from './store/sqlite-meta-store.ts';

/** A run whose writers have said nothing for this long may be numbered by another alone. */
const LIVE_MS = 60_000;
/** How long writing values of runs, before a query that needs them, holds up others at a time. */
const VALUES_SLICE_MS = 20;

/** Told of each change of a run; `isDeleted` with the last one. */
export type RunListener = (run: RunRow, isDeleted: boolean) => void;

/** What the server knows how to do, whatever protocol asks for it. */
export class Tracker {
	readonly dataDir: string;
	readonly database: Database;
	readonly history: HistoryStore;
	readonly meta: MetaStore;
	readonly blobs: BlobStore;
	readonly files: RunFiles;
	readonly links: DownloadLinks;
	readonly artifacts: ArtifactStore;
	readonly nowMs: () => number;
	readonly #log: Log;
	readonly #branches: Branches;
	readonly #listeners = new Set<RunListener>();

	/** @throws StartError when the data folder cannot be used. */
	constructor(dataDir: string, nowMs: () => number, log = new Log()) {
		this.dataDir = dataDir;
		this.#log = log;
		this.database = openDatabase(dataDir);
		this.history = new SqliteHistoryStore(this.database);
		this.meta = new SqliteMetaStore(this.database);
		this.blobs = new FolderBlobStore(dataDir);
		this.files = new RunFiles(this.database, this.blobs, nowMs);
		this.#branches = new Branches(this.history, this.meta, this.files);
		this.artifacts = new ArtifactStore(this.database);
		this.links = new DownloadLinks(nowMs);
		this.nowMs = nowMs;
	}

	close(): void {
		this.database.close();
	}

	/** Does a slice of work that can wait. Returns whether there was any (HistoryStore.maintain). */
	maintain(): boolean {
		return this.history.maintain(this.nowMs());
	}

	/** Calls back after each change of a run. Returns what ends it. */
	onChange(listener: RunListener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** A new run whose config names a branch point begins with the rows of another, if `checkSource` lets it. */
	upsertRun(change: RunChange, checkSource: (from: RunRow) => void = () => {}): { run: RunRow; isNew: boolean } {
		const config = change.config ? jsonObject('config', change.config) : {};
		if (change.summary) jsonObject('summaryMetrics', change.summary);
		if (change.storageId) this.#stored(change.storageId);
		else this.#refuseDeleted(change.entity, change.project, change.name ?? '');
		const result = this.database.transaction(() => {
			const upserted = this.meta.upsertRun(
				this.#isLate(change, config) ? { entity: change.entity, project: change.project, name: change.name } : change,
				this.nowMs(),
			);
			if (upserted.isNew) this.#branches.fork(upserted.run, config, this.nowMs(), checkSource);
			return upserted;
		});
		this.#changed(result.run);
		return result;
	}

	/** One file_stream request, all of it or nothing. Returns where a writer that sends records stands. */
	stream(run: RunRow, request: FileStreamRequest): TidelogAnswer | undefined {
		const { tidelog } = request;
		const files = Object.entries(request.files ?? {});
		for (const [name, file] of files) checkFile(name, file);
		// A number that SQLite keeps and cannot give back would make the run unreadable for good.
		if (!Number.isSafeInteger(request.exitcode ?? 0)) throw new RequestError(400, 'exitcode must be a whole number.');
		if (tidelog) this.#checkMember(run, tidelog, files);
		const nowMs = this.nowMs();
		const write: HistoryWrite = {
			writer: tidelog?.writer ?? '',
			startedMs: tidelog?.startedMs ?? 0,
			nowMs,
			...(tidelog ? { upTo: tidelog.upTo } : {}),
			files: files.flatMap(([name, { offset, content }]) => (name === SUMMARY_FILE ? [] : [{ name, offset, lines: content }])),
		};
		const result = this.database.transaction(() => {
			const sentSummary = request.files?.[SUMMARY_FILE]?.content.at(-1);
			if (sentSummary !== undefined) {
				jsonObject(SUMMARY_FILE, sentSummary);
				this.meta.update(run, { sentSummary });
			}
			const appended = this.history.append(run, write);
			if (write.files.some(({ name, lines }) => name === HISTORY_FILE && lines.length > 0)) this.meta.outdate(run);
			for (const path of appended.namedFiles) this.files.name(run, path);
			const { isResumed } = applyMetaLines(this.meta, run, appended.metaLines, nowMs);
			if (request.complete) this.meta.finish(run, request.exitcode ?? 0, nowMs);
			// What a page left behind and another sends later is no sign of life of a run that has ended, unless it says that it was opened again.
			else if (!hasEnded(run) || !tidelog || isResumed) this.meta.heard(run, nowMs);
			return appended;
		});
		if (result.conflicts > 0)
			this.#log.error('lines came again with other bytes; the first stay; this is a bug in the client', { run: run.name, lines: result.conflicts });
		this.#changed(run);
		return tidelog && { serverId: this.database.serverId, next: result.next, hash: result.hash };
	}

	/** The run by the names of the wire, or a 404; a 410 when it was deleted. */
	runNamed(entity: string, project: string, name: string): RunRow {
		const run = this.meta.run(entity, project, name);
		if (run) return run;
		this.#refuseDeleted(entity, project, name);
		throw new RequestError(404, `There is no run ${entity}/${project}/${name}.`);
	}

	/** The same, but undefined when there never was one. */
	findRun(entity: string, project: string, name: string): RunRow | undefined {
		const run = this.meta.run(entity, project, name);
		if (!run) this.#refuseDeleted(entity, project, name);
		return run;
	}

	/** Whether somebody else may be writing to the run at the moment. */
	isLive(run: RunRow): boolean {
		return !hasEnded(run) && this.history.writers(run).some(({ heardMs }) => this.nowMs() - heardMs <= LIVE_MS);
	}

	rewind(run: RunRow, step: number): RunRow {
		const rewound = this.database.transaction(() => this.#branches.rewind(run, step, this.nowMs()));
		this.#changed(rewound);
		return rewound;
	}

	stop(storageId: string): void {
		const run = this.#stored(storageId);
		this.meta.setStopped(run, true);
		this.#changed(run);
	}

	/** Takes a run away for good. What its devices send later is answered 410. Deleting it again changes nothing. */
	async deleteRun(storageId: string): Promise<void> {
		if (this.meta.wasDeleted(storageId)) return;
		const run = this.#stored(storageId);
		this.files.release(run);
		this.database.transaction(() => {
			this.history.deleteRun(run);
			this.meta.deleteRun(run, this.nowMs());
		});
		this.#changed(run, true);
		await this.files.sweep();
	}

	alert(run: RunRow, alert: { title: string; text: string; level: string; waitMs: number }): void {
		this.database.transaction(() => addAlert(this.meta, run, alert, this.nowMs()));
		this.#changed(run);
	}

	async upload(token: string, body: AsyncIterable<Uint8Array>): Promise<void> {
		const run = await this.files.upload(token, body, (id) => this.meta.runByStorageId(String(id)));
		if (run) this.#changed(run);
	}

	async deleteFile(run: RunRow, path: string): Promise<void> {
		await this.files.remove(run, path);
		this.#changed(run);
	}

	projects(): ProjectInfo[] {
		return this.meta
			.projects(DEFAULT_ENTITY)
			.map((project) => {
				const runs = this.meta.runs(project);
				return {
					name: project.name,
					runs: runs.length,
					running: runs.filter((run) => stateAt(run, this.nowMs()) === 'running').length,
					createdMs: project.createdMs,
					updatedMs: runs.reduce((latest, run) => Math.max(latest, run.heartbeatMs), project.createdMs),
				};
			})
			.sort((a, b) => b.updatedMs - a.updatedMs);
	}

	runs(project: ProjectRow): RunInfo[] {
		return this.meta.runs(project).map((run) => this.info(run));
	}

	/** A page of the runs that a query finds. @throws RequestError 400 */
	async findRuns(project: ProjectRow, query: RunsQuery): Promise<RunsPage> {
		await this.#refreshValues(project);
		const { runs, ...rest } = this.meta.findRuns(project, query, this.nowMs());
		return { runs: runs.map((run) => ({ ...this.info(run), config: unwrapConfig(parseLine(run.config) as LineObject) })), ...rest };
	}

	async groupRuns(project: ProjectRow, query: RunGroupsQuery): Promise<RunGroupsPage> {
		await this.#refreshValues(project);
		return this.meta.groupRuns(project, query, this.nowMs());
	}

	info(run: RunRow): RunInfo {
		const { records, stored, lastStep } = this.history.counts(run);
		return {
			id: run.name,
			name: run.displayName,
			project: run.project.name,
			state: stateAt(run, this.nowMs()),
			colour: run.colour,
			createdMs: run.createdMs,
			heartbeatMs: run.heartbeatMs,
			...optional({ finishedMs: run.finishedMs, exitCode: run.exitCode, group: run.group, jobType: run.jobType, host: run.host }),
			tags: run.tags,
			notes: run.notes,
			lastStep,
			records,
			stored,
			summary: this.summary(run),
		};
	}

	detail(run: RunRow): RunDetail {
		const config = parseLine(run.config) as LineObject;
		return {
			...this.info(run),
			config: unwrapConfig(config),
			files: this.files.all(run).map(({ path, sizeBytes, uploadedMs }) => ({ path, sizeBytes, ...optional({ uploadedMs }) })),
			hiddenPoints: this.history.counts(run).hidden,
			metrics: decodeDefinitions(wandbValue(config).m),
			alerts: this.meta.alerts(run),
			gen: run.gen,
		};
	}

	summary(run: RunRow): LineObject {
		return runSummary(this.history, this.meta, run);
	}

	media(run: RunRow, key: string): MediaPoint[] {
		const uploaded = new Set(this.files.all(run).flatMap((file) => (file.uploadedMs === undefined ? [] : [file.path])));
		return this.history.media(run, key).map((point) => ({
			...point,
			files: namedFiles(point.value).map((path) => ({ path, isUploaded: uploaded.has(path) })),
		}));
	}

	/** Rows in order of step. */
	*rowLines(run: RunRow): Iterable<LineObject> {
		for (const row of this.history.rows(run)) yield rowObject(row);
	}

	lineCount(run: RunRow): number {
		return this.history.lineCount(run, HISTORY_FILE);
	}

	/** Brings up to date what is outdated when it is called, in slices between which others have their turn. */
	async #refreshValues(project: ProjectRow): Promise<void> {
		const outdated = this.meta.outdatedRuns(project);
		for (let i = 0; i < outdated.length; ) {
			if (i > 0) await setImmediate();
			const untilMs = performance.now() + VALUES_SLICE_MS;
			this.database.transaction(() => {
				do {
					// It may have changed, or be deleted, since the slice before.
					const run = this.meta.runByStorageId(String((outdated[i++] as RunRow).id));
					if (run) this.meta.setValues(run, runValues(this.history, this.meta, run));
				} while (i < outdated.length && performance.now() < untilMs);
			});
		}
	}

	#checkMember(run: RunRow, { v, writer, startedMs, upTo, gen }: TidelogRequest, files: [string, unknown][]): void {
		if (v !== 1) throw new RequestError(400, `The member "tidelog" has version ${String(v)}; this server knows 1.`);
		const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
		if (typeof writer !== 'string' || !/^[0-9a-z]{16}$/.test(writer) || !isWhole(startedMs) || !isWhole(upTo) || !isWhole(gen)) {
			throw new RequestError(400, 'The member "tidelog" must hold writer (16 characters of 0-9 a-z), startedMs, upTo and gen (whole numbers).');
		}
		if (files.some(([name]) => name === SUMMARY_FILE)) {
			throw new RequestError(400, `A request with records holds no ${SUMMARY_FILE}: the summary comes from the records.`);
		}
		if (gen < run.gen) {
			throw new RequestError(
				409,
				`Run ${run.name} was rewound: its generation is ${run.gen}, and this request belongs to ${gen}. Nothing of it was stored.`,
			);
		}
		if (gen > run.gen) {
			throw new RequestError(
				400,
				`Run ${run.name} has generation ${run.gen} here, and this request belongs to ${gen}: was the server's data folder put back to an older state?`,
			);
		}
	}

	#stored(storageId: string): RunRow {
		const run = this.meta.runByStorageId(storageId);
		if (run) return run;
		if (this.meta.wasDeleted(storageId)) throw new RequestError(410, `The run with id ${storageId} was deleted.`);
		throw new RequestError(404, `There is no run with id ${storageId}.`);
	}

	/** A first contact of our SDK that comes after records of its writer, late or twice: what it says of the run is older than what they say. */
	#isLate({ storageId, entity, project, name }: RunChange, config: LineObject): boolean {
		const { e: writers } = wandbValue(config);
		const run = storageId || !writers ? undefined : this.meta.run(entity || DEFAULT_ENTITY, project || 'uncategorized', name ?? '');
		return run !== undefined && this.history.writers(run).some((writer) => writer.hasLines && Object.hasOwn(writers as LineObject, writer.name));
	}

	#refuseDeleted(entity: string | null | undefined, project: string | null | undefined, name: string): void {
		if (!this.meta.isDeleted(entity || DEFAULT_ENTITY, project || 'uncategorized', name)) return;
		throw new RequestError(410, `Run ${name} was deleted here, for good. Log to another run id.`);
	}

	#changed(run: RunRow, isDeleted = false): void {
		for (const listener of this.#listeners) listener(run, isDeleted);
	}
}

function hasEnded(run: RunRow): boolean {
	return run.state === 'finished' || run.state === 'failed';
}

function optional<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
	return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function checkFile(name: string, file: { offset: number; content: unknown }): void {
	if (!Number.isSafeInteger(file?.offset) || file.offset < 0) throw new RequestError(400, `files["${name}"].offset must be a whole number from 0.`);
	if (!Array.isArray(file.content) || file.content.some((line) => typeof line !== 'string'))
		throw new RequestError(400, `files["${name}"].content must be a list of lines.`);
	if (!Number.isSafeInteger(file.offset + file.content.length)) throw new RequestError(400, `files["${name}"].offset is too large: ${file.offset}.`);
	const deep = name === CONSOLE_FILE ? -1 : (file.content as string[]).findIndex(isTooDeep);
	if (deep !== -1)
		throw new RequestError(
			400,
			`Line ${file.offset + deep} of files["${name}"] is nested deeper than ${MAX_JSON_DEPTH} levels; nothing of the request was stored.`,
		);
}

/** @param text what came as GraphQL's JSONString, which lets any value through. */
function jsonObject(field: string, text: unknown): LineObject {
	if (typeof text === 'string' && isTooDeep(text)) throw new RequestError(400, `${field} is nested deeper than ${MAX_JSON_DEPTH} levels.`);
	try {
		const value = typeof text === 'string' ? parseLine(text) : undefined;
		if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
	} catch {
		// Told below in words that name the field.
	}
	throw new RequestError(400, `${field} must be the JSON text of an object.`);
}
