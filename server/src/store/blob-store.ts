import type { ReadStream } from 'node:fs';

/** Files by their content. Contract: a blob that `put` has named is whole and durable; putting the same content again is a no-op. */
export interface BlobStore {
	/**
	 * Takes bytes to the end and names them by their sha256 (64 hex characters).
	 * @throws BlobTooLargeError past `maxBytes`; nothing is kept then, nor when the stream fails.
	 */
	put(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ sha256: string; size: number }>;
	/** The bytes, or those of a range; `end` is included. */
	open(sha256: string, range?: { start: number; end: number }): ReadStream;
	/** Undefined when there is no such blob. */
	size(sha256: string): Promise<number | undefined>;
	/** Puts every blob into another data folder, where it stays when it is deleted here; those that are there already are left alone. */
	copyTo(dataDir: string): Promise<void>;
	/** A blob that is not there is no error. */
	delete(sha256: string): Promise<void>;
}

export class BlobTooLargeError extends Error {}
