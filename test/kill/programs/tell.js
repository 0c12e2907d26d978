import { writeSync } from 'node:fs';

/** Tells the test at once: what was written to a pipe is there for its reader, however the writer ends. */
export function tell(message) {
	const line = Buffer.from(`${JSON.stringify({ ...message, ms: Date.now() })}\n`);
	for (let at = 0; at < line.length; ) {
		try {
			at += writeSync(1, line, at);
		} catch (error) {
			// The pipe is full.
			if (error.code !== 'EAGAIN') throw error;
		}
	}
}
