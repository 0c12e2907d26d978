import type { Batch } from '../core/batch.ts';
import type { ExtraLeaf } from '../core/flatten.ts';
import type { LineValue } from '../core/json-line.ts';

/**
 * What passes between the thread that calls `log()` and the writer. Rows go over a MessagePort of their own, one way; what the writer
 * has done comes back on it as a {@link WriterReport}. Everything else is a call on {@link WriterHost} by Comlink: at about 30 µs
 * a call that is too dear for rows and convenient for what is rare.
 */

/** Caller → writer: records, in order of n. Sent again whole after the writer was started anew; the writer knows them by n. */
export type RowMessage = Batch<ExtraLeaf>;

/** How a run is opened. Everything in it is kept by the caller, so that a writer that died can be opened again the same way. */
export interface RunSpec {
	run: string;
	writer: string;
	startedMs: number;
	name: string;
	project: string;
	entity: string;
	server: string | undefined;
	token: string | undefined;
	config: Record<string, LineValue>;
	/** How the local store may be kept; `memory` leaves no trace on the device. */
	store: 'persistent' | 'memory';
}

/** How sending stands. */
export type Connection =
	/** No server was given: everything stays here. */
	| 'local'
	/** Everything is on the server, or on its way for the first time. */
	| 'idle'
	| 'syncing'
	/** The server did not answer, or told us to wait; the next try comes by itself. */
	| 'offline'
	/** `pauseSync()` was called. */
	| 'paused'
	/** The server will not take it; `error` says why. */
	| 'refused';

/** Writer → caller: how far things are, whole or in part. `stored` comes after each commit, the rest at most every 100 ms. */
export interface WriterReport {
	/** History records safe in the local store. */
	stored: number;
	/** Of these, the server has acknowledged. */
	acknowledged: number;
	/** Files that wait for upload. */
	pendingFiles: number;
	/** Whether config, name, explicit summary and, after finish, the end have reached the server. */
	isMetaSent: boolean;
	isStorePersistent: boolean;
	connection: Connection;
	/** Address of the run in the server's dashboard, once the server has taken it. */
	url?: string | undefined;
	/** What is wrong, in words for the user. */
	error?: string | undefined;
	/** Values that the writer had to drop since it was opened (media that could not be encoded). */
	droppedValues: number;
}

export interface WriterHost {
	/** Resolves once the run is in the local store; batches may be posted before that. */
	open(spec: RunSpec, port: MessagePort): Promise<void>;
	/** Resolves once records below `upTo` are on the disk of this device (strict durability). */
	flush(writer: string, upTo: number): Promise<void>;
	setConfig(writer: string, config: Record<string, LineValue>): Promise<void>;
	setExplicitSummary(writer: string, values: Record<string, LineValue>): Promise<void>;
	/** Marks the run finished once records below `upTo` are stored; the end is sent when everything else has been. */
	finish(writer: string, upTo: number, exitCode: number): Promise<void>;
	setPaused(writer: string, isPaused: boolean): Promise<void>;
	/** Answers at once: shows that the writer is alive. */
	ping(): Promise<void>;
}
