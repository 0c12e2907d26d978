import type { LineObject } from './json-line.ts';
import type { PlacedEdit } from './meta.ts';
import type { MetricDefinition } from './metrics.ts';
import type { RecordPlace } from './place.ts';
import type { Stream } from './protocol.ts';

/**
 * The local directory: what is safe on this device. Implementations: IndexedDB in browsers, files in Node, memory where there is nothing else.
 *
 * Contract: a write is all or nothing, and is there for every later read once its promise has resolved. Records are never changed; writing the
 * same chunk again is a no-op. The records are the only truth: everything in a {@link RunState} that says what the user said is a snapshot of the records
 * below `folded`, and may be behind. Two contexts may write at once: each appends for the writers it opened; a {@link RunState} changes only
 * through `updateRun`, and in a {@link WriterState} everything but `stored` and `bytes` only through `updateWriter`.
 *
 * A failure of the disk rejects with the runtime's error; nothing of that write is kept then, and it may be tried again. `open`ing settles within 5 s.
 */
export interface Store {
	/** `memory` when nothing outlives this context. */
	readonly kind: 'indexeddb' | 'files' | 'memory';
	runs(): Promise<RunState[]>;
	run(id: string): Promise<RunState | undefined>;
	/** Reads, changes and writes a run in one transaction. `change` gets the stored state, or undefined; what it returns is stored. */
	updateRun(id: string, change: (run: RunState | undefined) => RunState, durability?: Durability): Promise<RunState>;
	/** Writers of a run, by when they started, then by name. */
	writers(run: string): Promise<WriterState[]>;
	/** The same for a writer. `stored` and `bytes` of what `change` returns are ignored once the writer is there: only `append` moves them. */
	updateWriter(run: string, writer: string, change: (state: WriterState | undefined) => WriterState): Promise<WriterState>;
	/** Writes chunks and the files they name in one transaction. `stored` of the stream becomes the end of the last chunk, or stays when it is larger. */
	append(write: AppendWrite, durability: Durability): Promise<void>;
	/** Chunks that hold records `fromN` and later, in order, until their bytes pass `maxBytes` (at least one when there is any). */
	chunks(run: string, writer: string, stream: Stream, fromN: number, maxBytes: number): Promise<Uint8Array[]>;
	/**
	 * Puts one chunk in the place of all that begin in [chunk.n0, toN), in one transaction. Does nothing when they do not hold exactly the records that the chunk
	 * holds (somebody else joined or pruned them).
	 */
	join(run: string, writer: string, stream: Stream, chunk: ChunkBytes, toN: number): Promise<void>;
	/** Takes in what pages that went away wrote beside the store. A page that came back may write the same again: it is known then. */
	recoverWriters(run: string): Promise<void>;
	/** Files of a run that the server does not have yet, smallest first. */
	pendingFiles(run: string, limit: number): Promise<FileState[]>;
	/** Marks a file as uploaded. Its bytes stay for the local dashboard until they are pruned. */
	fileUploaded(run: string, path: string): Promise<void>;
	/** Bytes of a file, or undefined when they are not here (any more). */
	blob(sha256: string): Promise<Uint8Array | undefined>;
	/** About how many bytes each run takes, by what could be freed. */
	usage(): Promise<RunUsage[]>;
	/** Deletes what the server has of a run: bytes of uploaded files, or (`rows`) chunks whose records are all acknowledged. Never anything else. */
	prune(run: string, what: 'files' | 'rows'): Promise<void>;
	/**
	 * The server that had the run has it no more, or it goes to the server under another id: nothing counts as acknowledged or uploaded, and first
	 * contact is to be made again, where the run may be there or not (`resume` allow).
	 */
	forgetSent(run: string): Promise<void>;
	close(): void;
}

/** `strict` waits for the disk, `relaxed` for the operating system. */
export type Durability = 'relaxed' | 'strict';

/** A number for each stream; a missing one is 0. */
export type Counts = { [stream in Stream]?: number };

/** Whether `counts` has come as far as `upTo` in every stream. */
export function isAtLeast(counts: Counts, upTo: Counts): boolean {
	return Object.entries(upTo).every(([stream, count]) => (counts[stream as Stream] ?? 0) >= count);
}

export interface ChunkBytes {
	/** Number of its first record, and how many it holds. */
	n0: number;
	count: number;
	bytes: Uint8Array;
}

/** What `init()` asks about a run that may be there already. */
export type Resume = 'never' | 'allow' | 'must' | 'auto';

/** The other run that this one continues from, up to and including a step. */
export interface BranchPoint {
	kind: 'fork' | 'rewind';
	run: string;
	step: number;
}

export interface RunState {
	/** Key in this store. */
	id: string;
	/** Id on the server: the same, unless the user gave it another after a refusal. */
	sentAs: string;
	project: string;
	entity: string;
	/** Address of the server this run goes to; undefined = it stays on this device. */
	server: string | undefined;
	createdMs: number;
	/**
	 * 32 random characters of `[0-9a-z]`, made with the run: shows a Tidelog server that what comes with a token that many pages share is from where the run began.
	 * Missing in runs of before there were keys.
	 */
	runKey?: string | undefined;

	/** For each writer, how many of its meta records the members below include. */
	folded: { [writer: string]: number };
	name: string;
	notes?: string | undefined;
	tags?: string[] | undefined;
	group?: string | undefined;
	jobType?: string | undefined;
	config: PlacedEdit[];
	/** Values set by hand. */
	summary: PlacedEdit[];
	metrics: MetricDefinition[];
	isFinished: boolean;
	exitCode: number;
	/** The record that said last whether the run has ended. */
	statePlace?: RecordPlace | undefined;

	/** What was asked when the run was opened; the server's part is settled at first contact, before anything is sent. */
	resume: Resume;
	/** Whether the user chose the id: only then may the server have a run of it. */
	isIdGiven: boolean;
	branch?: BranchPoint | undefined;
	/** Set at first contact; what follows is undefined before. */
	contact?: ServerContact | undefined;
	/** The server will not take this run, and why; nothing is sent until the user says otherwise. */
	refusal?: Refusal | undefined;
	/** Whether the server has taken the end of the run. */
	isFinishSent: boolean;
	/** Where sending to a W&B server stands (assembler.ts); opaque here. */
	assembler?: LineObject | undefined;
}

export interface ServerContact {
	/** Undefined for a W&B server. */
	serverId: string | undefined;
	/** Names as the server has them. */
	entity: string;
	project: string;
	gen: number;
	/** Page of the run in the server's dashboard. */
	url: string;
}

export interface Refusal {
	code: 'run-exists' | 'run-missing' | 'run-deleted' | 'run-rewound' | 'run-shared';
	reason: string;
}

export interface WriterState {
	run: string;
	/** 16 characters of `[0-9a-z]`. */
	writer: string;
	startedMs: number;
	/**
	 * Step at which the writer begins; null when another writer of the run is alive and the server numbers the steps; undefined until the server was
	 * asked. Once set it stays.
	 */
	base: number | null | undefined;
	/** Seconds that the run had gone on when the writer began; set with the base. */
	runtimeBaseS: number;
	/** The greatest relative and least step stored, plus one each (batch.ts): `max(base + relative, least)` follows all steps of this writer. */
	next: { relative: number; least: number; runtimeS: number };
	/** Records stored here: n of the next one of each stream. */
	stored: Counts;
	/** Bytes of the chunks stored here. */
	bytes: number;
	/** Records that the server holds: line number of the next one it takes. */
	acknowledged: Counts;
	/** Hash (line-hash.ts) over the acknowledged lines of each stream, as far as it is known here. */
	hashes: { [stream in Stream]?: string };
	/** Whether the server's count and hash of each stream were those above when it answered last; undefined before the first answer. */
	isVerified: boolean | undefined;
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
	run: string;
	writer: string;
	stream: Stream;
	chunks: ChunkBytes[];
	/** Stored as `next` of the writer where larger; left out for other streams than history. */
	next?: WriterState['next'];
	files: { state: FileState; bytes: Uint8Array }[];
}

export interface RunUsage {
	run: string;
	createdMs: number;
	/** Bytes of uploaded files. */
	files: number;
	/** Bytes of chunks of writers, nothing of which waits to be sent. */
	rows: number;
	/** Everything, what still has to be sent included. */
	all: number;
	/** Whether all of it is on the server. */
	isSent: boolean;
}

/** What still has to reach the server. */
export function isPending(run: RunState, writers: readonly WriterState[], pendingFiles: number): boolean {
	return run.refusal === undefined && ((run.isFinished && !run.isFinishSent) || pendingFiles > 0 || writers.some(isBehind));
}

export function isBehind({ stored, acknowledged }: Pick<WriterState, 'stored' | 'acknowledged'>): boolean {
	return !isAtLeast(acknowledged, stored);
}

/** The step after all that a writer has stored, or undefined while its base is not known. */
export function nextStepOf({ base, next }: Pick<WriterState, 'base' | 'next'>): number | undefined {
	return typeof base === 'number' ? Math.max(base + next.relative, next.least) : undefined;
}
