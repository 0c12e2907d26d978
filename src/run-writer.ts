import { type Batch, eachRecord, joinBatches, nextOf } from './core/batch.ts';
import { encodeChunk } from './core/chunk.ts';
import { isMediaLeaf, type MediaLeaf } from './core/flatten.ts';
import type { LineValue } from './core/json-line.ts';
import type { Stream } from './core/protocol.ts';
import { type AppendWrite, type Counts, type FileState, isAtLeast, type Store, type WriterState } from './core/store.ts';
import type { EncodedMedia, MediaFile } from './media/encoded.ts';
import type { Clock } from './platform/clock.ts';
import { ChunkJoiner } from './sync/chunk-joiner.ts';
import type { BatchMessage, RowMessage, RowPlace } from './transport/messages.ts';

/** What encodes media. Loaded when the first comes: most runs log numbers alone. */
export type MediaModule = typeof import('./media/encode.ts');

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
	readonly #onDropped: (message: string) => void;
	readonly #loadMedia: () => Promise<MediaModule>;
	readonly #joiner: ChunkJoiner;
	readonly #queue: BatchMessage[] = [];
	/** n of the next record of each stream that is neither stored nor queued. */
	readonly #nextN: Counts;
	#draining: Promise<void> | undefined;
	#storedWaiters: { upTo: Counts; resolve: () => void }[] = [];

	/** What the store said last, while a write waits to be tried again. */
	storeError: string | undefined;
	/** Media that could not be encoded. */
	droppedValues = 0;

	/**
	 * @param state Kept up to date here as to what is stored.
	 * @param onDropped Called with words for the user for each value that is lost.
	 */
	constructor(
		store: Store,
		{ clock, loadMedia }: { clock: Clock; loadMedia(): Promise<MediaModule> },
		state: WriterState,
		onChange: () => void,
		onDropped: (message: string) => void,
	) {
		this.#store = store;
		this.#clock = clock;
		this.#loadMedia = loadMedia;
		this.#state = state;
		this.#onChange = onChange;
		this.#onDropped = onDropped;
		this.#nextN = { ...state.stored };
		this.#joiner = new ChunkJoiner(store, state);
	}

	get stored(): Counts {
		return this.#state.stored;
	}

	/** Takes a batch, or the news of one that the caller stored itself. One that is known already (the caller sends all unconfirmed ones again to a new writer) is ignored. */
	receive(message: RowMessage): void {
		const { stream } = message;
		const known = this.#nextN[stream] ?? 0;
		if ('stored' in message) {
			this.#nextN[stream] = Math.max(known, message.stored);
			this.#noteStored(stream, message.stored);
			return;
		}
		const { n0, count } = message.batch;
		if (n0 + count <= known) {
			this.#onChange();
			return;
		}
		if (n0 !== known) throw new Error(`Records ${known} to ${n0 - 1} of ${stream} never came.`);
		this.#nextN[stream] = n0 + count;
		this.#queue.push(message);
		this.#draining ??= this.#drain();
	}

	/** See `WriterHost.encode`. */
	async encode(key: string, place: RowPlace, leaf: MediaLeaf): Promise<LineValue> {
		const { value, files } = await this.#encode(key, place, leaf);
		await this.#append('history', [], files);
		this.#onChange();
		return value;
	}

	/** Resolves once records below `upTo` are committed (relaxed). */
	whenStored(upTo: Counts): Promise<void> {
		if (isAtLeast(this.#state.stored, upTo)) return Promise.resolve();
		return new Promise((resolve) => this.#storedWaiters.push({ upTo, resolve }));
	}

	async #drain(): Promise<void> {
		for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
			const { stream } = first;
			const end = this.#queue.findIndex((message) => message.stream !== stream);
			const messages = this.#queue.splice(0, Math.min(MAX_JOINED, end === -1 ? this.#queue.length : end));
			await this.#commit(
				stream,
				messages.map(({ batch }) => batch),
			);
			if (this.#queue.length === 0) await this.#joiner.join();
		}
		this.#draining = undefined;
	}

	async #commit(stream: Stream, batches: BatchMessage['batch'][]): Promise<void> {
		const files = new Map<string, MediaFile>();
		const batch = joinBatches(await Promise.all(batches.map((one) => this.#encodeMedia(one, files))));
		const chunk = { n0: batch.n0, count: batch.count, bytes: encodeChunk(batch) };
		await this.#append(stream, [chunk], [...files.values()], stream === 'history' ? nextOf(batch) : undefined);
		this.#joiner.added(stream, chunk);
		this.#noteStored(stream, batch.n0 + batch.count);
	}

	/** Resolves once the store has taken it, however often it refuses. */
	async #append(stream: Stream, chunks: AppendWrite['chunks'], files: readonly MediaFile[], next?: AppendWrite['next']): Promise<void> {
		const { run, writer } = this.#state;
		const write: AppendWrite = {
			run,
			writer,
			stream,
			chunks,
			files: files.map(({ path, sha256, bytes }) => ({
				state: { run, path, sha256, size: bytes.length, isUploaded: false } satisfies FileState,
				bytes,
			})),
		};
		if (next) write.next = next;
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
	}

	#noteStored(stream: Stream, stored: number): void {
		this.#state.stored = { ...this.#state.stored, [stream]: stored };
		const waiting = this.#storedWaiters;
		this.#storedWaiters = waiting.filter(({ upTo }) => !isAtLeast(this.#state.stored, upTo));
		for (const waiter of waiting) if (!this.#storedWaiters.includes(waiter)) waiter.resolve();
		this.#onChange();
	}

	async #encodeMedia(batch: BatchMessage['batch'], files: Map<string, MediaFile>): Promise<Batch> {
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
			extras.push([index, place, await this.#encodeOrNote(key, record, value, files)]);
		}
		return { ...batch, extras };
	}

	/** What cannot be encoded leaves a note in its place: the record keeps its number and its other values. */
	async #encodeOrNote(key: string, place: RowPlace, leaf: MediaLeaf, files: Map<string, MediaFile>): Promise<LineValue> {
		try {
			const encoded = await this.#encode(key, place, leaf);
			for (const file of encoded.files) files.set(file.path, file);
			return encoded.value;
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			this.droppedValues++;
			this.#onDropped(`log(): "${key}" at step ${this.#step(place)} was left out: ${reason}. The rest was logged.`);
			return { _type: 'dropped', media: leaf.media, reason };
		}
	}

	async #encode(key: string, place: RowPlace, leaf: MediaLeaf): Promise<EncodedMedia> {
		const { encodeMedia } = await this.#loadMedia();
		const encoded = await encodeMedia(key, this.#step(place), leaf);
		if (encoded.notice) this.#onDropped(`log(): "${key}" at step ${this.#step(place)}: ${encoded.notice}.`);
		return encoded;
	}

	/** A step that only the server will know is shown in no file name. */
	#step({ relative, least }: RowPlace): number {
		return Math.max((this.#state.base ?? 0) + relative, least);
	}
}
