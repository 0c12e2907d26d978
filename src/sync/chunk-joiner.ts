import { joinBatches } from '../core/batch.ts';
import { decodeChunk, encodeChunk } from '../core/chunk.ts';
import type { Stream } from '../core/protocol.ts';
import type { ChunkBytes, Store, WriterState } from '../core/store.ts';

/** So many neighbours become one; two rounds of it make a chunk of 4,096 records. */
const FAN_IN = 64;
const FULL = FAN_IN * FAN_IN;

/**
 * Joins the chunks of a slow loop: one every 100 ms, or one a record, would make hundreds of thousands in a day. Each record is written again
 * twice at most: singles into 64, these into 4,096.
 */
export class ChunkJoiner {
	readonly #store: Store;
	readonly #run: string;
	readonly #writer: string;
	/** Neighbouring chunks at the end of each stream, by size: fewer than 64 records, fewer than 4,096. */
	readonly #tails = new Map<Stream, [{ n0: number; toN: number }[], { n0: number; toN: number }[]]>();
	#due: [Stream, 0 | 1][] = [];

	constructor(store: Store, { run, writer }: Pick<WriterState, 'run' | 'writer'>) {
		this.#store = store;
		this.#run = run;
		this.#writer = writer;
	}

	/** Notes a chunk that was appended. */
	added(stream: Stream, { n0, count }: ChunkBytes): void {
		const tail = this.#tails.get(stream) ?? [[], []];
		this.#tails.set(stream, tail);
		this.#note(stream, tail, { n0, toN: n0 + count });
	}

	/** Does the joins that are due. One that fails is left: it only saves room. */
	async join(): Promise<void> {
		if (this.#store.kind === 'files') return;
		for (let next = this.#due.shift(); next; next = this.#due.shift()) {
			const [stream, level] = next;
			const tail = this.#tails.get(stream) ?? [[], []];
			const pieces = tail[level].splice(0, FAN_IN);
			const [n0, toN] = [pieces[0]?.n0 ?? 0, pieces.at(-1)?.toN ?? 0];
			try {
				const chunks = await this.#store.chunks(this.#run, this.#writer, stream, n0, Number.POSITIVE_INFINITY);
				const batches = chunks.map(decodeChunk).filter((batch) => batch.n0 >= n0 && batch.n0 + batch.count <= toN);
				const batch = joinBatches(batches);
				if (!batch || batch.n0 !== n0 || batch.count !== toN - n0) continue;
				await this.#store.join(this.#run, this.#writer, stream, { n0, count: batch.count, bytes: encodeChunk(batch) }, toN);
				this.#note(stream, tail, { n0, toN });
			} catch {
				// The disk is full or the handle died: the pieces are there as they were.
			}
		}
	}

	#note(stream: Stream, tail: [{ n0: number; toN: number }[], { n0: number; toN: number }[]], piece: { n0: number; toN: number }): void {
		const count = piece.toN - piece.n0;
		if (count >= FULL) {
			// What lies before a full chunk has no more neighbours to come.
			tail[0] = [];
			tail[1] = [];
			return;
		}
		const level = count < FAN_IN ? 0 : 1;
		if (level === 1) tail[0] = tail[0].filter(({ n0 }) => n0 >= piece.toN);
		const pieces = tail[level];
		if (pieces.at(-1) && pieces.at(-1)?.toN !== piece.n0) pieces.length = 0;
		pieces.push(piece);
		if (pieces.length >= FAN_IN && !this.#due.some(([known, at]) => known === stream && at === level)) this.#due.push([stream, level]);
	}
}
