import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store, WriterState } from '../../../src/core/store.ts';
import { FileStore, openFileStore } from '../../../src/platform/node/file-store.ts';
import { type FileSystem, fileSystem } from '../../../src/platform/node/file-system.ts';
import { LogAppender } from '../../../src/platform/node/log-appender.ts';
import { chunk, file, newName, range, run, valuesOf, writer } from '../store-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'tidelog-failures-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Call = keyof FileSystem;

/** The disk, but `fail` may answer a call with an error. */
class Disk {
	calls = 0;
	fail: ((call: Call, index: number, args: unknown[]) => string | undefined) | undefined;
	readonly fs: FileSystem = new Proxy(fileSystem, {
		get: (target, call: Call) => {
			const original = target[call] as (...args: unknown[]) => unknown;
			return (...args: unknown[]) => {
				const code = this.fail?.(call, this.calls++, args);
				if (code === undefined) return original(...args);
				// A handle is gone even when closing it says that something failed.
				if (call === 'closeSync') original(...args);
				throw Object.assign(new Error(`${code}: made for a test, ${call}`), { code, syscall: call });
			};
		},
	});
}

let disk: Disk;
let dir: string;
let store: Store;

async function begin(): Promise<void> {
	disk = new Disk();
	dir = join(root, newName());
	store = await openFileStore(dir, disk.fs);
	await store.updateRun('r1', () => run());
	await store.updateWriter('r1', 'w1', () => writer('w1'));
	await store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(0, 10)], files: [file('r1', 1)] }, 'relaxed');
}

beforeEach(begin);

/** All that can be read, by this store and by one that comes new. */
async function contents(): Promise<unknown> {
	const read = async (from: Store) => ({
		runs: await from.runs(),
		writers: await from.writers('r1'),
		rows: await valuesOf(from, 'w1', 'history', 0),
		files: await from.pendingFiles('r1', 9),
		blobs: await Promise.all([1, 3].map(async (size) => (await from.blob(`sha-${size}`))?.length)),
		usage: await from.usage(),
	});
	const here = await read(store);
	expect(await read(new FileStore(dir))).toEqual(here);
	return here;
}

const WRITES: [what: string, write: () => Promise<unknown>][] = [
	[
		'append of rows and files, strict',
		() => store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(10, 5), chunk(15, 5)], files: [file('r1', 3)] }, 'strict'),
	],
	['append of rows, relaxed', () => store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(10, 5)], files: [] }, 'relaxed')],
	['updateRun', () => store.updateRun('r1', (known) => ({ ...(known as typeof known & object), exitCode: 4 }), 'strict')],
	['updateWriter', () => store.updateWriter('r1', 'w1', (known) => ({ ...(known as WriterState), acknowledged: { history: 9 } }))],
	['fileUploaded', () => store.fileUploaded('r1', 'media/1.png')],
];

describe.each(['ENOSPC', 'EMFILE', 'EIO', 'EACCES'])('when any one call of the disk fails with %s', (code) => {
	test.each(WRITES)('%s leaves what was there, and succeeds when it is tried again', async (_what, write) => {
		for (let index = 0; ; index++) {
			if (index > 0) await begin();
			const before = await contents();
			disk.calls = 0;
			let failed: Call | undefined;
			disk.fail = (call, at) => {
				if (at !== index) return undefined;
				failed = call;
				return code;
			};
			const error = await write().then(
				() => undefined,
				(reason: Error) => reason,
			);
			disk.fail = undefined;
			if (failed === undefined) break;
			if (error) {
				expect(error.message).toContain(code);
				expect(await contents(), `call ${index}, ${failed}`).toEqual(before);
			}
			await write();
			const after = await contents();
			await write();
			expect(await contents()).toEqual(after);
			expect(after).not.toEqual(before);
			// A file that could not be removed, or of which nobody knows whose it is, lies there until somebody wants its name.
			if (failed !== 'unlinkSync' && failed !== 'readFileSync') expect(leftOver(dir), `call ${index}, ${failed}`).toEqual([]);
		}
	});
});

test('a disk that takes a part of a frame and refuses to take it back loses nothing, before or after', async () => {
	let left = 100;
	disk.fail = (call, _index, args) => {
		if (call === 'truncateSync') return 'EIO';
		if (call !== 'writeSync' || (args[1] as Uint8Array).length < 200) return undefined;
		if (left <= 0) return 'ENOSPC';
		fileSystem.writeSync(args[0] as number, (args[1] as Uint8Array).subarray(0, left));
		left = 0;
		return 'ENOSPC';
	};
	const write = () => store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(10, 5)], files: [] }, 'relaxed');
	await expect(write()).rejects.toThrow(/w1\.log: ENOSPC.*the disk is full.*nothing of this write is kept/);
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 10));
	disk.fail = undefined;
	await write();
	expect(await valuesOf(store, 'w1', 'history', 0)).toEqual(range(0, 15));
	expect(await valuesOf(new FileStore(dir), 'w1', 'history', 0)).toEqual(range(0, 15));
});

test('a write that the system takes in pieces is whole', async () => {
	const inPieces: FileSystem = {
		...fileSystem,
		writeSync: ((file: number, bytes: Uint8Array, at = 0) => fileSystem.writeSync(file, bytes, at, Math.min(7, bytes.length - at))) as never,
	};
	const log = new LogAppender(dir, 'r1', 'w2', { fs: inPieces });
	for (let n = 0; n < 20; n += 5) log.append('history', chunk(n, 5));
	log.close();
	expect(await valuesOf(store, 'w2', 'history', 0)).toEqual(range(0, 20));
});

test('a folder that cannot be made or written is told when the store is opened', async () => {
	disk.fail = (call) => (call === 'mkdirSync' ? 'EACCES' : undefined);
	await expect(openFileStore(join(root, 'no'), disk.fs)).rejects.toThrow(/no: EACCES.*no right to write/);
	disk.fail = (call) => (call === 'openSync' ? 'EROFS' : undefined);
	await expect(openFileStore(join(root, 'no'), disk.fs)).rejects.toMatchObject({ code: 'EROFS' });
	expect(() => new LogAppender(dir, 'r1', 'w2', { fs: disk.fs })).toThrow(/EROFS/);
});

test('a state file that is damaged is named, and does not hide other runs', async () => {
	await store.updateRun('r2', () => ({ ...run(), id: 'r2' }));
	fileSystem.writeSync(fileSystem.openSync(join(dir, 'r2', 'run.json'), 'w'), Buffer.from('{"id":'));
	const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
	expect((await store.runs()).map(({ id }) => id)).toEqual(['r1']);
	expect((await warned).message).toMatch(/r2.run\.json is damaged/);
	await expect(store.run('r2')).rejects.toThrow(/r2.run\.json is damaged/);
});

function leftOver(folder: string): string[] {
	return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(tmp|lock|probe|stale)$/.test(name));
}
