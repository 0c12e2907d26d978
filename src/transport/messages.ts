import type { Batch, RecordView } from '../core/batch.ts';
import type { ExtraLeaf, MediaLeaf } from '../core/flatten.ts';
import type { LineObject, LineValue } from '../core/json-line.ts';
import type { Stream } from '../core/protocol.ts';
import type { BranchPoint, Counts, Resume } from '../core/store.ts';
import type { TidelogErrorCode } from '../errors.ts';

/**
 * What passes between the thread that calls `log()` and the writer. Records go over a port of their own, one way; what the writer
 * has done comes back on it as a {@link WriterReport}. Everything else is a call on {@link WriterHost} by Comlink: at about 30 µs
 * a call that is too dear for rows and convenient for what is rare.
 */

/** Caller → writer: records of a stream, in order of n. Sent again whole after the writer was started anew; the writer knows them by n. */
export interface BatchMessage {
	stream: Stream;
	batch: Batch<ExtraLeaf>;
}

/** Caller → writer where the caller's thread stores records itself (Node): so many are in the store now. */
export interface StoredNote {
	stream: Stream;
	stored: number;
}

export type RowMessage = BatchMessage | StoredNote;

/** The caller's end of the channel, or the writer's; a MessagePort, or its like where both are on one thread. */
export interface RecordPort {
	postMessage(message: unknown): void;
	onmessage: ((event: { data: never }) => void) | null;
	close(): void;
}

/** How a run is opened. Everything in it is kept by the caller, so that a writer that died can be opened again the same way. */
export interface RunSpec {
	/** Key of the run in the local store; with `auto` the run that is found may have another. */
	run: string;
	/** The run's id on a server. Another than `run` when this device has a run of that id already, and may not go on with it. */
	sentAs: string;
	writer: string;
	startedMs: number;
	project: string;
	entity: string;
	server: string | undefined;
	token: string | undefined;
	/** How the local store may be kept; `memory` leaves no trace on the device. */
	store: 'persistent' | 'memory';
	resume: Resume;
	/** Whether the user chose the id: only then may somebody else have it. */
	isIdGiven: boolean;
	branch: BranchPoint | undefined;
	/** Whether nothing is to be sent before `resumeSync()`. */
	isOffline: boolean;
	/** Most bytes of acknowledged data that are kept in the store. */
	keepBytes: number | undefined;
}

/** The row of a record, as far as its writer knows it (core/batch.ts). */
export type RowPlace = Pick<RecordView, 'relative' | 'least'>;

/** How sending stands. */
export type Connection =
	/** No server was given: everything stays here. */
	| 'local'
	/** Everything is on the server, or on its way for the first time. */
	| 'idle'
	| 'syncing'
	/** The server did not answer, or told us to wait; the next try comes by itself. */
	| 'offline'
	/** `pauseSync()` was called, or the run was opened with `mode: 'offline'`. */
	| 'paused'
	/** The server will not take it; `error` says why. */
	| 'refused';

/** Something that went wrong behind the transport, in words for the user. */
export interface Trouble {
	code: TidelogErrorCode;
	message: string;
}

/** Writer → caller: how far things are, whole or in part. `stored` comes after each commit, the rest at most every 100 ms. */
export interface WriterReport {
	/** Records of each stream that are safe in the local store. */
	stored: Counts;
	/** Records of each stream that the server has acknowledged. */
	acknowledged: Counts;
	/** Files that wait for upload. */
	pendingFiles: number;
	/** Whether the run has no end that the server does not know. */
	isFinishSent: boolean;
	isVerified: boolean | undefined;
	connection: Connection;
	/** Address of the run in the server's dashboard, once the server has taken it. */
	url?: string | undefined;
	/** What is wrong now. */
	trouble?: Trouble | undefined;
	/** Things to tell once. */
	notices?: Trouble[];
	/** Values that the writer had to drop since it was opened (media that could not be encoded). */
	droppedValues: number;
}

/** What the store knew when the run was opened. */
export interface OpenedRun {
	run: string;
	name: string;
	config: LineObject;
	summary: LineObject;
	notes: string | undefined;
	tags: string[] | undefined;
}

export interface WriterHost {
	/** Resolves once the run is in the local store; batches may be posted before that. */
	open(spec: RunSpec, port: RecordPort): Promise<OpenedRun>;
	/** Resolves once records of each stream below `upTo` are on the disk of this device (strict durability). */
	flush(writer: string, upTo: Counts): Promise<void>;
	/**
	 * Encodes media apart from any record, and stores the files. Resolves with the value that names them. @throws Error that says why it cannot be
	 * encoded.
	 */
	encode(writer: string, key: string, place: RowPlace, leaf: MediaLeaf): Promise<LineValue>;
	/** No more records come from this writer. */
	close(writer: string): Promise<void>;
	setPaused(writer: string, isPaused: boolean): Promise<void>;
	/** Sends the run under another id, all of it. */
	sendAs(writer: string, id: string): Promise<void>;
	/** Answers at once: shows that the writer is alive. */
	ping(): Promise<void>;
}
