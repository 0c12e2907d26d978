import { type Batch, batchBytes } from '../core/batch.ts';
import type { ExtraLeaf } from '../core/flatten.ts';
import { BatchPacker } from '../core/packer.ts';
import type { Stream } from '../core/protocol.ts';

/** Records of one stream that the store has not confirmed: the open batch, and those that were sent. */
export class StreamQueue {
	readonly stream: Stream;
	readonly packer = new BatchPacker<ExtraLeaf>(0);
	/** Records given a number so far. */
	n = 0;
	/** Of these, the store has confirmed. */
	stored = 0;
	/** Of the batches that were sent and not confirmed. */
	bytes = 0;
	#unconfirmed: { batch: Batch<ExtraLeaf>; bytes: number }[] = [];

	constructor(stream: Stream) {
		this.stream = stream;
	}

	/** Closes the open batch and keeps it until it is confirmed; undefined when there is none. */
	take(): Batch<ExtraLeaf> | undefined {
		if (this.packer.count === 0) return undefined;
		const batch = this.packer.take();
		const bytes = batchBytes(batch);
		this.#unconfirmed.push({ batch, bytes });
		this.bytes += bytes;
		return batch;
	}

	/** Batches that were sent and not confirmed, in order. */
	unconfirmed(): Batch<ExtraLeaf>[] {
		return this.#unconfirmed.map(({ batch }) => batch);
	}

	confirm(stored: number): void {
		if (stored > this.stored) this.stored = stored;
		for (let first = this.#unconfirmed[0]; first && first.batch.n0 + first.batch.count <= stored; first = this.#unconfirmed[0]) {
			this.bytes -= first.bytes;
			this.#unconfirmed.shift();
			this.packer.recycle(first.batch);
		}
	}
}
