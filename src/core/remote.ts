import type { LineObject } from './json-line.ts';
import type { Alert } from './meta.ts';
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
	/** The server will never take this as it is; what was to be sent stays in the store. `serverId` is that of a Tidelog server, where it said so. */
	| { kind: 'refused'; status: number; reason: string; serverId?: string };

export interface RemoteFeatures {
	/** Whether it is a Tidelog server, which takes records; else rows are assembled for it (assembler.ts). */
	takesRecords: boolean;
	takesGzip: boolean;
	/** Whether metric definitions may hold globs. */
	takesGlobs: boolean;
}

/** What a server knows of a run that it has. */
export interface FoundRun {
	/** The server's own key of the run. */
	storageId: string;
	/** Writers that the run's config names: one of ours among them says that it is this device's run. */
	writers: string[];
	/** Config and summary as they are there, the config unwrapped. */
	config: LineObject;
	summary: LineObject;
	/** Step after the greatest one. */
	nextStep: number;
	/** Lines of a W&B server's files: the next offsets. */
	lines: { history: number; events: number; console: number };
	/** Seconds that the run had been going on when it was heard last. */
	runtimeS: number;
	gen: number;
	/** Whether another writer sent something within the last minute (told by Tidelog servers only). */
	isLive: boolean;
}

/** What an upsert says; missing members are left as they are on the server. */
export interface RunUpsert {
	/** Wrapped as W&B wants it: `{"lr": {"value": 0.1}, "_wandb": {"value": {…}}}`. */
	config?: LineObject;
	storageId?: string;
	/** Names, tags and notes of the run. */
	withInfo: boolean;
}

export interface RemoteRun {
	entity: string;
	project: string;
	/** Page of the run in the server's dashboard. */
	url: string;
	/** Undefined for a W&B server. */
	serverId: string | undefined;
	gen: number;
	/** Lines of history that are there already: rows copied by a fork. */
	historyLines: number;
}

export interface Remote {
	features(signal: AbortSignal): Promise<Outcome<RemoteFeatures>>;
	/** Looks for the run under the id that it is sent as; undefined when it is not there. */
	find(run: RunState, features: RemoteFeatures, signal: AbortSignal): Promise<Outcome<FoundRun | undefined>>;
	/** Creates the run, or changes what is said about it. */
	upsertRun(run: RunState, change: RunUpsert, features: RemoteFeatures, signal: AbortSignal): Promise<Outcome<RemoteRun>>;
	/** Cuts the run after `step`. */
	rewind(run: RunState, step: number, features: RemoteFeatures, signal: AbortSignal): Promise<Outcome<FoundRun>>;
	stream(run: RunState, request: FileStreamRequest, features: RemoteFeatures, signal: AbortSignal): Promise<Outcome<FileStreamAnswer>>;
	upload(run: RunState, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<Outcome<undefined>>;
	alert(run: RunState, alert: Alert, signal: AbortSignal): Promise<Outcome<undefined>>;
}
