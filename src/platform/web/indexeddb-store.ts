import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb';
import { decodeChunk } from '../../core/chunk.ts';
import type { Stream } from '../../core/protocol.ts';
import type { AppendWrite, Durability, FileState, RunState, Store, WriterState } from '../../core/store.ts';
import { DATABASE } from './database-name.ts';

/**
 * The local directory of a browser. Object stores: `runs` by id, `writers` by [run, writer], `chunks` by [run, writer, stream, n0]
 * with packed bytes, `files` by [run, path], `blobs` by [sha256, piece],
 * `lastWords` like `chunks`: what pages that went away still had in hand (last-words.ts).
 */
/** Safari loses Blobs and is slow with large values: bytes are kept as ArrayBuffers of at most this size. */
const PIECE_BYTES = 2 ** 20;

interface Schema extends DBSchema {
	runs: { key: string; value: RunState };
	writers: { key: [string, string]; value: WriterState };
	chunks: { key: [string, string, string, number]; value: Uint8Array };
	files: { key: [string, string]; value: FileState };
	blobs: { key: [string, number]; value: ArrayBuffer };
	lastWords: { key: [string, string, string, number]; value: Uint8Array };
}
type StoreName = 'runs' | 'writers' | 'chunks' | 'files' | 'blobs' | 'lastWords';
type Transaction<Mode extends IDBTransactionMode> = IDBPTransaction<Schema, StoreName[], Mode>;

export async function openIndexedDbStore(name = DATABASE): Promise<Store> {
	const store = new IndexedDbStore(name);
	await store.open();
	return store;
}

class IndexedDbStore implements Store {
	readonly kind = 'indexeddb';
	readonly #name: string;
	#database: Promise<IDBPDatabase<Schema>> | undefined;

	constructor(name: string) {
		this.#name = name;
	}

	open(): Promise<IDBPDatabase<Schema>> {
		this.#database ??= openDB<Schema>(this.#name, 1, {
			upgrade(database) {
				database.createObjectStore('runs', { keyPath: 'id' });
				database.createObjectStore('writers', { keyPath: ['run', 'writer'] });
				database.createObjectStore('chunks');
				database.createObjectStore('files', { keyPath: ['run', 'path'] });
				database.createObjectStore('blobs');
				database.createObjectStore('lastWords');
			},
			// Another tab wants to delete the database (the user clears site data): let it.
			blocking: () => this.close(),
			terminated: () => {
				this.#database = undefined;
			},
		}).catch((error: unknown) => {
			this.#database = undefined;
			throw error;
		});
		return this.#database;
	}

	close(): void {
		const database = this.#database;
		this.#database = undefined;
		// A database that failed to open has nothing to close; whoever opened it has had the error.
		database?.then((opened) => opened.close()).catch(() => undefined);
	}

	async runs(): Promise<RunState[]> {
		return this.#read(['runs'], (tx) => tx.objectStore('runs').getAll());
	}

	async run(id: string): Promise<RunState | undefined> {
		return this.#read(['runs'], (tx) => tx.objectStore('runs').get(id));
	}

	async updateRun(id: string, change: (run: RunState | undefined) => RunState, durability: Durability = 'relaxed'): Promise<RunState> {
		return this.#write(['runs'], durability, async (tx) => {
			const runs = tx.objectStore('runs');
			const next = change(await runs.get(id));
			void runs.put(next);
			return next;
		});
	}

	async writers(run: string): Promise<WriterState[]> {
		return this.#read(['writers'], (tx) => tx.objectStore('writers').getAll(IDBKeyRange.bound([run], [run, []])));
	}

	async append(write: AppendWrite, durability: Durability): Promise<void> {
		const { state } = write;
		await this.#write(['writers', 'chunks', 'files', 'blobs'], durability, async (tx) => {
			const writers = tx.objectStore('writers');
			const known = await writers.get([state.run, state.writer]);
			void writers.put({ ...state, acknowledged: known?.acknowledged ?? 0 });
			for (const chunk of write.chunks) void tx.objectStore('chunks').put(chunk.bytes, [state.run, state.writer, write.stream, chunk.n0]);
			for (const file of write.files) {
				void tx.objectStore('files').put(file.state);
				for (let at = 0, piece = 0; at < file.bytes.length || piece === 0; at += PIECE_BYTES, piece++) {
					void tx.objectStore('blobs').put(file.bytes.slice(at, at + PIECE_BYTES).buffer, [file.state.sha256, piece]);
				}
			}
		});
	}

	async chunks(run: string, writer: string, stream: Stream, fromN: number, maxBytes: number): Promise<Uint8Array[]> {
		return this.#read(['chunks'], async (tx) => {
			const chunks = tx.objectStore('chunks');
			// The chunk that holds fromN may begin before it.
			const upTo = IDBKeyRange.bound([run, writer, stream], [run, writer, stream, fromN]);
			const first = await chunks.openKeyCursor(upTo, 'prev');
			const found: Uint8Array[] = [];
			let bytes = 0;
			let cursor = await chunks.openCursor(IDBKeyRange.bound(first?.key ?? [run, writer, stream], [run, writer, stream, []]));
			while (cursor && (found.length === 0 || bytes < maxBytes)) {
				found.push(cursor.value);
				bytes += cursor.value.byteLength;
				cursor = await cursor.continue();
			}
			return found;
		});
	}

	async recoverWriters(run: string): Promise<void> {
		await this.#write(['writers', 'chunks', 'lastWords'], 'relaxed', async (tx) => {
			const lastWords = tx.objectStore('lastWords');
			for (const state of await tx.objectStore('writers').getAll(IDBKeyRange.bound([run], [run, []]))) {
				let { stored } = state;
				const range = IDBKeyRange.bound([run, state.writer], [run, state.writer, []]);
				for (let cursor = await lastWords.openCursor(range); cursor; cursor = await cursor.continue()) {
					const { n0, count } = decodeChunk(cursor.value);
					// Batches that the writer stored itself before it died are there already; one after a gap would be out of order.
					if (n0 === stored) {
						void tx.objectStore('chunks').put(cursor.value, cursor.key);
						stored += count;
					}
					void cursor.delete();
				}
				if (stored > state.stored) void tx.objectStore('writers').put({ ...state, stored });
			}
		});
	}

	async acknowledge(run: string, writer: string, acknowledged: number): Promise<void> {
		await this.#write(['writers'], 'relaxed', async (tx) => {
			const writers = tx.objectStore('writers');
			const known = await writers.get([run, writer]);
			if (known) void writers.put({ ...known, acknowledged });
		});
	}

	async pendingFiles(run: string, limit: number): Promise<FileState[]> {
		const files = await this.#read(['files'], (tx) => tx.objectStore('files').getAll(IDBKeyRange.bound([run], [run, []])));
		return files
			.filter((file) => !file.isUploaded)
			.sort((a, b) => a.size - b.size)
			.slice(0, limit);
	}

	async fileUploaded(run: string, path: string): Promise<void> {
		await this.#write(['files'], 'relaxed', async (tx) => {
			const files = tx.objectStore('files');
			const file = await files.get([run, path]);
			if (file) void files.put({ ...file, isUploaded: true });
		});
	}

	async blob(sha256: string): Promise<Uint8Array | undefined> {
		const pieces = await this.#read(['blobs'], (tx) => tx.objectStore('blobs').getAll(IDBKeyRange.bound([sha256], [sha256, []])));
		if (pieces.length === 0) return undefined;
		const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
		let at = 0;
		for (const piece of pieces) {
			bytes.set(new Uint8Array(piece), at);
			at += piece.byteLength;
		}
		return bytes;
	}

	#read<T>(stores: StoreName[], use: (tx: Transaction<'readonly'>) => Promise<T>): Promise<T> {
		return this.#retryOnce(async () => use((await this.open()).transaction(stores, 'readonly')));
	}

	#write<T>(stores: StoreName[], durability: Durability, use: (tx: Transaction<'readwrite'>) => Promise<T>): Promise<T> {
		return this.#retryOnce(async () => {
			const tx = (await this.open()).transaction(stores, 'readwrite', { durability });
			// A put that fails rejects its own promise as well as the transaction's; `done` carries the error.
			const done = tx.done;
			done.catch(() => undefined);
			const value = await use(tx);
			// Without commit() the transaction waits for a turn of the event loop to see that nothing follows.
			tx.commit();
			await done;
			return value;
		});
	}

	/** Safari drops handles of idle pages, and a database deleted under us closes ours: open again and try once more. */
	async #retryOnce<T>(use: () => Promise<T>): Promise<T> {
		try {
			return await use();
		} catch (error) {
			if (!(error instanceof DOMException) || (error.name !== 'InvalidStateError' && error.name !== 'UnknownError')) throw error;
			this.close();
			return use();
		}
	}
}
