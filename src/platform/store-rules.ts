import { cutChunk } from '../core/chunk.ts';
import { STREAMS, type Stream } from '../core/protocol.ts';
import { type AppendWrite, type ChunkBytes, isBehind, type RunState, type RunUsage, type WriterState } from '../core/store.ts';

/** What every store does alike with what it holds (the contract is in core/store.ts). */

export function newWriter(run: string, writer: string, startedMs: number): WriterState {
	return {
		run,
		writer,
		startedMs,
		base: undefined,
		runtimeBaseS: 0,
		next: { relative: 0, least: 0, runtimeS: 0 },
		stored: {},
		bytes: 0,
		acknowledged: {},
		hashes: {},
		isVerified: undefined,
	};
}

export function byStart(a: WriterState, b: WriterState): number {
	return a.startedMs - b.startedMs || (a.writer < b.writer ? -1 : 1);
}

/** The state after `updateWriter`: its change is made from a copy, and an append that came in between must not be undone by it. */
export function changedWriter(known: WriterState | undefined, changed: WriterState): WriterState {
	return known ? { ...changed, stored: known.stored, bytes: known.bytes } : changed;
}

/**
 * The writer after a write, and those of its chunks that are new. A writer that was cut off sends again what it had no answer for, maybe in
 * other pieces: what is here already is left out or cut off, so that the chunks of a stream follow one another without gap or overlap.
 */
export function appended(known: WriterState | undefined, { run, writer, stream, chunks, next }: AppendWrite): [WriterState, ChunkBytes[]] {
	if (!known) throw new Error(`Writer ${writer} of run ${run} is not in the store (any more); nothing was written.`);
	const added: ChunkBytes[] = [];
	let { bytes } = known;
	let end = known.stored[stream] ?? 0;
	for (const chunk of chunks) {
		if (chunk.n0 > end)
			throw new Error(`${stream} of writer ${writer} ends at ${end}: records from ${chunk.n0} on cannot follow; nothing was written.`);
		if (chunk.n0 + chunk.count <= end) continue;
		const piece = chunk.n0 < end ? cutChunk(chunk, end) : chunk;
		added.push(piece);
		bytes += piece.bytes.length;
		end = piece.n0 + piece.count;
	}
	return [{ ...known, bytes, stored: { ...known.stored, [stream]: end }, next: later(known.next, next) }, added];
}

export function later(a: WriterState['next'], b: WriterState['next'] = a): WriterState['next'] {
	return {
		relative: Math.max(a.relative, b.relative),
		least: Math.max(a.least, b.least),
		runtimeS: Math.max(a.runtimeS, b.runtimeS),
	};
}

/** A run and its writers after `forgetSent`. */
export function unsentRun(run: RunState): RunState {
	return { ...run, contact: undefined, isFinishSent: false, assembler: undefined, resume: 'allow' };
}

export function unsentWriter(state: WriterState): WriterState {
	return { ...state, acknowledged: {}, hashes: {}, isVerified: undefined };
}

/** How many records of a stream may be pruned. The run's snapshot stands for its meta records only as far as it includes them. */
export function prunable({ writer, acknowledged, stored }: WriterState, stream: Stream, run: RunState | undefined): number {
	return Math.min(stored[stream] ?? 0, acknowledged[stream] ?? 0, stream === 'meta' ? (run?.folded[writer] ?? 0) : Infinity);
}

/** Whether all that a writer has stored may be pruned. */
export function isPrunable(state: WriterState, run: RunState | undefined): boolean {
	return STREAMS.every((stream) => prunable(state, stream, run) === (state.stored[stream] ?? 0));
}

/** Bytes of files by whether the server has them. */
export interface FileSizes {
	uploaded: number;
	pending: number;
}

export function usageOf(run: RunState, writers: readonly WriterState[], { uploaded, pending }: FileSizes): RunUsage {
	const sum = (some: readonly WriterState[]) => some.reduce((bytes, state) => bytes + state.bytes, 0);
	const behind = writers.filter(isBehind);
	return {
		run: run.id,
		createdMs: run.createdMs,
		files: uploaded,
		rows: sum(writers) - sum(behind),
		all: sum(writers) + uploaded + pending,
		isSent: behind.length === 0 && pending === 0 && (run.isFinishSent || !run.isFinished),
	};
}
