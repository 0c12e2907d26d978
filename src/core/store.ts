import type { LineValue } from './json-line.ts';
import type { Stream } from './protocol.ts';

/**
 * The local directory: what is safe on this device. Implementations: IndexedDB in browsers, memory where there is nothing else.
 *
 * Contract: a write is all or nothing, and is there for every later read once its promise has resolved. Chunks are never changed;
 * writing the same chunk again is a no-op. Two contexts may write at once: each owns the {@link WriterState} it opened; fields of
 * a {@link RunState} change only through `updateRun`.
 * A failure of the disk rejects with the browser's error; nothing of that write is kept then.
 */
export interface Store {
	/** `memory` when nothing outlives this context. */
	readonly kind: 'indexeddb' | 'memory';
	runs(): Promise<RunState[]>;
	run(id: string): Promise<RunState | undefined>;
	/** Reads, changes and writes a run in one transaction. `change` gets the stored state, or undefined; what it returns is stored. */
	updateRun(id: string, change: (run: RunState | undefined) => RunState, durability?: Durability): Promise<RunState>;
	writers(run: string): Promise<WriterState[]>;
	/** Writes chunks, the files they name, and the writer's state in one transaction. */
	append(write: AppendWrite, durability: Durability): Promise<void>;
	/** Chunks that hold records `fromN` and later, in order, until their bytes pass `maxBytes` (at least one when there is any). */
	chunks(run: string, writer: string, stream: Stream, fromN: number, maxBytes: number): Promise<Uint8Array[]>;
	/** Takes in what pages that went away wrote beside the store. Only for runs that are not open here. */
	recoverWriters(run: string): Promise<void>;
	/** Notes what the server has acknowledged. Never moves `acknowledged` of another writer. */
	acknowledge(run: string, writer: string, acknowledged: number): Promise<void>;
	/** Files of a run that the server does not have yet, smallest first. */
	pendingFiles(run: string, limit: number): Promise<FileState[]>;
	/** Marks a file as uploaded. Its bytes stay for the local dashboard. */
	fileUploaded(run: string, path: string): Promise<void>;
	blob(sha256: string): Promise<Uint8Array | undefined>;
	close(): void;
}

/** `strict` waits for the disk, `relaxed` for the operating system. */
export type Durability = 'relaxed' | 'strict';

export interface RunState {
	id: string;
	name: string;
	project: string;
	entity: string;
	/** Address of the server this run goes to; undefined = it stays on this device. */
	server: string | undefined;
	createdMs: number;
	config: Record<string, LineValue>;
	/** Values set by hand on `run.summary`; they win over what the rows say. */
	explicitSummary: Record<string, LineValue>;
	/** Counts changes of name, config and explicit summary; `metaSent` is the newest that the server has taken. */
	metaVersion: number;
	metaSent: number;
	isFinished: boolean;
	exitCode: number;
	/** Whether the server has taken the end of the run. */
	isFinishSent: boolean;
	/** Address of the run in the server's dashboard, once known. */
	url?: string | undefined;
}

export interface WriterState {
	run: string;
	/** 16 characters of `[0-9a-z]`. */
	writer: string;
	startedMs: number;
	/** History records stored here: n of the next one. */
	stored: number;
	/** History records that the server holds: line number of the next one it takes. */
	acknowledged: number;
	/** Step after the greatest one stored. */
	nextStep: number;
}

export interface FileState {
	run: string;
	/** In the run, e.g. `media/images/samples_12_ab….png`. */
	path: string;
	sha256: string;
	size: number;
	isUploaded: boolean;
}

export interface AppendWrite {
	/** The writer's state after this write. Its `acknowledged` is ignored: only `acknowledge` moves that. */
	state: WriterState;
	stream: Stream;
	chunks: { n0: number; bytes: Uint8Array }[];
	files: { state: FileState; bytes: Uint8Array }[];
}

/** What still has to reach the server. */
export function isPending(run: RunState, writers: readonly WriterState[], pendingFiles: number): boolean {
	return (
		run.metaSent < run.metaVersion || (run.isFinished && !run.isFinishSent) || pendingFiles > 0 || writers.some((w) => w.acknowledged < w.stored)
	);
}
