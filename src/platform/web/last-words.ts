import type { Batch } from '../../core/batch.ts';
import { encodeChunk } from '../../core/chunk.ts';
import type { RunSpec } from '../../transport/messages.ts';
import { DATABASE } from './database-name.ts';

/**
 * What a page that goes away still has in hand. Its worker dies with it, often before it has written what the page just sent; so the page
 * puts the batches into the database itself, with the same bytes as the worker would. Requests made inside `pagehide` on an open
 * database reach the browser's own process in order, commit included, and need this page no more; but a transaction that must wait for
 * another one is lost with its page, so they go into an object store that nobody else writes to while pages live.
 */
export class LastWords {
	#database: IDBDatabase | undefined;

	/** Opens the database that the writer has made; called once a run is open there, so that this never creates it. */
	prepare(): void {
		if (this.#database || typeof document === 'undefined') return;
		const request = indexedDB.open(DATABASE);
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

	/** Writes the batches, in order. Pictures still to be encoded end it: what follows them must not be stored before them. */
	speak(spec: RunSpec, batches: readonly Batch<unknown>[]): void {
		if (!this.#database || spec.store === 'memory' || batches.length === 0) return;
		try {
			const transaction = this.#database.transaction('lastWords', 'readwrite');
			transaction.onerror = (event) => event.preventDefault();
			const lastWords = transaction.objectStore('lastWords');
			for (const batch of batches) {
				if (batch.extras.some(([, , value]) => typeof value === 'object' && value !== null && 'media' in value)) break;
				lastWords.put(encodeChunk(batch as Batch), [spec.run, spec.writer, 'history', batch.n0]);
			}
			transaction.commit();
		} catch {
			// The handle died under us (Safari); the worker has had the same batches by message.
		}
	}
}
