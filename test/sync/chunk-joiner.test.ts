import { expect, test } from 'vitest';
import { eachRecord } from '../../src/core/batch.ts';
import { decodeChunk, encodeChunk } from '../../src/core/chunk.ts';
import type { LineValue } from '../../src/core/json-line.ts';
import { BatchPacker } from '../../src/core/packer.ts';
import { MemoryStore } from '../../src/platform/memory-store.ts';
import { newRun, newWriter } from '../../src/run-state.ts';
import { ChunkJoiner } from '../../src/sync/chunk-joiner.ts';

const RUN = 'r';
const WRITER = 'w000000000000000';

async function setUp() {
	const store = new MemoryStore();
	const spec = { run: RUN, sentAs: RUN, project: 'p', entity: '', resume: 'never', isIdGiven: false } as never;
	await store.updateRun(RUN, () => newRun(spec, RUN, { nowMs: () => 0, random: () => 0 } as never));
	await store.updateWriter(RUN, WRITER, () => ({ ...newWriter(RUN, WRITER, 0), base: 0 }));
	const joiner = new ChunkJoiner(store, { run: RUN, writer: WRITER });
	let n = 0;
	return {
		store,
		/** One chunk of so many records, as a slow loop or a fast one makes them. */
		async add(count: number) {
			const packer = new BatchPacker<LineValue>(n);
			for (let i = 0; i < count; i++) packer.add([{ key: 'n', value: n + i }], n + i, 0, 0, 0);
			const chunk = { n0: n, count, bytes: encodeChunk(packer.take()) };
			await store.append({ run: RUN, writer: WRITER, stream: 'history', chunks: [chunk], files: [] });
			joiner.added('history', chunk);
			await joiner.join();
			n += count;
		},
		async sizes() {
			const chunks = (await store.chunks(RUN, WRITER, 'history', 0, 1e9)).map(decodeChunk);
			expect(chunks.flatMap((chunk) => [...eachRecord(chunk)].map(({ values }) => values[0]))).toEqual(Array.from({ length: n }, (_, i) => i));
			return chunks.map(({ count }) => count);
		},
	};
}

test('a slow loop’s records end in few chunks, each written again twice at most, and every record stays as it was', async () => {
	const { add, sizes } = await setUp();
	for (let i = 0; i < 5_000; i++) await add(1);
	const found = await sizes();
	expect(found[0]).toBe(4_096);
	expect(found.length).toBeLessThan(80);
});

test('chunks of a fast loop are left alone, and end a row of small ones', async () => {
	const { add, sizes } = await setUp();
	for (let i = 0; i < 10; i++) await add(1);
	await add(4_096);
	for (let i = 0; i < 64; i++) await add(1);
	expect(await sizes()).toEqual([...Array<number>(10).fill(1), 4_096, 64]);
});
