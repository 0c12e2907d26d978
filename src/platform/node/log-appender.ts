import { constants } from 'node:fs';
import { join } from 'node:path';
import { nextOf } from '../../core/batch.ts';
import { cutChunk, decodeChunk } from '../../core/chunk.ts';
import type { Stream } from '../../core/protocol.ts';
import type { ChunkBytes, Counts, WriterState } from '../../core/store.ts';
import { type FileLock, fileLock, isHeldHere } from './file-lock.ts';
import { fileName } from './file-name.ts';
import { diskError, type FileSystem, fileSystem, ifThere, syncFolder } from './file-system.ts';
import { encodeBegin, encodeFrame } from './frames.ts';
import { LogReader } from './log-reader.ts';

/** How often other machines that share the folder are told that the log is in use, at most. */
const TOUCH_MS = 600_000;

export interface AppenderOptions {
	/** When the writer started; said in the log, for whoever finds nothing else of it. Now, if left out. */
	startedMs?: number;
	/** What the writer had stored elsewhere before its log began. */
	stored?: Counts;
	/** A reader of the same log, which knows already what is in it. */
	reader?: LogReader;
	fs?: FileSystem;
}

/**
 * Writes chunks of a writer to `<dir>/<run>/<writer>.log`, on the thread that calls: when `append` returns, the operating system has them, and
 * neither `process.exit()` nor SIGKILL takes them away. After `sync` the disk has them.
 *
 * One process at a time; threads of it may append in turn, since each frame is one write at the end of the file, wherever that is. While an appender
 * is open, nobody prunes the log.
 */
export class LogAppender {
	readonly #fs: FileSystem;
	readonly #folder: string;
	readonly #begin: { run: string; writer: string; startedMs: number };
	readonly #reader: LogReader;
	#file = -1;
	/** Undefined when another thread of this process has it. */
	#lock: FileLock | undefined;
	#stored: Counts = {};
	#touchedMs = 0;

	/** @throws Error when the folder cannot be written, or another process has this log. */
	constructor(dir: string, run: string, writer: string, { startedMs = Date.now(), stored = {}, reader, fs = fileSystem }: AppenderOptions = {}) {
		this.#fs = fs;
		this.#folder = join(dir, fileName(run));
		this.#begin = { run, writer, startedMs };
		this.#reader = reader ?? new LogReader(logPath(dir, run, writer), fs);
		this.#open(stored);
	}

	/**
	 * Writes one chunk. One that is in the log already changes nothing.
	 *
	 * @param next As in `AppendWrite`; read from the chunk when it is left out, which takes longer.
	 * @throws Error when the disk does not take it; nothing of it is kept then, and it may be tried again.
	 */
	append(stream: Stream, chunk: ChunkBytes, next?: WriterState['next']): void {
		this.appendAll(stream, [chunk], next);
	}

	/** The same for several that follow one another, in one write. @param isStrict Waits for the disk as well. */
	appendAll(stream: Stream, chunks: readonly ChunkBytes[], next?: WriterState['next'], isStrict = false): void {
		this.#keep();
		let known = this.#stored[stream] ?? 0;
		if (chunks[0]?.n0 !== known) {
			// Another thread may have written in between.
			this.#reader.refresh();
			known = Math.max(known, this.#reader.stored[stream] ?? 0);
		}
		const frames: Buffer[] = [];
		for (const chunk of chunks) {
			const end = chunk.n0 + chunk.count;
			if (chunk.n0 > known) throw new Error(`${this.#reader.path}: ${stream} ends at ${known}; records from ${chunk.n0} on cannot follow.`);
			if (end <= known) continue;
			const piece = chunk.n0 < known ? cutChunk(chunk, known) : chunk;
			frames.push(encodeFrame(stream, piece, next ?? (stream === 'history' ? nextOf(decodeChunk(piece.bytes)) : undefined)));
			known = end;
		}
		this.#write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames), isStrict);
		this.#stored[stream] = known;
	}

	/** Waits until all that was appended is on the disk. */
	sync(): void {
		try {
			this.#fs.fsyncSync(this.#file);
		} catch (error) {
			throw diskError(this.#reader.path, error);
		}
	}

	close(): void {
		const file = this.#file;
		this.#file = -1;
		// What could fail here was asked of the disk by `sync`, if anybody wanted to know.
		if (file !== -1) quietly(() => this.#fs.closeSync(file));
		this.#lock?.release();
		this.#lock = undefined;
	}

	#open(stored: Counts): void {
		const { path } = this.#reader;
		const lockPath = `${path}.lock`;
		try {
			this.#fs.mkdirSync(this.#folder, { recursive: true });
			this.#lock = fileLock(lockPath, undefined, this.#fs);
			if (!this.#lock && !isHeldHere(lockPath, this.#fs)) throw new Error(`${path} is being written by another process.`);
			this.#touchedMs = Date.now();
			this.#reader.refresh();
			const { O_APPEND, O_CREAT, O_RDWR } = constants;
			this.#file = this.#fs.openSync(path, O_APPEND | O_CREAT | O_RDWR);
			const { size } = this.#fs.fstatSync(this.#file);
			// A torn tail; unless another thread is writing just now.
			if (size > this.#reader.end && this.#lock) this.#fs.truncateSync(path, this.#reader.end);
			if (this.#reader.end === 0) {
				this.#write(encodeBegin({ ...this.#begin, stored, next: this.#reader.next }));
				syncFolder(this.#fs, this.#folder);
				this.#stored = { ...stored };
			} else this.#stored = { ...this.#reader.stored };
		} catch (error) {
			this.close();
			throw (error as NodeJS.ErrnoException).syscall ? diskError(path, error) : error;
		}
	}

	#write(frames: Uint8Array, isStrict = false): void {
		let written = 0;
		try {
			// The system may take a part only, when the disk is nearly full; asking for the rest says so.
			while (written < frames.length) written += this.#fs.writeSync(this.#file, frames, written);
			if (isStrict) this.#fs.fsyncSync(this.#file);
		} catch (error) {
			// Whoever reads takes no notice of a part, but with frames after it, it would look like damage.
			// If the disk refuses this as well, the next opening cuts the tail.
			if (written > 0) quietly(() => this.#fs.truncateSync(this.#reader.path, this.#fs.fstatSync(this.#file).size - written));
			throw diskError(this.#reader.path, error);
		}
	}

	/** Keeps the lock in sight of other machines, and begins again when somebody deleted the folder under us or took the log for abandoned. */
	#keep(): void {
		const nowMs = Date.now();
		if (nowMs - this.#touchedMs < TOUCH_MS) return;
		this.#touchedMs = nowMs;
		const isKept = this.#lock ? this.#lock.touch() : ifThere(() => this.#fs.statSync(this.#reader.path)) !== undefined;
		if (isKept) return;
		this.close();
		this.#open(this.#stored);
	}
}

export function logPath(dir: string, run: string, writer: string): string {
	return join(dir, fileName(run), `${fileName(writer)}.log`);
}

function quietly(use: () => void): void {
	try {
		use();
	} catch {
		// Said at each use.
	}
}
