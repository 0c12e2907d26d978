import { EMPTY_HASH, hashLines } from '../core/line-hash.ts';
import { type FileStreamAnswer, type FileStreamRequest, STREAM_FILES, STREAMS, type Stream } from '../core/protocol.ts';
import type { Outcome, Remote, RemoteFeatures } from '../core/remote.ts';
import type { RunState, Store, WriterState } from '../core/store.ts';
import { hashOf, lineOf, recordsOf } from './stored-records.ts';

/** Lines of some streams of one writer that go in one request. */
interface Parcel {
	files: NonNullable<FileStreamRequest['files']>;
	/** What was read, by stream. */
	lines: { stream: Stream; from: number; content: string[] }[];
}

/**
 * Sends records to a Tidelog server: record n of a stream is line n of that writer's file. The only acknowledgement is the answer's `next`: it is the
 * cursor, backwards too (a server restored from a backup gets the rest again).
 */
export async function sendRecords(
	store: Store,
	remote: Remote,
	features: RemoteFeatures,
	run: RunState,
	state: WriterState,
	requestBytes: number,
	end: Pick<FileStreamRequest, 'complete' | 'exitcode'>,
	signal: AbortSignal,
): Promise<Outcome<FileStreamAnswer>> {
	const parcel = await pack(store, state, requestBytes);
	const isBehind = STREAMS.find((stream) => (state.acknowledged[stream] ?? 0) < (state.stored[stream] ?? 0));
	if (isBehind && parcel.lines.length === 0) {
		return {
			kind: 'refused',
			status: 0,
			reason: `Record ${state.acknowledged[isBehind] ?? 0} of ${isBehind} is not in the local store any more; later ones cannot be sent before it.`,
		};
	}
	const tidelog = { v: 1 as const, writer: state.writer, startedMs: state.startedMs, upTo: state.stored.history ?? 0, gen: run.contact?.gen ?? 0 };
	const outcome = await remote.stream(run, { tidelog, ...(parcel.lines.length > 0 ? { files: parcel.files } : {}), ...end }, features, signal);
	if (outcome.kind !== 'accepted') return outcome;
	if (!outcome.answer.tidelog) return { kind: 'retry', reason: 'The server did not say which records it holds.' };
	const isFurther = await acknowledge(store, state, parcel, outcome.answer.tidelog);
	// A server that stays where it is would be asked for ever.
	return isFurther || parcel.lines.length === 0 ? outcome : { kind: 'retry', reason: 'The server took none of the records that it was sent.' };
}

async function pack(store: Store, state: WriterState, requestBytes: number): Promise<Parcel> {
	const parcel: Parcel = { files: {}, lines: [] };
	let bytes = 0;
	for (const stream of STREAMS) {
		const from = state.acknowledged[stream] ?? 0;
		const content: string[] = [];
		for await (const record of recordsOf(store, state, stream, from, state.stored[stream] ?? 0)) {
			const line = lineOf(record, stream, state);
			if (bytes > 0 && bytes + line.length > requestBytes) break;
			content.push(line);
			bytes += line.length;
		}
		if (content.length === 0) continue;
		parcel.lines.push({ stream, from, content });
		parcel.files[STREAM_FILES[stream]] = { offset: from, content };
		if (bytes >= requestBytes) break;
	}
	return parcel;
}

/** Notes what the server holds, and whether it holds the same as this device. Returns whether it has come further. */
async function acknowledge(
	store: Store,
	state: WriterState,
	parcel: Parcel,
	{ next, hash }: NonNullable<FileStreamAnswer['tidelog']>,
): Promise<boolean> {
	// Where there are no locks, another tab may have sent what was stored since.
	const hasMore = STREAMS.some((stream) => (next[STREAM_FILES[stream]] ?? 0) > (state.stored[stream] ?? 0));
	const { stored } = (hasMore && (await store.writers(state.run)).find(({ writer }) => writer === state.writer)) || state;
	const acknowledged: WriterState['acknowledged'] = {};
	const hashes: WriterState['hashes'] = {};
	let isVerified = true;
	for (const stream of STREAMS) {
		const file = STREAM_FILES[stream];
		const known = state.acknowledged[stream] ?? 0;
		const taken = next[file] ?? 0;
		const upTo = Math.min(taken, stored[stream] ?? 0);
		if (upTo === 0) continue;
		acknowledged[stream] = upTo;
		const sent = parcel.lines.find((lines) => lines.stream === stream);
		const before = known === 0 ? EMPTY_HASH : state.hashes[stream];
		// Nearly always the server now has just what it was sent; else the lines are read again.
		if (upTo === known && before !== undefined) hashes[stream] = before;
		else if (sent && before !== undefined && upTo > known && upTo <= known + sent.content.length)
			hashes[stream] = hashLines(before, sent.content.slice(0, upTo - known));
		else {
			const found = await hashOf(store, state, stream, upTo);
			if (found !== undefined) hashes[stream] = found;
		}
		isVerified &&= taken === upTo && hashes[stream] === hash[file];
	}
	await store.updateWriter(state.run, state.writer, (known) => ({ ...(known ?? state), acknowledged, hashes, isVerified }));
	return STREAMS.some((stream) => (acknowledged[stream] ?? 0) !== (state.acknowledged[stream] ?? 0));
}
