import type { FileStreamAnswer, FileStreamRequest } from './protocol.ts';
import type { RunState } from './store.ts';

/**
 * A server that takes runs. What a request can come to is a value, not an exception, since the sender has something different to do
 * in each case.
 */
export type Outcome<T> =
	| { kind: 'accepted'; answer: T }
	/** A passing problem: try the same again, not before `afterMs` when the server named a time. */
	| { kind: 'retry'; reason: string; afterMs?: number; isTooLarge?: boolean }
	/** The server will never take this as it is; what was to be sent stays in the store. */
	| { kind: 'refused'; status: number; reason: string };

export interface RemoteFeatures {
	takesRecords: boolean;
	takesGzip: boolean;
}

export interface RemoteRun {
	entity: string;
	project: string;
	/** Page of the run in the server's dashboard. */
	url: string;
}

export interface Remote {
	features(signal: AbortSignal): Promise<Outcome<RemoteFeatures>>;
	/** Creates the run, or brings name and config up to date. */
	upsertRun(run: RunState, signal: AbortSignal): Promise<Outcome<RemoteRun>>;
	stream(run: RunState, request: FileStreamRequest, useGzip: boolean, signal: AbortSignal): Promise<Outcome<FileStreamAnswer>>;
	upload(run: RunState, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<Outcome<undefined>>;
}
