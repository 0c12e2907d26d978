import { beforeEach, describe, expect, test } from 'vitest';
import { decodeChunk, encodeChunk } from '../../src/core/chunk.ts';
import type { LineValue } from '../../src/core/json-line.ts';
import { BatchPacker } from '../../src/core/packer.ts';
import type { RunState, Store, WriterState } from '../../src/core/store.ts';

/** What every store must keep; run for each implementation. `open` gives an empty store, or the same one again for the same name. */
export function storeContract(kind: string, open: (name: string) => Promise<Store>, outlivesClose: boolean): void {
	let store: Store;
	let name: string;
	let count = 0;

	beforeEach(async () => {
		name = `test-${kind}-${Date.now()}-${count++}`;
		store = await open(name);
	});

	const state = (over: Partial<WriterState> = {}): WriterState => ({
		run: 'r1',
		writer: 'w1',
		startedMs: 1,
		stored: 0,
		acknowledged: 0,
		nextStep: 0,
		...over,
	});
	const write = (chunks: { n0: number; bytes: Uint8Array }[], stored: number, over: Partial<WriterState> = {}) =>
		store.append({ state: state({ stored, ...over }), stream: 'history', chunks, files: [] }, 'relaxed');
	const numbers = async (fromN: number, maxBytes = 1e9, writer = 'w1') =>
		(await store.chunks('r1', writer, 'history', fromN, maxBytes)).map((bytes) => decodeChunk(bytes).n0);

	describe(`a store in ${kind}`, () => {
		test('gives chunks back in order of record, byte for byte', async () => {
			await write([chunk(0, 10), chunk(10, 5)], 15);
			await write([chunk(15, 100)], 115);
			const read = await store.chunks('r1', 'w1', 'history', 0, 1e9);
			expect(read.map((bytes) => Array.from(bytes))).toEqual([chunk(0, 10), chunk(10, 5), chunk(15, 100)].map(({ bytes }) => Array.from(bytes)));
		});

		test('begins with the chunk that holds the record asked for, and stops when it has enough', async () => {
			await write([chunk(0, 10), chunk(10, 10), chunk(20, 10)], 30);
			expect(await numbers(0)).toEqual([0, 10, 20]);
			expect(await numbers(9)).toEqual([0, 10, 20]);
			expect(await numbers(10)).toEqual([10, 20]);
			expect(await numbers(25)).toEqual([20]);
			expect(await numbers(0, 1)).toEqual([0]);
			expect(await numbers(0, 1e9, 'other')).toEqual([]);
		});

		test('takes the same chunk twice as once', async () => {
			await write([chunk(0, 10)], 10);
			await write([chunk(0, 10)], 10);
			expect(await numbers(0)).toEqual([0]);
		});

		test('keeps writers of a run, and runs, apart', async () => {
			await write([chunk(0, 10)], 10);
			await write([chunk(0, 3)], 3, { writer: 'w2' });
			await write([chunk(0, 7)], 7, { run: 'r2' });
			expect((await store.writers('r1')).map(({ writer, stored }) => [writer, stored])).toEqual([
				['w1', 10],
				['w2', 3],
			]);
			expect((await store.writers('r2')).map(({ stored }) => stored)).toEqual([7]);
		});

		test('lets only acknowledge() move what the server holds, backwards too', async () => {
			await write([chunk(0, 10)], 10);
			await store.acknowledge('r1', 'w1', 10);
			await write([chunk(10, 10)], 20, { acknowledged: 0 });
			expect((await store.writers('r1'))[0]?.acknowledged).toBe(10);
			await store.acknowledge('r1', 'w1', 4);
			expect((await store.writers('r1'))[0]).toMatchObject({ acknowledged: 4, stored: 20 });
			expect(await numbers(4)).toEqual([0, 10]);
		});

		test('changes a run only by what is stored', async () => {
			await store.updateRun('r1', (known) => known ?? run());
			await Promise.all([store.updateRun('r1', bump), store.updateRun('r1', bump), store.updateRun('r1', bump, 'strict')]);
			expect((await store.run('r1'))?.metaVersion).toBe(4);
			expect(await store.run('r2')).toBeUndefined();
			expect((await store.runs()).map(({ id }) => id)).toEqual(['r1']);
		});

		test('keeps bytes of files, gives the smallest first, and forgets those that are uploaded', async () => {
			const files = [3, 1, 2 ** 21 + 5].map((size) => ({
				state: { run: 'r1', path: `media/${size}.png`, sha256: `sha-${size}`, size, isUploaded: false },
				bytes: Uint8Array.from({ length: size }, (_, i) => i % 251),
			}));
			await store.append({ state: state(), stream: 'history', chunks: [], files }, 'strict');
			expect((await store.pendingFiles('r1', 2)).map(({ size }) => size)).toEqual([1, 3]);
			const blob = await store.blob(`sha-${2 ** 21 + 5}`);
			expect(blob?.length).toBe(2 ** 21 + 5);
			expect(blob?.every((byte, i) => byte === i % 251)).toBe(true);
			await store.fileUploaded('r1', 'media/1.png');
			expect((await store.pendingFiles('r1', 9)).map(({ size }) => size)).toEqual([3, 2 ** 21 + 5]);
			expect(await store.blob('nothing')).toBeUndefined();
		});

		if (outlivesClose) {
			test('is there again after it was closed', async () => {
				await write([chunk(0, 10)], 10);
				store.close();
				store = await open(name);
				expect(await numbers(0)).toEqual([0]);
			});
		}
	});
}

function chunk(n0: number, records: number): { n0: number; bytes: Uint8Array } {
	const packer = new BatchPacker<LineValue>(n0);
	for (let i = 0; i < records; i++) packer.add([{ key: 'loss', value: n0 + i }], n0 + i, 0, 0);
	return { n0, bytes: encodeChunk(packer.take()) };
}

function run(): RunState {
	return {
		id: 'r1',
		name: 'n',
		project: 'p',
		entity: '',
		server: undefined,
		createdMs: 0,
		config: {},
		explicitSummary: {},
		metaVersion: 1,
		metaSent: 0,
		isFinished: false,
		exitCode: 0,
		isFinishSent: false,
	};
}

function bump(known: RunState | undefined): RunState {
	if (!known) throw new Error('the run is not there');
	return { ...known, metaVersion: known.metaVersion + 1 };
}
