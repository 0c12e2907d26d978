/**
 * What both ends of the wire agree on: names of the W&B file stream (wandb 0.30) and the `tidelog` member that our SDK and
 * our server add to it. An official client sends no such member and is answered without one.
 */

/** The feature by which a server says that it takes records (see {@link TidelogRequest}). Asked for in `ServerFeaturesQuery`. */
export const FEATURE_RECORDS = 'TIDELOG_RECORDS';
/** W&B's own name for "request bodies may be gzip". */
export const FEATURE_GZIP = 'FILESTREAM_GZIP';

export const HISTORY_FILE = 'wandb-history.jsonl';
export const EVENTS_FILE = 'wandb-events.jsonl';
export const SUMMARY_FILE = 'wandb-summary.json';
export const CONSOLE_FILE = 'output.log';
/** Files made of lines that are never rewritten; in these, record n of a writer is line n. */
export type RecordFile = typeof HISTORY_FILE | typeof EVENTS_FILE;

/** The sequences a writer numbers, each from 0 and without gaps. */
export type Stream = 'history' | 'events' | 'console';
export const STREAM_FILES = { history: HISTORY_FILE, events: EVENTS_FILE, console: CONSOLE_FILE } as const;

/** The member `tidelog` of a file_stream request. */
export interface TidelogRequest {
	/** Version of this member. A server refuses a version it does not know with 400. */
	v: 1;
	/** 16 characters of `[0-9a-z]`; one for each context that opened the run. */
	writer: string;
	/** When the writer was opened, milliseconds since the epoch: writers are laid over each other in this order, then by name. */
	startedMs: number;
	/**
	 * How many history records the writer had stored when this request was made. What is rewritten by nature (summary, config) is
	 * ignored when its `upTo` is smaller than one already taken from the same writer.
	 */
	upTo: number;
}

/** The member `tidelog` of a file_stream answer: the next free line of each file of that writer. The only acknowledgement there is. */
export interface TidelogAnswer {
	next: Record<string, number>;
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

/** Longest line of history, events or summary, in bytes of UTF-8 (wandb: 10 MiB − 100 KiB). */
export const MAX_LINE_BYTES = 10_383_360;
/** Stop adding lines to a request here (wandb: 10 MiB of content); one longer line still goes alone. */
export const MAX_REQUEST_BYTES = 10 * 2 ** 20;

/** Entity that a server without accounts answers for everybody. */
export const DEFAULT_ENTITY = 'local';
