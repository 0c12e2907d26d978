import { randomBytes } from 'node:crypto';
import { type LineObject, type LineValue, parseLine } from '../../src/core/json-line.ts';
import { DEFAULT_ENTITY, type FileStreamRequest, HISTORY_FILE } from '../../src/core/protocol.ts';
import type { FileInfo, MediaPoint, ProjectInfo, RunDetail, RunInfo } from '../../src/core/query.ts';
import type { BlobStore } from './store/blob-store.ts';
import { type Database, openDatabase } from './store/database.ts';
import { FolderBlobStore } from './store/folder-blob-store.ts';
import type { HistoryStore, HistoryWrite } from './store/history-store.ts';
import { namedFiles } from './store/media-files.ts';
import { type MetaStore, type ProjectRow, type RunChange, type RunRow, stateAt } from './store/meta-store.ts';
import { SqliteHistoryStore } from './store/sqlite-history-store.ts';
import { SqliteMetaStore } from './store/sqlite-meta-store.ts';

/** A request that cannot be served; the message is for its sender. */
export class RequestError extends Error {
	readonly status: 400 | 403 | 404 | 409 | 413 | 415;

	constructor(status: RequestError['status'], message: string) {
		super(message);
		this.status = status;
	}
}

/** An upload address is good for this long. */
const UPLOAD_TTL_MS = 24 * 3600_000;
/** Largest file taken. */
const MAX_FILE_BYTES = 5 * 2 ** 30;

/** What the server knows how to do, whatever protocol asks for it. */
export class Tracker {
	readonly database: Database;
	readonly history: HistoryStore;
	readonly meta: MetaStore;
	readonly blobs: BlobStore;
	readonly nowMs: () => number;
	readonly #listeners = new Set<(run: RunRow) => void>();
	/** Upload addresses given out and not used up. They die with the process; a client asks for another then. */
	readonly #uploads = new Map<string, { run: number; path: string; untilMs: number }>();

	/** @throws StartError when the data folder cannot be used. */
	constructor(dataDir: string, nowMs: () => number) {
		this.database = openDatabase(dataDir);
		this.history = new SqliteHistoryStore(this.database);
		this.meta = new SqliteMetaStore(this.database);
		this.blobs = new FolderBlobStore(dataDir);
		this.nowMs = nowMs;
	}

	close(): void {
		this.database.close();
	}

	/** Calls back after each change of a run. Returns what ends it. */
	onChange(listener: (run: RunRow) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	upsertRun(change: RunChange): { run: RunRow; isNew: boolean } {
		for (const [field, text] of [
			['config', change.config],
			['summaryMetrics', change.summary],
		] as const) {
			if (text) jsonObject(field, text);
		}
		if (change.storageId && !this.meta.runByStorageId(change.storageId)) throw new RequestError(404, `There is no run with id ${change.storageId}.`);
		const result = this.database.transaction(() => this.meta.upsertRun(change, this.nowMs()));
		this.#changed(result.run);
		return result;
	}

	/** One file_stream request, all of it or nothing. Returns the next free lines of a writer that sends records. */
	stream(run: RunRow, request: FileStreamRequest): Record<string, number> {
		const { tidelog } = request;
		if (tidelog && tidelog.v !== 1) throw new RequestError(400, `The member "tidelog" has version ${String(tidelog.v)}; this server knows 1.`);
		if (tidelog && (!/^[0-9a-z]{16}$/.test(tidelog.writer) || !Number.isSafeInteger(tidelog.upTo) || !Number.isSafeInteger(tidelog.startedMs))) {
			throw new RequestError(400, 'The member "tidelog" must hold writer (16 characters of 0-9 a-z), startedMs and upTo (whole numbers).');
		}
		const write: HistoryWrite = {
			writer: tidelog?.writer ?? '',
			startedMs: tidelog?.startedMs ?? 0,
			...(tidelog ? { upTo: tidelog.upTo } : {}),
			files: Object.entries(request.files ?? {}).map(([name, file]) => ({ name, offset: checkedOffset(name, file), lines: file.content })),
		};
		const result = this.database.transaction(() => {
			const appended = this.history.append(run, write);
			for (const path of appended.namedFiles) this.#nameFile(run, path);
			if (request.complete) this.meta.finish(run, request.exitcode ?? 0, this.nowMs());
			// What a page left behind and another sends later is no sign of life of a run that has ended.
			else if (run.state === 'running' || run.state === 'pending' || !tidelog) this.meta.heard(run, this.nowMs());
			return appended;
		});
		if (result.conflicts > 0)
			console.error(`Run ${run.name}: ${result.conflicts} lines came again with other bytes; the first stay. This is a bug in the client.`);
		this.#changed(run);
		return result.next;
	}

	/** The run by the names of the wire, or a 404. */
	runNamed(entity: string, project: string, name: string): RunRow {
		const run = this.meta.run(entity, project, name);
		if (!run) throw new RequestError(404, `There is no run ${entity}/${project}/${name}.`);
		return run;
	}

	/** Gives a secret token for each path; whoever has it may PUT the bytes. */
	openUploads(run: RunRow, paths: readonly string[]): { path: string; token: string }[] {
		const now = this.nowMs();
		for (const [token, upload] of this.#uploads) if (upload.untilMs < now) this.#uploads.delete(token);
		return paths.map((path) => {
			checkPath(path);
			const token = randomBytes(24).toString('base64url');
			this.#uploads.set(token, { run: run.id, path, untilMs: now + UPLOAD_TTL_MS });
			return { path, token };
		});
	}

	async upload(token: string, body: AsyncIterable<Uint8Array>): Promise<void> {
		const upload = this.#uploads.get(token);
		const run = upload && this.meta.runByStorageId(String(upload.run));
		if (!upload || !run) throw new RequestError(403, 'This upload address is not known or has run out; ask for another.');
		const { sha256, size } = await this.blobs.put(body, MAX_FILE_BYTES);
		this.database.transaction(() =>
			this.database.sql
				.prepare(
					'INSERT INTO files VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET sha256 = excluded.sha256, size = excluded.size, uploaded_ms = excluded.uploaded_ms',
				)
				.run(run.id, upload.path, sha256, size, this.nowMs()),
		);
		this.#changed(run);
	}

	files(run: RunRow): (FileInfo & { sha256: string | undefined })[] {
		const rows = this.database.sql.prepare('SELECT * FROM files WHERE run = ? ORDER BY path').all(run.id) as {
			path: string;
			sha256: string | null;
			size: number;
			uploaded_ms: number | null;
		}[];
		return rows.map(({ path, sha256, size, uploaded_ms }) => ({
			path,
			sizeBytes: size,
			sha256: sha256 ?? undefined,
			...(uploaded_ms === null ? {} : { uploadedMs: uploaded_ms }),
		}));
	}

	file(run: RunRow, path: string): { sha256: string; size: number } | undefined {
		return this.database.sql.prepare('SELECT sha256, size FROM files WHERE run = ? AND path = ? AND sha256 IS NOT NULL').get(run.id, path) as
			| { sha256: string; size: number }
			| undefined;
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
			summary: this.history.summary(run),
		};
	}

	detail(run: RunRow): RunDetail {
		return {
			...this.info(run),
			config: unwrapConfig(run.config),
			files: this.files(run).map(({ sha256: _, ...file }) => file),
			hiddenPoints: this.history.counts(run).hidden,
		};
	}

	media(run: RunRow, key: string): MediaPoint[] {
		const uploaded = new Set(this.files(run).flatMap((file) => (file.uploadedMs === undefined ? [] : [file.path])));
		return this.history.media(run, key).map((point) => ({
			...point,
			files: namedFiles(point.value).map((path) => ({ path, isUploaded: uploaded.has(path) })),
		}));
	}

	/** Lines of the history in order of step, the records of each laid over each other. */
	*rowLines(run: RunRow): Iterable<LineObject> {
		for (const records of this.history.rows(run)) {
			const row: LineObject = {};
			for (const line of records) Object.assign(row, parseLine(line));
			yield row;
		}
	}

	lineCount(run: RunRow): number {
		return this.history.lineCount(run, HISTORY_FILE);
	}

	#nameFile(run: RunRow, path: string): void {
		this.database.sql.prepare('INSERT OR IGNORE INTO files (run, path) VALUES (?, ?)').run(run.id, path);
	}

	#changed(run: RunRow): void {
		for (const listener of this.#listeners) listener(run);
	}
}

function optional<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
	return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function checkedOffset(name: string, file: { offset: number; content: unknown }): number {
	if (!Number.isSafeInteger(file.offset) || file.offset < 0) throw new RequestError(400, `files["${name}"].offset must be a whole number from 0.`);
	if (!Array.isArray(file.content) || file.content.some((line) => typeof line !== 'string'))
		throw new RequestError(400, `files["${name}"].content must be a list of lines.`);
	return file.offset;
}

/** @throws RequestError 400 for a path that leaves the run's folder. */
function checkPath(path: string): void {
	const isInside =
		path !== '' &&
		!path.startsWith('/') &&
		!path.includes('\\') &&
		!path.includes('\0') &&
		!path.split('/').some((part) => part === '..' || part === '.');
	if (!isInside) throw new RequestError(400, `A file of a run must have a relative path without "..", but was "${path}".`);
}

function jsonObject(field: string, text: string): LineObject {
	try {
		const value = parseLine(text);
		if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
	} catch {
		// Told below in words that name the field.
	}
	throw new RequestError(400, `${field} must be the JSON text of an object.`);
}

/** `{"lr": {"value": 0.1}}` as W&B's clients send it becomes `{"lr": 0.1}`; their own `_wandb` is left out. */
export function unwrapConfig(config: string): Record<string, LineValue> {
	const out: Record<string, LineValue> = {};
	for (const [key, wrapped] of Object.entries(parseLine(config) as LineObject)) {
		if (key.startsWith('_')) continue;
		const isWrapped = typeof wrapped === 'object' && wrapped !== null && !Array.isArray(wrapped) && 'value' in wrapped;
		out[key] = isWrapped ? (wrapped.value as LineValue) : wrapped;
	}
	return out;
}
