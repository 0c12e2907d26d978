import type { RecordPort, RunSpec } from './messages.ts';
import type { WriterLink } from './writer-link.ts';

/** The way to the writer of this context, as runs see it. */
export interface Link {
	/**
	 * Makes a channel for a run; its second end is given to the writer. Where the calling thread can store records by itself (Node), the first end does so: it answers that
	 * they are stored before `postMessage` returns.
	 */
	channel(spec: RunSpec): [RecordPort, RecordPort];
	/** Its code may have to be loaded first. */
	writer: Promise<WriterLink>;
}
