import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LineValue, parseLine, writeLine } from '../../core/json-line.ts';
import type { Stream } from '../../core/protocol.ts';
import type { AppendWrite, ChunkBytes, Durability, FileState, RunState, RunUsage, Store, WriterState } from '../../core/store.ts';
import { appended, byStart, changedWriter, type FileSizes, isPrunable, later, newWriter, unsentRun, unsentWriter, usageOf } from '../store-rules.ts';
import { type FileLock, fileLock } from './file-lock.ts';
import { fileName } from './file-name.ts';
import { diskError, type FileSystem, fileSystem, ifThere, namesIn, readIfThere, remove, replaceFile, syncFolder } from './file-system.ts';
import { encodeBegin } from './frames.ts';
import { LogAppender, logPath } from './log-appender.ts';
import { LogReader } from './log-reader.ts';

/**
 * The local directory in Node, Deno and Bun, `./tidelog/` by default:
 *
 *     <run>/run.json                 RunState
 *     <run>/<writer>.json            WriterState; what is stored is counted from the log
 *     <run>/<writer>.log             the chunks of all its streams (frames.ts)
 *     <run>/<writer>.log.lock        while somebody appends (file-lock.ts)
 *     <run>/files/<sha256>           bytes of a file
 *     <run>/files/pending/<size>-<name>.json    FileState; moved to `uploaded/` when the server has it
 *
 * The caller's thread appends to logs itself (log-appender.ts). This store runs in a worker thread, so it asks the disk synchronously: that is
 * faster, and what must not be interrupted is not. A file that is rewritten is written beside itself and renamed; locks keep two processes from
 * doing so at once. Names are made safe by `fileName`; the ids stand in the files.
 */
const STATE_WAIT_MS = 5_000;
/** State is changed without a turn of the event loop in between: a lock that old belongs to a thread that was ended. */
const STATE_STALE_MS = 10_000;

/** @throws Error when the folder cannot be made or written. */
export async function openFileStore(dir: string, fs: FileSystem = fileSystem): Promise<Store> {
	const probe = join(dir, `.${process.pid}.probe`);
	try {
		fs.mkdirSync(dir, { recursive: true });
		fs.closeSync(fs.openSync(probe, 'w'));
		remove(fs, probe);
	} catch (error) {
		throw diskError(dir, error);
	}
	return new FileStore(dir, fs);
}

export class FileStore implements Store {
	readonly kind = 'files';
	readonly #dir: string;
	readonly #fs: FileSystem;
	readonly #logs = new Map<string, LogReader>();
	/** Logs that were appended to and may not be on the disk yet. */
	readonly #unsynced = new Set<string>();
	/** Names of the states of each run's files, by the part of them that the path gives; saves looking through them all for each. */
	readonly #fileNames = new Map<string, Map<string, string>>();

	constructor(dir: string, fs: FileSystem = fileSystem) {
		this.#dir = dir;
		this.#fs = fs;
	}

	async runs(): Promise<RunState[]> {
		const runs: RunState[] = [];
		for (const name of namesIn(this.#fs, this.#dir)) {
			try {
				const run = this.#json<RunState>(join(this.#dir, name, 'run.json'));
				if (run) runs.push(run);
			} catch (error) {
				// One that cannot be read must not keep the others from being sent.
				process.emitWarning(error as Error);
			}
		}
		return runs;
	}

	async run(id: string): Promise<RunState | undefined> {
		return this.#json<RunState>(join(this.#folder(id), 'run.json'));
	}

	async updateRun(id: string, change: (run: RunState | undefined) => RunState, durability: Durability = 'relaxed'): Promise<RunState> {
		return this.#changing(id, () => {
			const path = join(this.#folder(id), 'run.json');
			const next = change(this.#json<RunState>(path));
			// As in a database, what is strict takes what was written before it along.
			if (durability === 'strict') this.#syncLogs();
			this.#write(path, next);
			return next;
		});
	}

	async writers(run: string): Promise<WriterState[]> {
		const names = new Set<string>();
		for (const name of namesIn(this.#fs, this.#folder(run))) {
			const [, writer] = /^(.+)\.(?:json|log)$/.exec(name) ?? [];
			if (writer !== undefined && name !== 'run.json') names.add(writer);
		}
		const states = [...names].map((name) => this.#writerState(join(this.#folder(run), name), run));
		return states.filter((state) => state !== undefined).sort(byStart);
	}

	async updateWriter(run: string, writer: string, change: (state: WriterState | undefined) => WriterState): Promise<WriterState> {
		return this.#changing(run, () => {
			const known = this.#writerOf(run, writer);
			const next = changedWriter(known, change(known && structuredClone(known)));
			this.#write(join(this.#folder(run), `${fileName(writer)}.json`), next);
			return next;
		});
	}

	/** For records that the thread which logs cannot write itself; others go to the log without passing here. */
	async append(write: AppendWrite, durability: Durability): Promise<void> {
		const { run, writer, stream, files } = write;
		const isStrict = durability === 'strict';
		const known = this.#writerOf(run, writer);
		const [state, chunks] = appended(known, write);
		const written: string[] = [];
		try {
			for (const file of files) this.#writeFile(file.state, file.bytes, isStrict, written);
			if (chunks.length > 0) this.#log(state, stream, chunks, write.next, isStrict);
		} catch (error) {
			for (const path of written.reverse()) remove(this.#fs, path);
			throw error;
		}
		if (write.next && chunks.length === 0) await this.updateWriter(run, writer, (now) => ({ ...(now ?? state), next: later(state.next, now?.next) }));
	}

	async chunks(run: string, writer: string, stream: Stream, fromN: number, maxBytes: number): Promise<Uint8Array[]> {
		const log = this.#reader(logPath(this.#dir, run, writer));
		return log.refresh() ? log.chunks(stream, fromN, maxBytes) : [];
	}

	/**
	 * Nothing to do: small chunks are joined where each costs a key and a request to a database. Here one costs 52 bytes and an entry in memory, and
	 * many of them are read with one request; rewriting logs that somebody appends to would need locks on every write.
	 */
	async join(_run: string, _writer: string, _stream: Stream, _chunk: ChunkBytes, _toN: number): Promise<void> {}

	/** The threads that log write into their logs to the end, and a log tells enough of a writer that has no state yet. */
	async recoverWriters(): Promise<void> {}

	async pendingFiles(run: string, limit: number): Promise<FileState[]> {
		const files: FileState[] = [];
		for (const path of this.#statePaths(run, 'pending').sort((a, b) => sizeOf(a) - sizeOf(b))) {
			if (files.length >= limit) break;
			// Another process may have uploaded it since.
			const file = this.#json<FileState>(path);
			if (file) files.push(file);
		}
		return files;
	}

	async fileUploaded(run: string, path: string): Promise<void> {
		const folder = join(this.#folder(run), 'files');
		const key = nameOf(path);
		const name = this.#namesOf(run).get(key) ?? namesIn(this.#fs, join(folder, 'pending')).find((known) => known.endsWith(key));
		if (name === undefined) return;
		const uploaded = this.#made(join(folder, 'uploaded'));
		// A full disk cannot refuse this, and another process may have done it.
		ifThere(() => this.#fs.renameSync(join(folder, 'pending', name), join(uploaded, name)));
	}

	async blob(sha256: string): Promise<Uint8Array | undefined> {
		for (const name of namesIn(this.#fs, this.#dir)) {
			const bytes = readIfThere(this.#fs, join(this.#dir, name, 'files', fileName(sha256)));
			if (bytes) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
		}
		return undefined;
	}

	async usage(): Promise<RunUsage[]> {
		const usages: RunUsage[] = [];
		for (const run of await this.runs()) {
			const sizes: FileSizes = { uploaded: 0, pending: 0 };
			for (const what of ['uploaded', 'pending'] as const) for (const path of this.#statePaths(run.id, what)) sizes[what] += sizeOf(path);
			usages.push(usageOf(run, await this.writers(run.id), sizes));
		}
		return usages;
	}

	/** Logs are given up whole, once nobody appends to them and all they hold is on the server. */
	async prune(run: string, what: 'files' | 'rows'): Promise<void> {
		if (what === 'files') return this.#pruneFiles(run);
		const state = await this.run(run);
		for (const writer of await this.writers(run)) if (isPrunable(writer, state)) this.#pruneLog(writer, state);
	}

	async forgetSent(run: string): Promise<void> {
		for (const { writer } of await this.writers(run)) await this.updateWriter(run, writer, (state) => unsentWriter(state as WriterState));
		for (const path of this.#statePaths(run, 'uploaded')) {
			const pending = this.#made(join(this.#folder(run), 'files', 'pending'));
			ifThere(() => this.#fs.renameSync(path, join(pending, basename(path))));
		}
		// Last: until then, whoever asks the server finds out again that all is to be sent.
		if (await this.run(run)) await this.updateRun(run, (known) => unsentRun(known as RunState));
	}

	close(): void {
		this.#logs.clear();
	}

	#pruneFiles(run: string): void {
		const blobOf = (path: string) => this.#json<FileState>(path)?.sha256;
		const wanted = new Set(this.#statePaths(run, 'pending').map(blobOf));
		for (const path of this.#statePaths(run, 'uploaded')) {
			const sha256 = blobOf(path);
			if (sha256 !== undefined && !wanted.has(sha256)) remove(this.#fs, join(this.#folder(run), 'files', fileName(sha256)));
			remove(this.#fs, path);
		}
	}

	#pruneLog({ run, writer }: WriterState, state: RunState | undefined): void {
		const path = logPath(this.#dir, run, writer);
		if (this.#reader(path).bytes === 0) return;
		const lock = fileLock(`${path}.lock`, undefined, this.#fs);
		if (!lock) return;
		try {
			// Somebody may have appended before the lock was ours.
			const now = this.#writerOf(run, writer);
			const log = this.#reader(path);
			if (!now || !isPrunable(now, state) || log.isDamaged) return;
			const { startedMs, stored, next } = now;
			replaceFile(this.#fs, path, encodeBegin({ run, writer, startedMs, stored, next }), true);
		} finally {
			lock.release();
		}
	}

	#log(state: WriterState, stream: Stream, chunks: ChunkBytes[], next: WriterState['next'] | undefined, isStrict: boolean): void {
		const { run, writer, startedMs, stored } = state;
		const reader = this.#reader(logPath(this.#dir, run, writer));
		const before = { ...stored, [stream]: chunks[0]?.n0 ?? 0 };
		const log = new LogAppender(this.#dir, run, writer, { startedMs, stored: before, reader, fs: this.#fs });
		try {
			log.appendAll(stream, chunks, next, isStrict);
			if (!isStrict) this.#unsynced.add(reader.path);
		} finally {
			log.close();
		}
	}

	#syncLogs(): void {
		for (const path of this.#unsynced) {
			try {
				ifThere(() => {
					const file = this.#fs.openSync(path, 'r+');
					try {
						this.#fs.fsyncSync(file);
					} finally {
						this.#fs.closeSync(file);
					}
				});
			} catch (error) {
				throw diskError(path, error);
			}
			this.#unsynced.delete(path);
		}
	}

	#writeFile(file: FileState, bytes: Uint8Array, isStrict: boolean, written: string[]): void {
		const folder = join(this.#folder(file.run), 'files');
		const names = this.#namesOf(file.run);
		const name = stateName(file);
		const known = names.get(nameOf(file.path));
		for (const path of known === undefined ? [] : [join(folder, 'pending', known), join(folder, 'uploaded', known)]) {
			if (this.#json<FileState>(path)?.sha256 === file.sha256) return;
			// Another content under the same name; its bytes stay for those who may name them too.
			remove(this.#fs, path);
		}
		const blob = join(this.#made(folder), fileName(file.sha256));
		if (!ifThere(() => this.#fs.statSync(blob))) {
			replaceFile(this.#fs, blob, bytes, isStrict);
			written.push(blob);
			if (isStrict) syncFolder(this.#fs, folder);
		}
		const state = join(this.#made(join(folder, 'pending')), name);
		replaceFile(this.#fs, state, Buffer.from(writeLine(file as unknown as LineValue)), isStrict);
		written.push(state);
		names.set(nameOf(file.path), name);
	}

	#namesOf(run: string): Map<string, string> {
		const known = this.#fileNames.get(run);
		if (known) return known;
		const names = new Map<string, string>();
		for (const what of ['pending', 'uploaded'] as const)
			for (const path of this.#statePaths(run, what)) names.set(path.slice(path.lastIndexOf('-') + 1), basename(path));
		this.#fileNames.set(run, names);
		return names;
	}

	#writerOf(run: string, writer: string): WriterState | undefined {
		return this.#writerState(join(this.#folder(run), fileName(writer)), run);
	}

	/** What is known of a writer, from its file and its log; a program that ended early leaves a log only. */
	#writerState(path: string, run: string): WriterState | undefined {
		const log = this.#reader(`${path}.log`);
		const hasLog = log.refresh();
		const known = this.#json<WriterState>(`${path}.json`);
		if (!hasLog) return known;
		const { begin } = log;
		const state = known ?? (begin && newWriter(run, begin.writer, begin.startedMs));
		return state && { ...state, stored: { ...log.stored }, bytes: log.bytes, next: later(state.next, log.next) };
	}

	#reader(path: string): LogReader {
		const reader = this.#logs.get(path) ?? new LogReader(path, this.#fs);
		this.#logs.set(path, reader);
		return reader;
	}

	/** Changes state files of a run while no other thread or process does. */
	async #changing<T>(run: string, change: () => T): Promise<T> {
		const path = join(this.#made(this.#folder(run)), 'state.lock');
		let lock: FileLock | undefined;
		for (const untilMs = Date.now() + STATE_WAIT_MS; !lock; ) {
			try {
				lock = fileLock(path, STATE_STALE_MS, this.#fs);
			} catch (error) {
				throw diskError(path, error);
			}
			if (lock) break;
			if (Date.now() > untilMs) throw new Error(`${path} has been held by another process for ${STATE_WAIT_MS / 1000} s; nothing was changed.`);
			await sleep(5);
		}
		try {
			return change();
		} finally {
			lock.release();
		}
	}

	#folder(run: string): string {
		return join(this.#dir, fileName(run));
	}

	#made(folder: string): string {
		try {
			this.#fs.mkdirSync(folder, { recursive: true });
		} catch (error) {
			throw diskError(folder, error);
		}
		return folder;
	}

	/**
	 * Always to the disk: a file that was renamed before its bytes were there is empty after a power cut, and what is in these is nowhere else.
	 * They change a few times a second at most.
	 */
	#write(path: string, state: RunState | WriterState): void {
		replaceFile(this.#fs, path, Buffer.from(writeLine(state as unknown as LineValue)), true);
	}

	#json<T>(path: string): T | undefined {
		const bytes = readIfThere(this.#fs, path);
		try {
			return bytes && (parseLine(bytes.toString('utf8')) as T);
		} catch (error) {
			throw new Error(`${path} is damaged (${(error as Error).message}).`, { cause: error });
		}
	}

	#statePaths(run: string, what: 'pending' | 'uploaded'): string[] {
		const folder = join(this.#folder(run), 'files', what);
		return namesIn(this.#fs, folder)
			.filter((name) => name.endsWith('.json'))
			.map((name) => join(folder, name));
	}
}

/** The size stands in front, so that the smallest are found and all are summed up without reading them. */
function stateName({ path, size }: FileState): string {
	return `${size}-${nameOf(path)}`;
}

function nameOf(path: string): string {
	return `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`;
}

function sizeOf(statePath: string): number {
	return Number.parseInt(basename(statePath), 10);
}
