import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BlobStore, BlobTooLargeError } from '../../../server/src/store/blob-store.ts';

export interface OpenedBlobs {
	blobs: BlobStore;
	/** Whatever the store takes up, in files, blobs and others. */
	files(): string[];
	/** A place that `copyTo` may fill, and a store on it. */
	copy(): { dataDir: string; blobs: BlobStore };
	close(): void;
}

/** What every BlobStore must keep; run for each implementation. */
export function blobStoreContract(kind: string, open: () => OpenedBlobs): void {
	let opened: OpenedBlobs;

	beforeEach(() => {
		opened = open();
	});
	afterEach(() => opened.close());

	const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
	const put = (...parts: string[]) => opened.blobs.put(streamOf(parts), 1_000);
	const read = async (sha256: string, blobs = opened.blobs) => {
		const parts: Uint8Array[] = [];
		for await (const part of blobs.open(sha256)) parts.push(part as Uint8Array);
		return Buffer.concat(parts).toString();
	};

	describe(`blobs in ${kind}`, () => {
		test('are named by their content, however it came, and given back byte for byte', async () => {
			expect(await put('one ', 'two')).toEqual({ sha256: hashOf(Buffer.from('one two')), size: 7 });
			expect(await put('one two')).toEqual(await put('o', 'ne two'));
			expect(await read(hashOf(Buffer.from('one two')))).toBe('one two');
			expect(opened.files()).toHaveLength(1);
		});

		test('may be empty', async () => {
			const { sha256, size } = await put();
			expect([size, await read(sha256)]).toEqual([0, '']);
		});

		test('are taken up to the limit and no further; a stream that fails leaves nothing', async () => {
			await expect(opened.blobs.put(streamOf(['12345', '6']), 5)).rejects.toBeInstanceOf(BlobTooLargeError);
			await expect(opened.blobs.put(failing(), 1_000)).rejects.toThrow('the network is gone');
			expect(opened.files()).toEqual([]);
			expect((await opened.blobs.put(streamOf(['12345']), 5)).size).toBe(5);
		});

		test('come in side by side, the same content too', async () => {
			const all = await Promise.all(Array.from({ length: 20 }, (_, i) => put(`content ${i % 4}`)));
			expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(4);
			expect(opened.files()).toHaveLength(4);
			for (const [i, { sha256 }] of all.entries()) expect(await read(sha256)).toBe(`content ${i % 4}`);
		});

		test('are gone once they are deleted, which may be said twice; the same content may come again', async () => {
			const { sha256 } = await put('x');
			const other = await put('y');
			await opened.blobs.delete(sha256);
			await opened.blobs.delete(sha256);
			await expect(read(sha256)).rejects.toThrow();
			expect(await read(other.sha256)).toBe('y');
			await put('x');
			expect(await read(sha256)).toBe('x');
		});

		test('stay in a copy when they are deleted here, and the copy takes what came since', async () => {
			const [first, second] = [await put('first'), await put('second')];
			const copy = opened.copy();
			await opened.blobs.copyTo(copy.dataDir);
			await opened.blobs.delete(first.sha256);
			const third = await put('third');
			await opened.blobs.copyTo(copy.dataDir);
			expect(await Promise.all([first, second, third].map(({ sha256 }) => read(sha256, copy.blobs)))).toEqual(['first', 'second', 'third']);
		});
	});
}

async function* streamOf(parts: readonly string[]): AsyncIterable<Uint8Array> {
	for (const part of parts) yield Buffer.from(part);
}

async function* failing(): AsyncIterable<Uint8Array> {
	yield Buffer.from('half');
	throw new Error('the network is gone');
}
