/** The version is never raised: a new layout gets a database of another name, so that two releases can be open in two tabs. */
export const DATABASE = 'tidelog-1';

/** A value of `lastWords`, by [run, writer, stream, n0]: a chunk, and when its writer started, since the store may not know that writer yet. */
export interface LastWord {
	startedMs: number;
	bytes: Uint8Array<ArrayBuffer>;
}
