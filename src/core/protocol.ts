/**
 * What both ends of the wire agree on: names of the W&B file stream (wandb 0.30) and the `tidelog` member that our SDK and
 * our server add to it. An official client sends no such member and is answered without one.
 */

/** The feature by which a server says that it takes records (see {@link TidelogRequest}). Asked for in `ServerFeaturesQuery`. */
export const FEATURE_RECORDS = 'TIDELOG_RECORDS';
/** W&B's own name for "request bodies may be gzip". */
export const FEATURE_GZIP = 'FILESTREAM_GZIP';

/**
 * Header with the key of the run that a request is about, 32 characters of `[0-9a-z]`: made with the run, stored hashed by the server when the run is made there. Who
 * writes with a token that is public to many must show it. Sent to servers that list {@link FEATURE_RECORDS} only.
 */
export const RUN_KEY_HEADER = 'tidelog-run-key';

export const HISTORY_FILE = 'wandb-history.jsonl';
export const EVENTS_FILE = 'wandb-events.jsonl';
export const SUMMARY_FILE = 'wandb-summary.json';
export const CONSOLE_FILE = 'output.log';
/** Ours: what is said about the run as a whole (meta.ts). */
export const META_FILE = 'tidelog-meta.jsonl';

/** The sequences that a writer numbers, each from 0 and without gaps. Record n of a stream is line n of its file. */
export const STREAMS = ['meta', 'history', 'events', 'console'] as const;
export type Stream = (typeof STREAMS)[number];
export const STREAM_FILES = { meta: META_FILE, history: HISTORY_FILE, events: EVENTS_FILE, console: CONSOLE_FILE } as const;

/** The member `tidelog` of a file_stream request: the request's files then hold records, whose lines are never rewritten. */
export interface TidelogRequest {
	/** Version of this member. A server refuses a version it does not know with 400. */
	v: 1;
	/** 16 characters of `[0-9a-z]`; one for each context that opened the run. */
	writer: string;
	/** When the writer was opened, milliseconds since the epoch: writers are laid over each other in this order, then by name. */
	startedMs: number;
	/** How many history records the writer has stored on its device, for people who look: `upTo − next` wait there. */
	upTo: number;
	/** Generation of the run that the writer belongs to, as told at first contact; a rewind makes a new one. A server that has a newer one answers 409. */
	gen: number;
}

/** The member `tidelog` of a file_stream answer. The only acknowledgement there is. */
export interface TidelogAnswer {
	/** Tells one server's data folder from another's. */
	serverId: string;
	/** The next free line of each file of that writer; files without lines may be missing. */
	next: Record<string, number>;
	/** `hashLines` (line-hash.ts) over the lines below `next`, for each of them. */
	hash: Record<string, string>;
}

export interface FileStreamRequest {
	tidelog?: TidelogRequest;
	files?: Record<string, { offset: number; content: string[] }>;
	uploaded?: string[];
	preempting?: boolean;
	complete?: boolean;
	exitcode?: number;
}

export interface FileStreamAnswer {
	tidelog?: TidelogAnswer;
	stopped?: boolean;
}

/**
 * Body of a refusal, in W&B's two shapes at once, and what our server adds: `serverId` with a 404 (the run is not in this data folder), a 409
 * (the request belongs to an older generation) and a 410 (the run was deleted here, for good).
 */
export interface RefusalBody {
	errors: { message: string }[];
	error: string;
	serverId?: string;
}

/** Longest line of history, events or summary, in bytes of UTF-8 (wandb: 10 MiB − 100 KiB). */
export const MAX_LINE_BYTES = 10_383_360;
/** Stop adding lines to a request here (wandb: 10 MiB of content); one longer line still goes alone. */
export const MAX_REQUEST_BYTES = 10 * 2 ** 20;

/** Entity that a server without accounts answers for everybody. */
export const DEFAULT_ENTITY = 'local';
