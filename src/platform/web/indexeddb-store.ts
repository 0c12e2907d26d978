import { nextOf } from '../../core/batch.ts';
import { decodeChunk } from '../../core/chunk.ts';
import type { Stream } from '../../core/protocol.ts';
import type { AppendWrite, ChunkBytes, Durability, FileState, RunState, RunUsage, Store, WriterState } from '../../core/store.ts';
import {
	appended,
	byStart,
	changedWriter,
	type FileSizes,
	isPrunable,
	newWriter,
	prunable,
	unsentRun,
	unsentWriter,
	usageOf,
} from '../store-rules.ts';
import { DATABASE, type LastWord } from './database-name.ts';

/**
 * The local directory of a browser. Object stores: `runs` by id, `writers` by [run, writer], `chunks` by [run, writer, stream, n0] with packed
 * bytes, `files` by [run, path], `blobs` by [sha256, piece], `sizes` by run: bytes of its files, counted so that nobody has to read them all,
 * `lastWords` like `chunks`: what pages that went away still had in hand (last-words.ts).
 *
 * Used as the browser has it, without a library: its transactions outlive promises everywhere by now, and the writer has few bytes to spend.
 */
type Table = 'runs' | 'writers' | 'chunks' | 'files' | 'blobs' | 'sizes' | 'lastWords';
type Tables = (name: Table) => IDBObjectStore;

/** The index `pending` has only files that wait: those without a number in `pending` are not in it. */
type StoredFile = FileState & { pending?: number | undefined };

/** Safari loses Blobs and is slow with large values: bytes are kept as ArrayBuffers of at most this size. */
const PIECE_BYTES = 2 ** 20;
const OPEN_LIMIT_MS = 5_000;

/** @throws the browser's error, or one that says that it did not answer, within 5 s. */
export async function openIndexedDbStore(name = DATABASE): Promise<Store> {
	const store = new IndexedDbStore(name);
	await store.open();
	return store;
}

class IndexedDbStore implements Store {
	readonly kind = 'indexeddb';
	readonly #name: string;
	#database: Promise<IDBDatabase> | undefined;

	constructor(name: string) {
		this.#name = name;
	}

	open(): Promise<unknown> {
		return this.#retryOnce(() => this.#opened());
	}

	close(): void {
		const database = this.#database;
		this.#database = undefined;
		// A database that failed to open has nothing to close; whoever opened it has had the error.
		database?.then((opened) => opened.close()).catch(() => undefined);
	}

	runs(): Promise<RunState[]> {
		return this.#transact(['runs'], undefined, (table) => ask(table('runs').getAll()));
	}

	run(id: string): Promise<RunState | undefined> {
		return this.#transact(['runs'], undefined, (table) => ask(table('runs').get(id)));
	}

	updateRun(id: string, change: (run: RunState | undefined) => RunState, durability: Durability = 'relaxed'): Promise<RunState> {
		return this.#transact(['runs'], durability, async (table) => {
			const next = change(await ask(table('runs').get(id)));
			table('runs').put(next);
			return next;
		});
	}

	async writers(run: string): Promise<WriterState[]> {
		const writers = await this.#transact(['writers'], undefined, (table) => ask<WriterState[]>(table('writers').getAll(within([run]))));
		return writers.sort(byStart);
	}

	updateWriter(run: string, writer: string, change: (state: WriterState | undefined) => WriterState): Promise<WriterState> {
		return this.#transact(['writers'], 'relaxed', async (table) => {
			const known = await ask<WriterState | undefined>(table('writers').get([run, writer]));
			const next = changedWriter(known, change(known && structuredClone(known)));
			table('writers').put(next);
			return next;
		});
	}

	async append(write: AppendWrite, durability: Durability): Promise<void> {
		const { run, writer, stream, files } = write;
		const tables: Table[] = ['writers', 'chunks'];
		await this.#transact(files.length > 0 ? [...tables, 'files', 'blobs', 'sizes'] : tables, durability, async (table) => {
			const [state, chunks] = appended(await ask(table('writers').get([run, writer])), write);
			table('writers').put(state);
			for (const { n0, bytes } of chunks) table('chunks').put(bytes, [run, writer, stream, n0]);
			for (const { state: file, bytes } of files) {
				const known = await ask<StoredFile | undefined>(table('files').get([file.run, file.path]));
				if (known?.sha256 === file.sha256) continue;
				if (known) await dropFiles(table, [known]);
				table('files').put({ ...file, pending: file.size } satisfies StoredFile);
				await resize(table, file.run, 'pending', file.size);
				for (let at = 0, piece = 0; at < bytes.length || piece === 0; at += PIECE_BYTES, piece++) {
					table('blobs').put(bytes.slice(at, at + PIECE_BYTES).buffer, [file.sha256, piece]);
				}
			}
		});
	}

	chunks(run: string, writer: string, stream: Stream, fromN: number, maxBytes: number): Promise<Uint8Array[]> {
		return this.#transact(['chunks'], undefined, async (table) => {
			const key = [run, writer, stream];
			// The chunk that holds fromN may begin before it.
			const before = await ask(table('chunks').openKeyCursor(within(key, fromN), 'prev'));
			const found: Uint8Array[] = [];
			let bytes = 0;
			const request = table('chunks').openCursor(IDBKeyRange.bound(before?.key ?? key, [...key, []]));
			for (let cursor = await ask(request); cursor && (found.length === 0 || bytes < maxBytes); cursor = await following(request)) {
				found.push(cursor.value);
				bytes += cursor.value.length;
			}
			return found;
		});
	}

	async join(run: string, writer: string, stream: Stream, chunk: ChunkBytes, toN: number): Promise<void> {
		const key = [run, writer, stream];
		const range = IDBKeyRange.bound([...key, chunk.n0], [...key, toN], false, true);
		await this.#transact(['writers', 'chunks'], 'relaxed', async (table) => {
			const chunks = table('chunks');
			const state = await ask<WriterState | undefined>(table('writers').get([run, writer]));
			const first = await ask(chunks.getKey(range));
			const after = await ask(chunks.getKey(IDBKeyRange.bound([...key, toN], [...key, []])));
			const end = after ? numberOf(after) : state?.stored[stream];
			if (!state || !first || numberOf(first) !== chunk.n0 || end !== chunk.n0 + chunk.count) return;
			const old = await ask<Uint8Array[]>(chunks.getAll(range));
			chunks.delete(range);
			chunks.put(chunk.bytes, [...key, chunk.n0]);
			table('writers').put({ ...state, bytes: old.reduce((bytes, { length }) => bytes - length, state.bytes + chunk.bytes.length) });
		});
	}

	async recoverWriters(run: string): Promise<void> {
		// Read, kept and deleted one after the other: a page that goes away while somebody writes to `lastWords` loses its words, and chunks may take long.
		const [keys, words] = await this.#transact(['lastWords'], undefined, (table) =>
			Promise.all([ask(table('lastWords').getAllKeys(within([run]))), ask<LastWord[]>(table('lastWords').getAll(within([run])))]),
		);
		if (keys.length === 0) return;
		await this.#transact(['writers', 'chunks'], 'relaxed', async (table) => {
			for (const [i, key] of keys.entries()) {
				const [, writer, stream, n0] = key as [string, string, Stream, number];
				const { startedMs, bytes } = words[i] as LastWord;
				const known = await ask<WriterState | undefined>(table('writers').get([run, writer]));
				const batch = decodeChunk(bytes);
				// What the writer stored itself before it died is there already; what follows a gap would be out of order.
				if (n0 > (known?.stored[stream] ?? 0)) continue;
				const write: AppendWrite = { run, writer, stream, chunks: [{ n0, count: batch.count, bytes }], files: [] };
				if (stream === 'history') write.next = nextOf(batch);
				const [state, chunks] = appended(known ?? newWriter(run, writer, startedMs), write);
				for (const chunk of chunks) table('chunks').put(chunk.bytes, [run, writer, stream, chunk.n0]);
				table('writers').put(state);
			}
		});
		await this.#transact(['lastWords'], 'relaxed', async (table) => {
			for (const key of keys) table('lastWords').delete(key);
		});
	}

	async pendingFiles(run: string, limit: number): Promise<FileState[]> {
		const files = await this.#transact(['files'], undefined, (table) =>
			ask<StoredFile[]>(
				table('files')
					.index('pending')
					.getAll(within([run]), limit),
			),
		);
		return files.map(({ pending, ...file }) => file);
	}

	async fileUploaded(run: string, path: string): Promise<void> {
		await this.#transact(['files', 'sizes'], 'relaxed', async (table) => {
			const file = await ask<StoredFile | undefined>(table('files').get([run, path]));
			if (!file || file.isUploaded) return;
			table('files').put({ ...file, isUploaded: true, pending: undefined } satisfies StoredFile);
			await resize(table, run, 'pending', -file.size);
			await resize(table, run, 'uploaded', file.size);
		});
	}

	async blob(sha256: string): Promise<Uint8Array | undefined> {
		const pieces = await this.#transact(['blobs'], undefined, (table) => ask<ArrayBuffer[]>(table('blobs').getAll(within([sha256]))));
		if (pieces.length === 0) return undefined;
		const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
		let at = 0;
		for (const piece of pieces) {
			bytes.set(new Uint8Array(piece), at);
			at += piece.byteLength;
		}
		return bytes;
	}

	usage(): Promise<RunUsage[]> {
		return this.#transact(['runs', 'writers', 'sizes'], undefined, async (table) => {
			const writers = await ask<WriterState[]>(table('writers').getAll());
			const usages: RunUsage[] = [];
			for (const run of await ask<RunState[]>(table('runs').getAll())) {
				usages.push(
					usageOf(
						run,
						writers.filter((state) => state.run === run.id),
						await sizesOf(table, run.id),
					),
				);
			}
			return usages;
		});
	}

	async prune(run: string, what: 'files' | 'rows'): Promise<void> {
		if (what === 'files') {
			await this.#transact(['files', 'blobs', 'sizes'], 'relaxed', async (table) => {
				const files = await ask<StoredFile[]>(table('files').getAll(within([run])));
				await dropFiles(
					table,
					files.filter(({ isUploaded }) => isUploaded),
				);
			});
		} else {
			await this.#transact(['runs', 'writers', 'chunks'], 'relaxed', async (table) => {
				const state = await ask<RunState | undefined>(table('runs').get(run));
				for (const writer of await ask<WriterState[]>(table('writers').getAll(within([run])))) await pruneRows(table, writer, state);
			});
		}
	}

	async forgetSent(run: string): Promise<void> {
		await this.#transact(['runs', 'writers', 'files', 'sizes'], 'relaxed', async (table) => {
			const known = await ask<RunState | undefined>(table('runs').get(run));
			if (known) table('runs').put(unsentRun(known));
			for (const state of await ask<WriterState[]>(table('writers').getAll(within([run])))) table('writers').put(unsentWriter(state));
			for (const file of await ask<StoredFile[]>(table('files').getAll(within([run]))))
				table('files').put({ ...file, isUploaded: false, pending: file.size } satisfies StoredFile);
			const { pending, uploaded } = await sizesOf(table, run);
			table('sizes').put({ pending: pending + uploaded, uploaded: 0 } satisfies FileSizes, run);
		});
	}

	#opened(): Promise<IDBDatabase> {
		if (this.#database) return this.#database;
		const opening = openDatabase(this.#name, () => {
			if (this.#database === opening) this.#database = undefined;
		});
		this.#database = opening;
		return opening;
	}

	/** Runs `use` in one transaction, which may write when a durability is given. */
	#transact<T>(tables: Table[], durability: Durability | undefined, use: (table: Tables) => Promise<T>): Promise<T> {
		return this.#retryOnce(async () => {
			const tx = (await this.#opened()).transaction(tables, durability ? 'readwrite' : 'readonly', { durability });
			const done = new Promise<void>((resolve, reject) => {
				tx.oncomplete = () => resolve();
				tx.onabort = () => reject(tx.error);
			});
			done.catch(() => undefined);
			try {
				const value = await use((name) => tx.objectStore(name));
				if (durability) {
					// Without commit() the transaction waits for a turn of the event loop to see that nothing follows.
					tx.commit();
					await done;
				}
				return value;
			} catch (error) {
				// What was put before the error must not be kept.
				abort(tx);
				// Requests of a transaction that failed say AbortError; why it failed stands here.
				throw tx.error ?? error ?? new DOMException('aborted', 'AbortError');
			}
		});
	}

	/** Safari drops handles of idle pages, and a database deleted under us closes ours: open again and try once more. A full disk stays full. */
	async #retryOnce<T>(use: () => Promise<T>): Promise<T> {
		try {
			return await use();
		} catch (error) {
			if (!(error instanceof DOMException) || error.name === 'QuotaExceededError') throw error;
			this.close();
			return use();
		}
	}
}

/** `onGone` is called when the connection can be used no more. */
function openDatabase(name: string, onGone: () => void): Promise<IDBDatabase> {
	return new Promise<IDBDatabase>((resolve, reject) => {
		// A page whose site data are blocked has a getter that throws, or nothing.
		const request = indexedDB.open(name, 1);
		let isLate = false;
		const timer = setTimeout(() => {
			isLate = true;
			reject(new Error(`IndexedDB did not open ${name} within ${OPEN_LIMIT_MS / 1000} s; another tab may be deleting it.`));
		}, OPEN_LIMIT_MS);
		request.onupgradeneeded = () => {
			const { result } = request;
			result.createObjectStore('runs', { keyPath: 'id' });
			result.createObjectStore('writers', { keyPath: ['run', 'writer'] });
			const files = result.createObjectStore('files', { keyPath: ['run', 'path'] });
			files.createIndex('pending', ['run', 'pending']);
			files.createIndex('sha256', 'sha256');
			for (const table of ['chunks', 'blobs', 'sizes', 'lastWords'] satisfies Table[]) result.createObjectStore(table);
		};
		request.onsuccess = () => {
			clearTimeout(timer);
			const { result } = request;
			// Nobody waits for it any more, and an open handle would block whoever deletes the database.
			if (isLate) return result.close();
			// Another tab wants to delete the database (the user clears site data): let it.
			result.onversionchange = () => {
				result.close();
				onGone();
			};
			result.onclose = onGone;
			resolve(result);
		};
		request.onerror = () => {
			clearTimeout(timer);
			reject(request.error);
		};
	}).catch((error: unknown) => {
		onGone();
		throw error;
	});
}

function ask<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

/** Where a cursor is after one step. */
function following(request: IDBRequest<IDBCursorWithValue | null>): Promise<IDBCursorWithValue | null> {
	request.result?.continue();
	return ask(request);
}

/** All keys that begin so, or those of them that go on with at most `last`. An array is greater than any number or string. */
function within(prefix: IDBValidKey[], last: IDBValidKey = []): IDBKeyRange {
	return IDBKeyRange.bound(prefix, [...prefix, last]);
}

function numberOf(key: IDBValidKey): number {
	return (key as [string, string, string, number])[3];
}

function abort(tx: IDBTransaction): void {
	try {
		tx.abort();
	} catch {
		// It has ended by itself.
	}
}

async function sizesOf(table: Tables, run: string): Promise<FileSizes> {
	return (await ask<FileSizes | undefined>(table('sizes').get(run))) ?? { uploaded: 0, pending: 0 };
}

async function resize(table: Tables, run: string, what: keyof FileSizes, by: number): Promise<void> {
	const sizes = await sizesOf(table, run);
	table('sizes').put({ ...sizes, [what]: sizes[what] + by }, run);
}

/** Files of one run that are all uploaded, or all not. */
async function dropFiles(table: Tables, files: readonly FileState[]): Promise<void> {
	let bytes = 0;
	// All at once: a thousand answers take as long as a few.
	const drops = files.map(async ({ run, path, sha256, size }) => {
		bytes += size;
		table('files').delete([run, path]);
		// The same bytes may have been logged under another name or in another run.
		if ((await ask(table('files').index('sha256').count(sha256))) === 0) table('blobs').delete(within([sha256]));
	});
	const [first] = files;
	if (first) await resize(table, first.run, first.isUploaded ? 'uploaded' : 'pending', -bytes);
	await Promise.all(drops);
}

async function pruneRows(table: Tables, state: WriterState, run: RunState | undefined): Promise<void> {
	const chunks = table('chunks');
	let { bytes } = state;
	if (isPrunable(state, run)) {
		chunks.delete(within([state.run, state.writer]));
		bytes = 0;
	} else {
		// Rare: a run that goes on. Sizes are known to those only who read the chunks.
		for (const stream of Object.keys(state.stored) as Stream[]) {
			const key = [state.run, state.writer, stream];
			const upTo = prunable(state, stream, run);
			const request = chunks.openCursor(within(key, upTo));
			let last: IDBValidKey | undefined;
			let lastBytes = 0;
			const drop = () => {
				if (last) chunks.delete(last);
				bytes -= lastBytes;
			};
			for (let cursor = await ask(request); cursor; cursor = await following(request)) {
				// That this one begins at or before the end says that the one before it ended there.
				drop();
				last = cursor.key;
				lastBytes = cursor.value.length;
			}
			if (upTo === state.stored[stream]) drop();
		}
	}
	table('writers').put({ ...state, bytes });
}
