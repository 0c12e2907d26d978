import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type Batch, eachRecord, recordLine } from '../../src/core/batch.ts';
import { decodeChunk, encodeChunk } from '../../src/core/chunk.ts';
import { flatten } from '../../src/core/flatten.ts';
import { type LineObject, parseLine } from '../../src/core/json-line.ts';
import { BatchPacker } from '../../src/core/packer.ts';
import { openFileStore } from '../../src/platform/node/file-store.ts';
import type { Run } from '../../src/run.ts';
import { recordsOf } from '../../src/sync/stored-records.ts';
import { CASES } from './cases.ts';
import { InProcess } from './in-process.ts';

const given = (code: string) => runInThisContext(`(${code})`) as Record<string, unknown>;
const values = ({ _step, _runtime, _timestamp, ...logged }: LineObject): LineObject => logged;
/** Keys and all: `toEqual` takes `-0` for `0` inside typed arrays only, `toStrictEqual` minds prototypes; so both sides are plain here. */
const plain = (row: LineObject): LineObject => structuredClone(row);

describe('flatten → packer → chunk → line', () => {
	for (const { code, row, left = {} } of CASES) {
		test(code, () => {
			let flattened: ReturnType<typeof flatten>;
			try {
				flattened = flatten(given(code), () => false);
			} catch {
				// log() makes an empty record of it; the test of the whole way sees that.
				expect(left).toHaveProperty('*');
				return;
			}
			const { leaves, refused } = flattened;
			expect(Object.fromEntries(refused.map(({ key, reason }) => [key, reason]))).toEqual(left);
			const packer = new BatchPacker<never>(0);
			// A record before and one after: no case may harm its neighbours.
			packer.add([{ key: 'before', value: 1 }], 0, 0, 1_000, 1);
			packer.add(leaves as never, 1, 0, 1_000, 1);
			packer.add([{ key: 'after', value: Number.NaN }], 2, 0, 1_000, 1);
			const stored = decodeChunk(encodeChunk(structuredClone(packer.take()) as Batch));
			const lines = [...eachRecord(stored)].map((record, step) => parseLine(recordLine(record, step, 0)) as LineObject);
			expect(plain(values(lines[1] as LineObject))).toEqual(plain(row));
			expect(lines[1]).toMatchObject({ _step: 1, _runtime: 1, _timestamp: 1 });
			expect(Object.keys(values(lines[1] as LineObject)).sort()).toEqual(Object.keys(row).sort());
			expect(lines.map(values).map((line) => line.before ?? line.after)).toEqual([1, row.before, Number.NaN]);
		});
	}
});

describe('log() → server → raw export', () => {
	const server = new InProcess();
	afterAll(() => server.close());

	test('every case arrives as the documentation says, keeps its step, and is counted where it is left out', { timeout: 120_000 }, async () => {
		const told: string[] = [];
		const run = server.init({ project: 'values', server: server.url, onError: ({ code, message }) => told.push(`${code}: ${message}`) });
		let left = 0;
		for (const { code, left: refused = {} } of CASES) {
			run.log(given(code));
			left += Object.keys(refused).length;
			expect(run.status.droppedValues).toBe(left);
			// Large ones would fill the 64 MB that may wait.
			if (run.status.pending.memory > 20 || code.includes('000')) await run.flush();
		}
		const { isSynced, status } = await run.finish();
		expect(isSynced).toBe(true);
		expect(status).toMatchObject({ accepted: CASES.length, synced: CASES.length, dropped: 0, droppedValues: left, verified: true });
		const records = await server.records('values', run.id);
		expect(records.map(({ n, line }) => [n, line._step])).toEqual(CASES.map((_, i) => [i, i]));
		for (const [i, { code, row }] of CASES.entries()) expect(plain(values(records[i]?.line as LineObject)), code).toEqual(plain(row));
		for (const { left: refused = {} } of CASES)
			for (const [key, reason] of Object.entries(refused)) {
				const step = CASES.findIndex(({ left: others = {} }) => others[key] === reason);
				expect(told).toContain(`data-dropped: log(): "${key.slice(0, 200)}" at step ${step} was left out: ${reason}. The rest was logged.`);
			}
	});

	test('a call with thousands of bad values is kept, counts all of them and tells of the first', async () => {
		let told = 0;
		const run = server.init({ project: 'values', onError: () => told++ });
		run.log({ ...Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`bad${i}`, () => i])), good: 1 });
		expect(run.status).toMatchObject({ accepted: 1, droppedValues: 5_000 });
		expect(told).toBe(10);
		await run.finish();
	});

	test('data that are no object, and proxies that were revoked, are a mistake in the call', () => {
		const run = server.init({ project: 'values' });
		const { proxy, revoke } = Proxy.revocable({}, {});
		revoke();
		for (const data of [1, 'x', null, undefined, true, 1n, Symbol('s'), () => 1, [1], proxy])
			expect(() => run.log(data as never)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
		expect(run.status.accepted).toBe(0);
	});
});

test('in Node: every case is in the log on disk before log() is two calls old', { timeout: 60_000 }, async () => {
	const dir = mkdtempSync(join(tmpdir(), 'tidelog-values-'));
	const { init } = await import('../../src/index.node.ts');
	const run = init({ project: 'values', dir, onError: () => undefined });
	for (const { code } of CASES) run.log(given(code));
	await run.flush();
	expect(run.status).toMatchObject({ accepted: CASES.length, durable: CASES.length, dropped: 0 });
	const store = await openFileStore(dir);
	const [writer] = await store.writers(run.id);
	const lines: LineObject[] = [];
	for await (const record of recordsOf(store, writer as never, 'history', 0, CASES.length))
		lines.push(parseLine(recordLine(record, 0, 0)) as LineObject);
	for (const [i, { code, row }] of CASES.entries()) expect(plain(values(lines[i] as LineObject)), code).toEqual(plain(row));
	await run.finish();
	store.close();
	rmSync(dir, { recursive: true, force: true });
});

describe('whatever is logged', () => {
	const server = new InProcess();
	afterAll(() => server.close());
	const anything = fc.anything({
		withBigInt: true,
		withBoxedValues: true,
		withDate: true,
		withMap: true,
		withSet: true,
		withNullPrototype: true,
		withObjectString: true,
		withSparseArray: true,
		withTypedArray: true,
		withUnicodeString: true,
		key: fc.oneof(
			fc.string({ unit: 'binary', maxLength: 6 }),
			fc.constantFrom('a', 'a.b', '__proto__', '_step', '_type', 'media', '', 'length', 'constructor'),
		),
	} as never);
	const KINDS = ['plain', 'getter', 'proxy', 'revoked', 'loop', 'list loop', 'changing', 'function', 'symbol'] as const;
	/** How a value is made: fast-check itself could not hold a proxy that was revoked. */
	const plan = fc.record({ kind: fc.constantFrom(...KINDS), value: anything });
	const made = ({ kind, value }: { kind: (typeof KINDS)[number]; value: unknown }): unknown => {
		const fail = () => {
			throw value;
		};
		const loop: Record<string, unknown> = { value };
		const list: unknown[] = [value];
		let turn = 0;
		switch (kind) {
			case 'getter':
				return Object.defineProperty({ a: 1 }, 'b', { get: fail, enumerable: true });
			case 'proxy':
				return new Proxy({ a: 1 }, { get: fail, has: fail });
			case 'revoked': {
				const { proxy, revoke } = Proxy.revocable([], {});
				revoke();
				return proxy;
			}
			case 'loop':
				loop.loop = loop;
				return loop;
			case 'list loop':
				list.push(list);
				return list;
			case 'changing':
				return Object.defineProperty({}, 'x', { get: () => [value, loop, list][turn++ % 3], enumerable: true });
			case 'function':
				return fail;
			case 'symbol':
				return Symbol('s');
			default:
				return value;
		}
	};
	const data = fc.array(fc.tuple(fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('a', 'a.b', '_step', '__proto__')), plan), { maxLength: 6 });

	test('log() never throws; the call keeps its step and its good value, and all of it arrives', { timeout: 120_000 }, async () => {
		const run = server.init({ project: 'fuzz', server: server.url, onError: () => undefined });
		let calls = 0;
		fc.assert(
			fc.property(data, (logged) => {
				run.log(Object.fromEntries([...logged.map(([key, value]) => [key, made(value)]), ['the good one', calls++]]));
				expect(run.status.accepted).toBe(calls);
			}),
			{ numRuns: 1_500 },
		);
		expect(await run.finish()).toMatchObject({ isSynced: true, status: { accepted: calls, synced: calls, dropped: 0, verified: true } });
		const records = await server.records('fuzz', run.id);
		expect(records.map(({ line }) => [line._step, line['the good one']])).toEqual(Array.from({ length: calls }, (_, i) => [i, i]));
	});

	test('config and summary take the same values or say in the call what they cannot keep, and change nothing then', async () => {
		const run: Run = server.init({ project: 'fuzz' });
		fc.assert(
			fc.property(plan, (how) => {
				const before = JSON.stringify(run.config.x, (_key, item) => (typeof item === 'bigint' ? String(item) : item));
				try {
					run.config.x = made(how);
				} catch (error) {
					expect(error).toMatchObject({ code: 'invalid-argument' });
					expect(JSON.stringify(run.config.x, (_key, item) => (typeof item === 'bigint' ? String(item) : item))).toBe(before);
				}
			}),
			{ numRuns: 500 },
		);
		await run.finish();
	});
});
