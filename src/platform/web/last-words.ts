import type { Batch } from '../../core/batch.ts';
import { encodeChunk } from '../../core/chunk.ts';
import { type ExtraLeaf, isMediaLeaf } from '../../core/flatten.ts';
import type { Stream } from '../../core/protocol.ts';
import { DATABASE, type LastWord } from './database-name.ts';

/**
 * What a page that goes away still has in hand. Its worker dies with it, often before it has written what the page just sent; so the page
 * puts the batches into the database itself, with the same bytes as the worker would. Requests made inside `pagehide` on an open
 * database reach the browser's own process in order, commit included, and need this page no more; but a transaction that must wait for
 * another one is lost with its page, so they go into an object store that nobody else writes to while pages live.
 */
export class LastWords {
	readonly #name: string;
	#database: IDBDatabase | undefined;

	constructor(name = DATABASE) {
		this.#name = name;
	}

	/** Opens the database that the writer has made; called once a run is open there, so that this never creates it. */
	prepare(): void {
		if (this.#database || typeof document === 'undefined') return;
		const request = indexedDB.open(this.#name);
		// Made by somebody else in the meantime or not at all: leave no empty database behind.
		request.onupgradeneeded = () => request.transaction?.abort();
		// The worker has the same trouble then, and tells it.
		request.onerror = (event) => event.preventDefault();
		request.onsuccess = () => {
			const database = request.result;
			this.#database = database;
			database.onversionchange = database.onclose = () => {
				database.close();
				this.#database = undefined;
			};
		};
	}

	/**
	 * Writes batches of a run's streams, each stream's in order. The writer need not be in the store yet: a page may be left before it was opened.
	 * A value that is still to be encoded (a picture) ends its stream: what follows it must not be stored before it.
	 */
	speak(run: string, writer: string, startedMs: number, batches: readonly { stream: Stream; batch: Batch<unknown> }[]): void {
		if (!this.#database || batches.length === 0) return;
		try {
			const transaction = this.#database.transaction('lastWords', 'readwrite');
			transaction.onerror = (event) => event.preventDefault();
			const lastWords = transaction.objectStore('lastWords');
			const ended = new Set<Stream>();
			for (const { stream, batch } of batches) {
				if (batch.extras.some(([, , value]) => isMediaLeaf(value as ExtraLeaf))) ended.add(stream);
				if (ended.has(stream)) continue;
				const word: LastWord = { startedMs, bytes: encodeChunk(batch as Batch) };
				lastWords.put(word, [run, writer, stream, batch.n0]);
			}
			transaction.commit();
		} catch {
			// The handle died under us (Safari); the worker has had the same batches by message.
		}
	}
}
