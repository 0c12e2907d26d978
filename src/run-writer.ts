import { type Batch, eachRecord, HEADER_SLOTS, joinBatches } from './core/batch.ts';
import { encodeChunk } from './core/chunk.ts';
import type { ExtraLeaf, MediaLeaf } from './core/flatten.ts';
import type { LineValue } from './core/json-line.ts';
import type { FileState, Store, WriterState } from './core/store.ts';
import { encodeImages, type MediaFile } from './media/encode-image.ts';
import type { ImageSnapshot } from './media/image.ts';
import type { Clock } from './platform/clock.ts';
import type { RowMessage } from './transport/messages.ts';

/** Most batches of one chunk: about 4,000 records, which is as large as a chunk should be for reading. */
const MAX_JOINED = 40;
/** First wait after the store refused a write, doubling up to the second. */
const STORE_RETRY_MS = [500, 10_000] as const;

/**
 * Puts the records of one writer into the store, in order. A batch is committed as soon as it arrives; what arrives while a
 * transaction runs goes into the next one. Media are encoded first, so that a record is whole when it is written.
 */
export class RunWriter {
	readonly #store: Store;
	readonly #clock: Clock;
	readonly #state: WriterState;
	readonly #onChange: () => void;
	readonly #queue: RowMessage[] = [];
	/** n of the next record that is neither stored nor queued. */
	#nextN: number;
	#draining: Promise<void> | undefined;
	#storedWaiters: { upTo: number; resolve: () => void }[] = [];

	/** What the store said last, while a write waits to be tried again. */
	storeError: string | undefined;
	/** Media that could not be encoded, and why the last one could not. */
	droppedValues = 0;
	dropReason: string | undefined;

	constructor(store: Store, clock: Clock, state: WriterState, onChange: () => void) {
		this.#store = store;
		this.#clock = clock;
		this.#state = state;
		this.#onChange = onChange;
		this.#nextN = state.stored;
	}

	get stored(): number {
		return this.#state.stored;
	}

	/** Takes a batch. One that is known already (the caller sends all unconfirmed ones again to a new writer) is ignored. */
	receive(batch: RowMessage): void {
		if (batch.n0 + batch.count <= this.#nextN) {
			this.#onChange();
			return;
		}
		if (batch.n0 !== this.#nextN) throw new Error(`Records ${this.#nextN} to ${batch.n0 - 1} never came.`);
		this.#nextN += batch.count;
		this.#queue.push(batch);
		this.#draining ??= this.#drain();
	}

	/** Resolves once records below `upTo` are committed (relaxed). */
	whenStored(upTo: number): Promise<void> {
		if (this.#state.stored >= upTo) return Promise.resolve();
		return new Promise((resolve) => this.#storedWaiters.push({ upTo, resolve }));
	}

	async #drain(): Promise<void> {
		while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, MAX_JOINED));
		this.#draining = undefined;
	}

	async #commit(batches: RowMessage[]): Promise<void> {
		const files = new Map<string, MediaFile>();
		const batch = joinBatches(await Promise.all(batches.map((message) => this.#encodeMedia(message, files))));
		const stored = batch.n0 + batch.count;
		const nextStep = Math.max(this.#state.nextStep, greatestStep(batch) + 1);
		const state = { ...this.#state, stored, nextStep };
		const write = {
			state,
			stream: 'history' as const,
			chunks: [{ n0: batch.n0, bytes: encodeChunk(batch) }],
			files: [...files.values()].map(({ path, sha256, bytes }) => ({
				state: { run: state.run, path, sha256, size: bytes.length, isUploaded: false } satisfies FileState,
				bytes,
			})),
		};
		for (let waitMs: number = STORE_RETRY_MS[0]; ; waitMs = Math.min(2 * waitMs, STORE_RETRY_MS[1])) {
			try {
				await this.#store.append(write, 'relaxed');
				break;
			} catch (error) {
				this.storeError = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
				this.#onChange();
				await this.#clock.sleep(waitMs);
			}
		}
		this.storeError = undefined;
		Object.assign(this.#state, { stored, nextStep });
		const waiting = this.#storedWaiters;
		this.#storedWaiters = waiting.filter((waiter) => waiter.upTo > stored);
		for (const waiter of waiting) if (waiter.upTo <= stored) waiter.resolve();
		this.#onChange();
	}

	async #encodeMedia(batch: RowMessage, files: Map<string, MediaFile>): Promise<Batch> {
		if (!batch.extras.some(([, , value]) => isMediaLeaf(value))) return batch as Batch;
		const extras: Batch['extras'] = [];
		const records = [...eachRecord(batch)];
		for (const [index, place, value] of batch.extras) {
			if (!isMediaLeaf(value)) {
				extras.push([index, place, value]);
				continue;
			}
			const record = records[index];
			const key = record?.keys[place];
			if (!record || key === undefined) throw new Error(`Record ${index} of batch ${batch.n0} is not there.`);
			extras.push([index, place, await this.#encodeOne(key, record.step, value, files)]);
		}
		return { ...batch, extras };
	}

	/** A picture that cannot be encoded leaves a note in its place: the record keeps its number and its other values. */
	async #encodeOne(key: string, step: number, leaf: MediaLeaf, files: Map<string, MediaFile>): Promise<LineValue> {
		try {
			const encoded = await encodeImages(key, step, leaf.items as ImageSnapshot[], leaf.isList);
			for (const file of encoded.files) files.set(file.path, file);
			return encoded.value;
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			this.droppedValues++;
			this.dropReason = `${key} at step ${step}: ${reason}`;
			return { _type: 'dropped', media: leaf.media, reason };
		}
	}
}

function isMediaLeaf(value: ExtraLeaf): value is MediaLeaf {
	return typeof value === 'object' && value !== null && 'media' in value && 'items' in value && 'isList' in value;
}

function greatestStep({ count, numbers, shapes }: Batch): number {
	let greatest = -1;
	for (let record = 0, at = 0; record < count; record++) {
		greatest = Math.max(greatest, numbers[at + 1] as number);
		at += HEADER_SLOTS + (shapes[numbers[at] as number]?.length ?? 0);
	}
	return greatest;
}
