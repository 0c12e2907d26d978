import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Batch, eachRecord, joinBatches, nextOf } from '../../src/core/batch.ts';
import { decodeChunk, encodeChunk } from '../../src/core/chunk.ts';
import type { LineValue } from '../../src/core/json-line.ts';
import { BatchPacker } from '../../src/core/packer.ts';
import type { Stream } from '../../src/core/protocol.ts';
import type { ChunkBytes, FileState, RunState, Store, WriterState } from '../../src/core/store.ts';

export interface StoreUnderTest {
	kind: string;
	/** An empty store, or the same one again for the same name. */
	open(name: string): Promise<Store>;
	outlivesClose: boolean;
	/** Whether `join` makes one chunk of several; a store to which each costs little may leave them. */
	joins: boolean;
	/** Rounds of the property test. */
	rounds: number;
}

let count = 0;
export function newName(): string {
	return `test-${Date.now().toString(36)}-${count++}`;
}

/** What every store must keep; run for each implementation. */
export function storeContract({ kind, open, outlivesClose, joins, rounds }: StoreUnderTest): void {
	let store: Store;
	let name: string;

	beforeEach(async () => {
		name = newName();
		store = await open(name);
		await store.updateWriter('r1', 'w1', () => writer('w1'));
	});

	afterEach(() => store.close());

	const append = (chunks: ChunkBytes[], over: { writer?: string; run?: string; stream?: Stream } = {}) =>
		store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks, files: [], ...over }, 'relaxed');
	const starts = async (fromN: number, maxBytes = 1e9, writer = 'w1', stream: Stream = 'history') =>
		(await store.chunks('r1', writer, stream, fromN, maxBytes)).map((bytes) => decodeChunk(bytes).n0);
	const stateOf = async (name = 'w1', run = 'r1') => (await store.writers(run)).find((state) => state.writer === name) as WriterState;
	const acknowledge = (counts: WriterState['acknowledged'], name = 'w1', run = 'r1') =>
		store.updateWriter(run, name, (state) => ({ ...(state as WriterState), acknowledged: counts }));

	describe(`a store in ${kind}`, () => {
		test('gives chunks back in order of record, byte for byte', async () => {
			await append([chunk(0, 10), chunk(10, 5)]);
			await append([chunk(15, 100)]);
			const read = await store.chunks('r1', 'w1', 'history', 0, 1e9);
			expect(read.map((bytes) => Array.from(bytes))).toEqual([chunk(0, 10), chunk(10, 5), chunk(15, 100)].map(({ bytes }) => Array.from(bytes)));
		});

		test('begins with the chunk that holds the record asked for, and stops when it has enough', async () => {
			await append([chunk(0, 10), chunk(10, 10), chunk(20, 10)]);
			expect(await starts(0)).toEqual([0, 10, 20]);
			expect(await starts(9)).toEqual([0, 10, 20]);
			expect(await starts(10)).toEqual([10, 20]);
			expect(await starts(25)).toEqual([20]);
			expect(await starts(0, 1)).toEqual([0]);
			expect(await starts(0, 1e9, 'other')).toEqual([]);
		});

		test('takes the same chunk twice as once, and of one that overlaps what is new', async () => {
			await append([chunk(0, 10)]);
			await append([chunk(0, 10)]);
			expect(await stateOf()).toMatchObject({ stored: { history: 10 }, bytes: chunk(0, 10).bytes.length });
			await append([chunk(5, 10), chunk(15, 2)]);
			expect(await stateOf()).toMatchObject({ stored: { history: 17 } });
			expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 17));
			expect((await stateOf()).bytes).toBe(sizeOf(await store.chunks('r1', 'w1', 'history', 0, 1e9)));
		});

		test('refuses records that do not follow, and those of a writer that it does not know, and keeps nothing of them', async () => {
			await append([chunk(0, 10)]);
			await expect(append([chunk(10, 1), chunk(12, 1)])).rejects.toThrow(/cannot follow|ends at 11/);
			await expect(append([chunk(0, 1)], { writer: 'w9' })).rejects.toThrow(/w9/);
			expect(await starts(0)).toEqual([0]);
			expect((await store.writers('r1')).map((state) => [state.writer, state.stored])).toEqual([['w1', { history: 10 }]]);
			await append([chunk(10, 1)]);
			expect(await starts(0)).toEqual([0, 10]);
		});

		test('keeps streams, writers of a run, and runs, apart', async () => {
			await store.updateWriter('r1', 'w2', () => writer('w2'));
			await store.updateWriter('r2', 'w1', () => ({ ...writer('w1'), run: 'r2' }));
			await append([chunk(0, 10)]);
			await append([chunk(0, 4)], { stream: 'meta' });
			await append([chunk(0, 3)], { writer: 'w2' });
			await append([chunk(0, 7)], { run: 'r2' });
			await append([chunk(4, 4)], { stream: 'meta' });
			expect((await store.writers('r1')).map(({ writer, stored }) => [writer, stored])).toEqual([
				['w1', { history: 10, meta: 8 }],
				['w2', { history: 3 }],
			]);
			expect((await store.writers('r2')).map(({ stored }) => stored)).toEqual([{ history: 7 }]);
			expect(await starts(0, 1e9, 'w1', 'meta')).toEqual([0, 4]);
			expect(await starts(0, 1e9, 'w1', 'events')).toEqual([]);
		});

		test('lists writers by when they started, then by name', async () => {
			await store.updateWriter('r1', 'w3', () => ({ ...writer('w3'), startedMs: 0 }));
			await store.updateWriter('r1', 'w0', () => ({ ...writer('w0'), startedMs: 1 }));
			expect((await store.writers('r1')).map((state) => state.writer)).toEqual(['w3', 'w0', 'w1']);
		});

		test('lets only appends move what is stored, and only updateWriter the rest, backwards too', async () => {
			await append([chunk(0, 10)]);
			const { bytes } = await stateOf();
			await store.updateWriter('r1', 'w1', (state) => ({
				...(state as WriterState),
				stored: { history: 3 },
				bytes: 1,
				acknowledged: { history: 10 },
			}));
			await append([chunk(10, 10)]);
			expect(await stateOf()).toMatchObject({ stored: { history: 20 }, acknowledged: { history: 10 } });
			expect((await stateOf()).bytes).toBeGreaterThan(bytes);
			await acknowledge({ history: 4 });
			expect(await stateOf()).toMatchObject({ stored: { history: 20 }, acknowledged: { history: 4 } });
			expect(await starts(4)).toEqual([0, 10]);
		});

		test('makes a writer as it is given, and tells none to whom there is none', async () => {
			const given: WriterState = { ...writer('w5'), base: null, stored: { history: 5000 }, hashes: { meta: 'x' }, isVerified: true };
			const made = await store.updateWriter('r1', 'w5', (known) => {
				expect(known).toBeUndefined();
				return given;
			});
			expect(made).toEqual(given);
			expect(await stateOf('w5')).toEqual(given);
			await append([chunk(5000, 2)], { writer: 'w5' });
			expect(await stateOf('w5')).toMatchObject({ stored: { history: 5002 }, base: null });
			expect(await starts(0, 1e9, 'w5')).toEqual([5000]);
		});

		test('keeps the greatest next step and runtime', async () => {
			const write = { run: 'r1', writer: 'w1', stream: 'history' as Stream, files: [] };
			await store.append({ ...write, chunks: [chunk(0, 10)], next: { relative: 10, least: 2, runtimeS: 5 } }, 'relaxed');
			await store.append({ ...write, chunks: [chunk(10, 1)], next: { relative: 3, least: 7, runtimeS: 4 } }, 'strict');
			expect((await stateOf()).next).toEqual({ relative: 10, least: 7, runtimeS: 5 });
		});

		test('changes a run only by what is stored', async () => {
			await store.updateRun('r1', (known) => known ?? run());
			await Promise.all([store.updateRun('r1', bump), store.updateRun('r1', bump), store.updateRun('r1', bump, 'strict')]);
			expect((await store.run('r1'))?.exitCode).toBe(3);
			expect(await store.run('r2')).toBeUndefined();
			expect((await store.runs()).map(({ id }) => id)).toEqual(['r1']);
		});

		test('keeps values of a run that JSON does not know, and the ids of any run', async () => {
			const place = { startedMs: 1, writer: 'w1', n: 0 };
			const value = { big: 2n ** 70n, bad: Number.NaN, far: -Infinity, zero: -0, list: [null, 1.5] };
			const known: RunState = {
				...run(),
				config: [
					{ ...place, edit: [['a', '__proto__'], value] },
					{ ...place, edit: [['gone']] },
				],
			};
			const ids = ['r1', 'R1', 'con', 'a b', '…', '😀', 'x.', '.x', 'a*b', 'a%2ab', '~1', 'y'.repeat(128), 'Y'.repeat(128), 'ü'.repeat(128)];
			for (const id of ids) await store.updateRun(id, () => ({ ...known, id }));
			expect((await store.runs()).map(({ id }) => id).sort()).toEqual([...ids].sort());
			for (const id of ids) expect(await store.run(id)).toEqual({ ...known, id });
		});

		test('a change that throws changes nothing', async () => {
			await store.updateRun('r1', () => run());
			const fail = () => {
				throw new Error('no');
			};
			await expect(store.updateRun('r1', fail)).rejects.toThrow('no');
			await expect(store.updateWriter('r1', 'w1', fail)).rejects.toThrow('no');
			await store.updateRun('r1', bump);
			expect((await store.run('r1'))?.exitCode).toBe(1);
		});

		test('joins chunks when they hold exactly the records, and else leaves them', async () => {
			await append([chunk(0, 10), chunk(10, 10), chunk(20, 10), chunk(30, 10)]);
			const joined = chunk(10, 20);
			for (const toN of [11, 29, 31]) await store.join('r1', 'w1', 'history', chunk(10, toN - 10), toN);
			await store.join('r1', 'w1', 'history', chunk(15, 15), 30);
			await store.join('r1', 'w1', 'history', joined, 40);
			await store.join('r1', 'w9', 'history', joined, 30);
			expect(await starts(0)).toEqual([0, 10, 20, 30]);
			await store.join('r1', 'w1', 'history', joined, 30);
			await store.join('r1', 'w1', 'history', joined, 30);
			if (joins) {
				expect(await starts(0)).toEqual([0, 10, 30]);
				expect(await starts(25)).toEqual([10, 30]);
			}
			await append([chunk(40, 10)]);
			if (joins) {
				await store.join('r1', 'w1', 'history', chunk(30, 20), 50);
				expect(await starts(0)).toEqual([0, 10, 30]);
			}
			expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 50));
			expect(await stateOf()).toMatchObject({ stored: { history: 50 }, bytes: sizeOf(await store.chunks('r1', 'w1', 'history', 0, 1e9)) });
		});

		test('keeps bytes of files, gives the smallest first, and forgets those that are uploaded', async () => {
			await appendFiles(store, [file('r1', 3), file('r1', 1), file('r1', 2 ** 21 + 5)]);
			expect(await store.pendingFiles('r1', 2)).toEqual([file('r1', 1).state, file('r1', 3).state]);
			const blob = await store.blob(`sha-${2 ** 21 + 5}`);
			expect(blob?.length).toBe(2 ** 21 + 5);
			expect(blob?.every((byte, i) => byte === i % 251)).toBe(true);
			await store.fileUploaded('r1', 'media/1.png');
			await store.fileUploaded('r1', 'media/1.png');
			await store.fileUploaded('r1', 'media/nothing.png');
			// A retry of what was written must not make it wait again.
			await appendFiles(store, [file('r1', 1)]);
			expect((await store.pendingFiles('r1', 9)).map(({ size }) => size)).toEqual([3, 2 ** 21 + 5]);
			expect(await store.blob('nothing')).toBeUndefined();
			expect((await store.blob('sha-1'))?.length).toBe(1);
		});

		test('keeps a file of no bytes', async () => {
			await appendFiles(store, [file('r1', 0)]);
			expect((await store.blob('sha-0'))?.length).toBe(0);
			expect(await store.pendingFiles('r1', 9)).toHaveLength(1);
		});

		test('counts what each run takes, and what of it could be freed', async () => {
			await store.updateRun('r1', () => run());
			await append([chunk(0, 10)]);
			await appendFiles(store, [file('r1', 30), file('r1', 50)]);
			const rows = chunk(0, 10).bytes.length;
			expect(await store.usage()).toEqual([{ run: 'r1', createdMs: 7, files: 0, rows: 0, all: rows + 80, isSent: false }]);
			await store.fileUploaded('r1', 'media/50.png');
			await acknowledge({ history: 10 });
			expect(await store.usage()).toEqual([{ run: 'r1', createdMs: 7, files: 50, rows, all: rows + 80, isSent: false }]);
			await store.fileUploaded('r1', 'media/30.png');
			expect(await store.usage()).toEqual([{ run: 'r1', createdMs: 7, files: 80, rows, all: rows + 80, isSent: true }]);
		});

		test('prunes bytes of files that the server has, never others', async () => {
			await store.updateRun('r1', () => run());
			await store.updateRun('r2', () => ({ ...run(), id: 'r2' }));
			await store.updateWriter('r2', 'w2', () => ({ ...writer('w2'), run: 'r2' }));
			await appendFiles(store, [
				file('r1', 1),
				file('r1', 2),
				file('r1', 3),
				{ ...file('r1', 3), state: { ...file('r1', 3).state, path: 'media/again.png' } },
			]);
			await appendFiles(store, [file('r2', 2)], 'w2');
			for (const size of [1, 2, 3]) await store.fileUploaded('r1', `media/${size}.png`);
			await store.prune('r1', 'files');
			expect(await store.blob('sha-1')).toBeUndefined();
			expect((await store.blob('sha-2'))?.length).toBe(2);
			expect((await store.blob('sha-3'))?.length).toBe(3);
			expect((await store.usage()).map(({ files, all }) => [files, all])).toEqual([
				[0, 3],
				[0, 2],
			]);
			await store.fileUploaded('r1', 'media/again.png');
			await store.prune('r1', 'files');
			expect(await store.blob('sha-3')).toBeUndefined();
		});

		test('prunes rows that the server has, never others, and goes on counting', async () => {
			await store.updateRun('r1', () => ({ ...run(), folded: { w1: 4 } }));
			await store.updateWriter('r1', 'w2', () => writer('w2'));
			await append([chunk(0, 10), chunk(10, 10)]);
			await append([chunk(0, 4)], { stream: 'meta' });
			await append([chunk(0, 10), chunk(10, 10)], { writer: 'w2' });
			await acknowledge({ history: 20, meta: 4 });
			await acknowledge({ history: 15 }, 'w2');
			await store.prune('r1', 'rows');
			expect(await starts(0)).toEqual([]);
			expect(await starts(0, 1e9, 'w1', 'meta')).toEqual([]);
			expect(await stateOf()).toMatchObject({ bytes: 0, stored: { history: 20, meta: 4 } });
			expect(await valuesOf(store, 'w2', 'history', 10)).toEqual(range(10, 20));
			expect((await stateOf('w2')).bytes).toBe(sizeOf(await store.chunks('r1', 'w2', 'history', 0, 1e9)));
			await append([chunk(20, 5)]);
			await append([chunk(4, 5)], { stream: 'meta' });
			expect(await starts(0)).toEqual([20]);
			expect(await starts(0, 1e9, 'w1', 'meta')).toEqual([4]);
			expect(await stateOf()).toMatchObject({ stored: { history: 25, meta: 9 } });
		});

		test('keeps meta records that the snapshot of the run does not include', async () => {
			await store.updateRun('r1', () => ({ ...run(), folded: { w1: 3 } }));
			await append([chunk(0, 4)], { stream: 'meta' });
			await acknowledge({ meta: 4 });
			await store.prune('r1', 'rows');
			expect(await starts(0, 1e9, 'w1', 'meta')).toEqual([0]);
		});

		test('forgets what was sent', async () => {
			const contact = { serverId: 's', entity: 'e', project: 'p', gen: 0, url: '' };
			await store.updateRun('r1', () => ({ ...run(), contact, isFinishSent: true, assembler: { a: 1 }, resume: 'must' }));
			await append([chunk(0, 10)]);
			await store.updateWriter('r1', 'w1', (state) => ({
				...(state as WriterState),
				base: 4,
				acknowledged: { history: 10 },
				hashes: { history: 'x' },
				isVerified: true,
			}));
			await appendFiles(store, [file('r1', 3), file('r1', 4)]);
			await store.fileUploaded('r1', 'media/3.png');
			await store.forgetSent('r1');
			await store.forgetSent('r9');
			expect(await store.run('r1')).toEqual({ ...run(), contact: undefined, assembler: undefined, resume: 'allow' });
			expect(await stateOf()).toMatchObject({ base: 4, stored: { history: 10 }, acknowledged: {}, hashes: {} });
			expect((await stateOf()).isVerified).toBeUndefined();
			expect((await store.pendingFiles('r1', 9)).map(({ size, isUploaded }) => [size, isUploaded])).toEqual([
				[3, false],
				[4, false],
			]);
			expect((await store.usage())[0]).toMatchObject({ files: 0, isSent: false });
			expect(await store.runs()).toHaveLength(1);
		});

		if (outlivesClose) {
			test('is there again after it was closed', async () => {
				await store.updateRun('r1', () => run());
				await append([chunk(0, 10)]);
				await appendFiles(store, [file('r1', 3)]);
				const [state] = await store.writers('r1');
				store.close();
				store = await open(name);
				expect(await starts(0)).toEqual([0]);
				expect(await store.run('r1')).toEqual(run());
				expect(await store.writers('r1')).toEqual([state]);
				expect(await store.pendingFiles('r1', 9)).toEqual([file('r1', 3).state]);
			});

			test('two contexts see what the other wrote', async () => {
				const other = await open(name);
				await other.updateWriter('r1', 'w2', () => writer('w2'));
				await append([chunk(0, 10)]);
				expect((await other.writers('r1')).map(({ stored }) => stored)).toEqual([{ history: 10 }, {}]);
				await other.append({ run: 'r1', writer: 'w2', stream: 'events', chunks: [chunk(0, 3)], files: [] }, 'relaxed');
				await append([chunk(10, 10)]);
				expect(await valuesOf(other, 'w1', 'history', 0)).toEqual(range(0, 20));
				expect(await valuesOf(store, 'w2', 'events', 0)).toEqual(range(0, 3));
				await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? store : other).updateRun('r1', (known) => bump(known ?? run()))));
				expect((await store.run('r1'))?.exitCode).toBe(20);
				other.close();
			});
		}

		test('is what a naive model of it is, whatever is done to it', { timeout: 120_000 }, async () => {
			await fc.assert(
				fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
					store.close();
					name = newName();
					store = await open(name);
					await store.updateRun('r1', () => ({ ...run(), folded: { w1: 1e9, w2: 1e9 } }));
					for (const id of WRITERS) await store.updateWriter('r1', id, () => writer(id));
					const model = new Map<string, ModelStream>();
					for (const id of WRITERS) for (const stream of MODEL_STREAMS) model.set(`${id}/${stream}`, { stored: 0, acknowledged: 0, pruned: 0 });
					for (const { what, id, stream, size } of actions) {
						const known = model.get(`${id}/${stream}`) as ModelStream;
						if (what === 'append') {
							// Begins up to `size` records before the end: what is there already is sent again.
							const n0 = Math.max(0, known.stored - (size % 4));
							await store.append({ run: 'r1', writer: id, stream, chunks: [chunk(n0, size), chunk(n0 + size, 1)], files: [] }, 'relaxed');
							known.stored = Math.max(known.stored, n0 + size + 1);
						} else if (what === 'acknowledge') {
							known.acknowledged = Math.floor((known.stored * size) / 12);
							await store.updateWriter('r1', id, (state) => ({
								...(state as WriterState),
								acknowledged: { ...state?.acknowledged, [stream]: known.acknowledged },
							}));
						} else if (what === 'join') {
							const found = (await store.chunks('r1', id, stream, known.acknowledged, size * 200)).map((bytes) => decodeChunk(bytes));
							const [first] = found;
							if (!first) continue;
							const joined = joinBatches(found);
							await store.join('r1', id, stream, { n0: first.n0, count: joined.count, bytes: encodeChunk(joined) }, first.n0 + joined.count);
						} else if (what === 'prune') {
							await store.prune('r1', 'rows');
							for (const one of model.values()) one.pruned = Math.max(one.pruned, one.acknowledged);
						} else if (what === 'reopen' && outlivesClose) {
							store.close();
							store = await open(name);
						}
					}
					const states = await store.writers('r1');
					for (const state of states) {
						let bytes = 0;
						for (const stream of MODEL_STREAMS) {
							const { stored, acknowledged, pruned } = model.get(`${state.writer}/${stream}`) as ModelStream;
							expect([state.stored[stream] ?? 0, state.acknowledged[stream] ?? 0]).toEqual([stored, acknowledged]);
							const values = await valuesOf(store, state.writer, stream, 0);
							// All that the server lacked whenever something was pruned is there; what it had may be there too, without a gap.
							expect(values).toEqual(range(stored - values.length, stored));
							expect(values.length).toBeGreaterThanOrEqual(stored - pruned);
							bytes += sizeOf(await store.chunks('r1', state.writer, stream, 0, 1e9));
						}
						expect(state.bytes).toBe(bytes);
					}
				}),
				{ numRuns: rounds },
			);
		});
	});
}

const WRITERS = ['w1', 'w2'];
const MODEL_STREAMS: Stream[] = ['history', 'meta'];
const action = fc.record({
	what: fc.constantFrom('append', 'append', 'append', 'acknowledge', 'acknowledge', 'join', 'prune', 'reopen'),
	id: fc.constantFrom(...WRITERS),
	stream: fc.constantFrom(...MODEL_STREAMS),
	size: fc.integer({ min: 1, max: 12 }),
});

interface ModelStream {
	stored: number;
	acknowledged: number;
	/** The most that may be gone: what the server had when something was pruned. */
	pruned: number;
}

export function range(from: number, to: number): number[] {
	return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

/** Values of the records from `fromN` on; each record's value is its number. */
export async function valuesOf(store: Store, writer: string, stream: Stream, fromN: number): Promise<number[]> {
	const values: number[] = [];
	for (const bytes of await store.chunks('r1', writer, stream, fromN, 1e9))
		for (const record of eachRecord(decodeChunk(bytes))) {
			expect(record.values).toEqual([record.n]);
			values.push(record.n);
		}
	return values;
}

function sizeOf(chunks: readonly Uint8Array[]): number {
	return chunks.reduce((bytes, { length }) => bytes + length, 0);
}

export function batch(n0: number, records: number): Batch {
	const packer = new BatchPacker<LineValue>(n0);
	for (let i = 0; i < records; i++) packer.add([{ key: 'loss', value: n0 + i }], n0 + i, 0, 0, n0 + i);
	return packer.take() as Batch;
}

export function chunk(n0: number, records: number): ChunkBytes {
	return { n0, count: records, bytes: encodeChunk(batch(n0, records)) };
}

export function nextAfter(n0: number, records: number): WriterState['next'] {
	return nextOf(batch(n0, records));
}

export function file(run: string, size: number): { state: FileState; bytes: Uint8Array } {
	return {
		state: { run, path: `media/${size}.png`, sha256: `sha-${size}`, size, isUploaded: false },
		bytes: Uint8Array.from({ length: size }, (_, i) => i % 251),
	};
}

export async function appendFiles(store: Store, files: { state: FileState; bytes: Uint8Array }[], writer = 'w1'): Promise<void> {
	await store.append({ run: files[0]?.state.run ?? '', writer, stream: 'history', chunks: [], files }, 'strict');
}

export function writer(id: string): WriterState {
	return {
		run: 'r1',
		writer: id,
		startedMs: 1,
		base: 0,
		runtimeBaseS: 0,
		next: { relative: 0, least: 0, runtimeS: 0 },
		stored: {},
		bytes: 0,
		acknowledged: {},
		hashes: {},
		isVerified: undefined,
	};
}

export function run(): RunState {
	return {
		id: 'r1',
		sentAs: 'r1',
		project: 'p',
		entity: '',
		server: undefined,
		createdMs: 7,
		folded: {},
		name: 'n',
		config: [],
		summary: [],
		metrics: [],
		isFinished: false,
		exitCode: 0,
		resume: 'allow',
		isIdGiven: false,
		isFinishSent: false,
	};
}

function bump(known: RunState | undefined): RunState {
	if (!known) throw new Error('the run is not there');
	return { ...known, exitCode: known.exitCode + 1 };
}
