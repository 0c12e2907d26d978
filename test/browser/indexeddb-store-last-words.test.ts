import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../src/core/store.ts';
import { openIndexedDbStore } from '../../src/platform/web/indexeddb-store.ts';
import { LastWords } from '../../src/platform/web/last-words.ts';
import { batch, chunk, newName, nextAfter, range, valuesOf, writer } from '../platform/store-contract.ts';

let store: Store;
let words: LastWords;

beforeEach(async () => {
	const name = newName();
	store = await openIndexedDbStore(name);
	words = new LastWords(name);
	words.prepare();
	// As when a page is left: what was said is there, though nobody waited for it.
	await new Promise((resolve) => setTimeout(resolve, 100));
});

afterEach(() => store.close());

test('what a page said at its end follows what its writer had stored', async () => {
	await store.updateWriter('r1', 'w1', () => writer('w1'));
	await store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(0, 10), chunk(10, 10)], files: [] }, 'relaxed');
	words.speak('r1', 'w1', 1, [
		{ stream: 'history', batch: batch(10, 10) },
		{ stream: 'meta', batch: batch(0, 2) },
		{ stream: 'history', batch: batch(20, 10) },
		{ stream: 'history', batch: batch(30, 10) },
	]);
	await store.recoverWriters('r1');
	expect((await store.writers('r1'))[0]).toMatchObject({ stored: { history: 40, meta: 2 }, next: nextAfter(10, 30) });
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 40));
	expect(await valuesOf(store, 'w1', 'meta', 0)).toEqual(range(0, 2));
	await store.recoverWriters('r1');
	expect((await store.writers('r1'))[0]?.stored).toEqual({ history: 40, meta: 2 });
});

test('a batch of which a part was stored is taken from there', async () => {
	await store.updateWriter('r1', 'w1', () => writer('w1'));
	await store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(0, 14)], files: [] }, 'relaxed');
	words.speak('r1', 'w1', 1, [{ stream: 'history', batch: batch(10, 10) }]);
	await store.recoverWriters('r1');
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 20));
});

test('a page that was left before its writer was in the store loses nothing', async () => {
	words.speak('r1', 'w7', 1234, [
		{ stream: 'meta', batch: batch(0, 1) },
		{ stream: 'history', batch: batch(0, 5) },
		{ stream: 'history', batch: batch(5, 5) },
	]);
	await store.recoverWriters('r1');
	const bytes = chunk(0, 1).bytes.length + chunk(0, 5).bytes.length + chunk(5, 5).bytes.length;
	expect(await store.writers('r1')).toEqual([
		{ ...writer('w7'), base: undefined, startedMs: 1234, stored: { meta: 1, history: 10 }, next: nextAfter(0, 10), bytes },
	]);
	expect(await valuesOf(store, 'w7', 'history', 0)).toEqual(range(0, 10));
});

test('what follows a gap, or a picture that is still to be encoded, is not taken', async () => {
	await store.updateWriter('r1', 'w1', () => writer('w1'));
	const picture = { ...batch(10, 1), extras: [[0, 0, { media: 'image' }]] as [number, number, unknown][] };
	words.speak('r1', 'w1', 1, [
		{ stream: 'history', batch: batch(0, 10) },
		{ stream: 'history', batch: picture },
		{ stream: 'history', batch: batch(11, 5) },
		{ stream: 'events', batch: batch(0, 3) },
	]);
	words.speak('r1', 'w1', 1, [{ stream: 'console', batch: batch(4, 3) }]);
	await store.recoverWriters('r1');
	expect((await store.writers('r1'))[0]?.stored).toEqual({ history: 10, events: 3 });
	// Other runs' are left alone.
	words.speak('r2', 'w1', 1, [{ stream: 'history', batch: batch(0, 10) }]);
	await store.recoverWriters('r1');
	expect(await store.writers('r2')).toEqual([]);
	await store.recoverWriters('r2');
	expect((await store.writers('r2'))[0]?.stored).toEqual({ history: 10 });
});
