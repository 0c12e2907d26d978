import { deleteDB, openDB } from 'idb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Store, WriterState } from '../../src/core/store.ts';
import { openIndexedDbStore } from '../../src/platform/web/indexeddb-store.ts';
import { chunk, file, newName, range, run, valuesOf, writer } from '../platform/store-contract.ts';

/** What browsers do to a database, by patches of the real one. After each failure the store must be as before it, and go on. */
let name: string;
let store: Store;
let undo: (() => void)[];

beforeEach(async () => {
	undo = [];
	name = newName();
	store = await openIndexedDbStore(name);
	await store.updateRun('r1', () => run());
	await store.updateWriter('r1', 'w1', () => writer('w1'));
	await store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(0, 10)], files: [] }, 'relaxed');
});

afterEach(() => {
	vi.useRealTimers();
	for (const back of undo.reverse()) back();
	store.close();
});

/** Replaces a method for the next `times` calls that `applies` to. */
function patch<T extends object, K extends keyof T>(
	on: T,
	method: K,
	times: number,
	instead: (self: T, args: unknown[], original: () => unknown) => unknown,
): void {
	const original = on[method] as (...args: unknown[]) => unknown;
	let left = times;
	on[method] = function (this: T, ...args: unknown[]) {
		const call = () => original.apply(this, args);
		return left-- > 0 ? instead(this, args, call) : call();
	} as T[K];
	undo.push(() => {
		on[method] = original as T[K];
	});
}

const quota = () => new DOMException('full', 'QuotaExceededError');
const write = () => store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(10, 5)], files: [file('r1', 3)] }, 'relaxed');

async function expectUnchanged(): Promise<void> {
	const [state] = await store.writers('r1');
	expect(state).toMatchObject({ stored: { history: 10 }, bytes: chunk(0, 10).bytes.length });
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 10));
	expect(await store.pendingFiles('r1', 9)).toEqual([]);
	expect(await store.blob('sha-3')).toBeUndefined();
	expect(await store.run('r1')).toEqual(run());
	expect((await store.usage())[0]?.all).toBe(chunk(0, 10).bytes.length);
}

async function expectGoesOn(): Promise<void> {
	await write();
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 15));
	expect(await store.pendingFiles('r1', 9)).toHaveLength(1);
	expect((await store.blob('sha-3'))?.length).toBe(3);
}

test('a handle that died between open and transaction is opened again, once', async () => {
	const die = () => {
		throw new DOMException('The database connection is closing.', 'InvalidStateError');
	};
	patch(IDBDatabase.prototype, 'transaction', 1, die);
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 10));
	patch(IDBDatabase.prototype, 'transaction', 2, die);
	await expect(write()).rejects.toMatchObject({ name: 'InvalidStateError' });
	await expectUnchanged();
	await expectGoesOn();
});

test('a connection that was closed behind our back is replaced', async () => {
	patch(IDBDatabase.prototype, 'transaction', 1, (self, _args, original) => {
		self.close();
		return original();
	});
	await expectUnchanged();
	await expectGoesOn();
});

test.each([
	['chunks', 1],
	['writers', 1],
	['files', 1],
	['blobs', 1],
	['sizes', 1],
])('a transaction that aborts while it writes %s leaves nothing, and is tried again once', async (table, times) => {
	const abortAt = (self: IDBObjectStore, original: () => unknown) => {
		const request = original();
		if (self.name === table) self.transaction.abort();
		return request;
	};
	patch(IDBObjectStore.prototype, 'put', Number.POSITIVE_INFINITY, (self, _args, original) => abortAt(self, original));
	await expect(write()).rejects.toBeInstanceOf(DOMException);
	for (const back of undo.splice(0)) back();
	await expectUnchanged();
	let left = times;
	patch(IDBObjectStore.prototype, 'put', Number.POSITIVE_INFINITY, (self, _args, original) =>
		self.name === table && left-- > 0 ? abortAt(self, original) : original(),
	);
	await expectGoesOn();
});

test('a full disk as a request that fails rejects with the quota error', async () => {
	patch(IDBObjectStore.prototype, 'put', Number.POSITIVE_INFINITY, (self, _args, original) => {
		const request = original() as IDBRequest;
		if (self.name !== 'blobs') return request;
		// The browser fails the request, then its transaction, for the same reason.
		const error = quota();
		Object.defineProperty(request, 'error', { value: error });
		Object.defineProperty(self.transaction, 'error', { value: error });
		self.transaction.abort();
		return request;
	});
	await expect(write()).rejects.toMatchObject({ name: 'QuotaExceededError' });
	for (const back of undo.splice(0)) back();
	await expectUnchanged();
	await expectGoesOn();
});

test('a full disk as an abort at the end, when all requests have succeeded, rejects with the quota error', async () => {
	patch(IDBTransaction.prototype, 'commit', 1, (self) => {
		Object.defineProperty(self, 'error', { value: quota() });
		self.abort();
	});
	await expect(write()).rejects.toMatchObject({ name: 'QuotaExceededError' });
	await expectUnchanged();
	await expectGoesOn();
});

test('a value that cannot be stored takes what was put before it along', async () => {
	patch(IDBObjectStore.prototype, 'put', Number.POSITIVE_INFINITY, (self, _args, original) => {
		if (self.name === 'blobs') throw new DOMException('no', 'DataCloneError');
		return original();
	});
	await expect(write()).rejects.toMatchObject({ name: 'DataCloneError' });
	for (const back of undo.splice(0)) back();
	await expectUnchanged();
	await expectGoesOn();
});

test('a page whose site data are blocked is told so', async () => {
	const own = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB') as PropertyDescriptor;
	undo.push(() => Object.defineProperty(globalThis, 'indexedDB', own));
	const get = () => {
		throw new DOMException('denied', 'SecurityError');
	};
	Object.defineProperty(globalThis, 'indexedDB', { configurable: true, get });
	await expect(openIndexedDbStore(newName())).rejects.toMatchObject({ name: 'SecurityError' });
	Object.defineProperty(globalThis, 'indexedDB', { configurable: true, value: undefined });
	await expect(openIndexedDbStore(newName())).rejects.toThrow();
});

/** An answer to `open` in the place of the browser's. */
function answer(times: number, then: (request: Record<string, unknown> & { onsuccess?: () => void; onerror?: () => void }) => void): void {
	patch(IDBFactory.prototype, 'open', times, () => {
		const request = {};
		then(request);
		return request;
	});
}

test('a damaged database rejects with what the browser says, and is tried once more first', async () => {
	const damaged = (request: Record<string, unknown> & { onerror?: () => void }) => {
		request.error = new DOMException('Internal error opening backing store', 'UnknownError');
		setTimeout(() => request.onerror?.());
	};
	answer(1, damaged);
	(await openIndexedDbStore(name)).close();
	answer(2, damaged);
	await expect(openIndexedDbStore(name)).rejects.toMatchObject({ name: 'UnknownError' });
	await expectUnchanged();
	await expectGoesOn();
});

test('an open that hangs is given up after 5 s, and closed when it comes after all', async () => {
	const close = vi.fn();
	answer(1, (request) => {
		request.result = { close };
		setTimeout(() => request.onsuccess?.(), 5_300);
	});
	const from = performance.now();
	await expect(openIndexedDbStore(name)).rejects.toThrow(/did not open .* within 5 s/);
	expect(performance.now() - from).toBeLessThan(5_250);
	expect(close).not.toHaveBeenCalled();
	await expect.poll(() => close.mock.calls.length, { timeout: 2_000 }).toBe(1);
	await expectUnchanged();
	await expectGoesOn();
}, 15_000);

test('another tab that holds a database which is to be deleted delays us by 5 s at most, and we do not hold it then', async () => {
	const blocked = newName();
	const held = await openDB(blocked);
	const deletion = deleteDB(blocked);
	await expect(openIndexedDbStore(blocked)).rejects.toThrow(/another tab/);
	held.close();
	await deletion;
	// Would wait for ever if the late handle were open.
	await deleteDB(blocked);
	const again = await openIndexedDbStore(blocked);
	expect(await again.runs()).toEqual([]);
	again.close();
}, 15_000);

test('a database of a later version is refused, not waited for', async () => {
	const later = newName();
	(await openDB(later, 7)).close();
	await expect(openIndexedDbStore(later)).rejects.toMatchObject({ name: 'VersionError' });
});

test('a database that was dropped as a whole is made again, and says that its writers are gone', async () => {
	await deleteDB(name);
	expect(await store.runs()).toEqual([]);
	await expect(write()).rejects.toThrow(/w1 .* not in the store/);
	const state: WriterState = { ...writer('w1'), stored: { history: 10 } };
	await store.updateWriter('r1', 'w1', (known) => known ?? state);
	await write();
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(10, 15));
});
