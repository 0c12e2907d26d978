import { eachRecord, type RecordView, recordLine, stepOf } from '../core/batch.ts';
import { decodeChunk } from '../core/chunk.ts';
import { EMPTY_HASH, hashLines } from '../core/line-hash.ts';
import type { Stream } from '../core/protocol.ts';
import { foldMeta } from '../core/run-fold.ts';
import type { RunState, Store, WriterState } from '../core/store.ts';

/** Bytes of chunks read at a time. */
const READ_BYTES = 2 ** 20;

/** Records [from, upTo) of a stream, in order. Ends early where the store does not hold one of them (any more). */
export async function* recordsOf(
	store: Store,
	{ run, writer }: Pick<WriterState, 'run' | 'writer'>,
	stream: Stream,
	from: number,
	upTo: number,
): AsyncGenerator<RecordView> {
	for (let n = from; n < upTo; ) {
		const before = n;
		for (const chunk of await store.chunks(run, writer, stream, n, READ_BYTES)) {
			for (const record of eachRecord(decodeChunk(chunk))) {
				if (record.n < n) continue;
				if (record.n !== n || n >= upTo) return;
				n++;
				yield record;
			}
		}
		if (n === before) return;
	}
}

/** The line of a record as our server is sent it; a writer's base is known by then. */
export function lineOf(record: RecordView, stream: Stream, { base, runtimeBaseS }: WriterState): string {
	return recordLine(record, stream === 'history' ? stepOf(record, base ?? null) : undefined, runtimeBaseS);
}

/** Hash over the first `upTo` lines of a stream; undefined when the store does not hold them all (any more). */
export async function hashOf(store: Store, state: WriterState, stream: Stream, upTo: number): Promise<string | undefined> {
	let hash = EMPTY_HASH;
	let n = 0;
	for await (const record of recordsOf(store, state, stream, 0, upTo)) {
		hash = hashLines(hash, [lineOf(record, stream, state)]);
		n++;
	}
	return n === upTo ? hash : undefined;
}

/** Brings the snapshot of a run up to all meta records that are stored. */
export async function catchUpMeta(store: Store, run: RunState, writers: readonly WriterState[]): Promise<RunState> {
	let known = run;
	for (const state of writers) {
		const upTo = state.stored.meta ?? 0;
		const from = known.folded[state.writer] ?? 0;
		if (from >= upTo) continue;
		const records: RecordView[] = [];
		for await (const record of recordsOf(store, state, 'meta', from, upTo)) records.push(record);
		known = await store.updateRun(run.id, (current) => foldMeta(current ?? known, state, records));
	}
	return known;
}
