import { fork } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { fileLock } from '../../../src/platform/node/file-lock.ts';
import { fileName } from '../../../src/platform/node/file-name.ts';
import { FileStore } from '../../../src/platform/node/file-store.ts';
import { LogAppender, logPath } from '../../../src/platform/node/log-appender.ts';
import { LogReader } from '../../../src/platform/node/log-reader.ts';
import { chunk, newName, nextAfter, range, run, valuesOf, writer } from '../store-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'tidelog-log-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dir: string;
let store: FileStore;
let path: string;

beforeEach(() => {
	dir = join(root, newName());
	store = new FileStore(dir);
	path = logPath(dir, 'r1', 'w1');
});

const values = (from = 0, stream: 'history' | 'events' = 'history') => valuesOf(store, 'w1', stream, from);

describe('a log', () => {
	test('is read while it grows, and tells of a writer that has nothing else', async () => {
		const log = new LogAppender(dir, 'r1', 'w1', { startedMs: 77 });
		expect(await store.writers('r1')).toEqual([{ ...writer('w1'), base: undefined, startedMs: 77 }]);
		for (let n = 0; n < 50; n += 5) {
			log.append('history', chunk(n, 5), nextAfter(n, 5));
			log.append('events', chunk(n / 5, 1));
			expect(await values(n)).toEqual(range(n, n + 5));
		}
		expect(await values()).toEqual(range(0, 50));
		expect(await values(7, 'events')).toEqual(range(7, 10));
		expect(await store.writers('r1')).toMatchObject([{ stored: { history: 50, events: 10 }, next: nextAfter(0, 50) }]);
		log.sync();
		log.close();
		expect(existsSync(`${path}.lock`)).toBe(false);
	});

	test('knows the next step also where nobody told it', async () => {
		const log = new LogAppender(dir, 'r1', 'w1');
		log.append('history', chunk(0, 7));
		log.close();
		expect((await store.writers('r1'))[0]?.next).toEqual(nextAfter(0, 7));
	});

	test('cut at any byte of its last frame is read up to the one before, and goes on from there', async () => {
		const log = new LogAppender(dir, 'r1', 'w1');
		log.append('history', chunk(0, 5));
		const good = statSync(path).size;
		log.append('history', chunk(5, 1));
		log.close();
		const whole = readFileSync(path);
		for (let size = good; size < whole.length; size += 3) {
			writeFileSync(path, whole.subarray(0, size));
			store = new FileStore(dir);
			expect(await values()).toEqual(range(0, 5));
			const again = new LogAppender(dir, 'r1', 'w1');
			expect(statSync(path).size).toBe(good);
			again.append('history', chunk(5, 3));
			again.close();
			expect(await values()).toEqual(range(0, 8));
			expect(await valuesOf(new FileStore(dir), 'w1', 'history', 0)).toEqual(range(0, 8));
		}
	});

	test('that ends in anything else goes on from its last good frame, and is read meanwhile', async () => {
		for (const tail of [Buffer.alloc(5_000), Buffer.from('TDLF'), Buffer.from('TDLF\x01\x01'.padEnd(300, 'TDLF'))]) {
			const log = new LogAppender(dir, 'r1', 'w1');
			const { history = 0 } = (await store.writers('r1'))[0]?.stored ?? {};
			log.append('history', chunk(history, 5));
			log.close();
			appendFileSync(path, tail);
			expect(await values()).toEqual(range(0, history + 5));
		}
		expect(await valuesOf(new FileStore(dir), 'w1', 'history', 0)).toEqual(range(0, 15));
	});

	test('that is damaged in the middle keeps what is before, says where, and never passes for complete', async () => {
		const log = new LogAppender(dir, 'r1', 'w1');
		log.append('history', chunk(0, 5));
		const at = statSync(path).size;
		log.append('history', chunk(5, 5));
		log.append('events', chunk(0, 4));
		log.append('history', chunk(10, 5));
		log.close();
		const bytes = readFileSync(path);
		bytes[at + 100] = (bytes[at + 100] as number) ^ 1;
		writeFileSync(path, bytes);
		// One that has read it before, and one that has not.
		for (store of [store, new FileStore(dir)]) {
			expect((await store.chunks('r1', 'w1', 'history', 0, 1e9)).length).toBe(1);
			await expect(store.chunks('r1', 'w1', 'history', 5, 1e9)).rejects.toThrow(`${path} is damaged at byte ${at}: history records from 5 on`);
			expect(await values(0, 'events')).toEqual(range(0, 4));
			expect(await values(10)).toEqual(range(10, 15));
			expect((await store.writers('r1'))[0]?.stored).toEqual({ history: 15, events: 4 });
		}
		const again = new LogAppender(dir, 'r1', 'w1');
		again.append('history', chunk(15, 5));
		again.close();
		expect(await values(10)).toEqual(range(10, 20));
		await store.updateRun('r1', () => run());
		await store.updateWriter('r1', 'w1', (state) => ({ ...(state as ReturnType<typeof writer>), acknowledged: { history: 20, events: 4 } }));
		await store.prune('r1', 'rows');
		expect(statSync(path).size).toBeGreaterThan(bytes.length);
	});

	test('that a byte went bad in after it was read says so', async () => {
		const log = new LogAppender(dir, 'r1', 'w1');
		log.append('history', chunk(0, 5));
		log.close();
		expect(await values()).toEqual(range(0, 5));
		const bytes = readFileSync(path);
		bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
		writeFileSync(path, bytes);
		await expect(values()).rejects.toThrow(/is damaged at byte/);
	});

	test('of a newer release is refused and left as it is', async () => {
		const log = new LogAppender(dir, 'r1', 'w1');
		log.close();
		appendFileSync(path, Buffer.from('TDLF\x02'.padEnd(200, 'x')));
		const { size } = statSync(path);
		await expect(store.chunks('r1', 'w1', 'history', 0, 1e9)).rejects.toThrow(/newer release/);
		expect(() => new LogAppender(dir, 'r1', 'w1')).toThrow(/newer release/);
		expect(statSync(path).size).toBe(size);
		expect(existsSync(`${path}.lock`)).toBe(false);
	});

	test('takes appends of two threads in turn, and does not write twice what the other wrote', async () => {
		const caller = new LogAppender(dir, 'r1', 'w1');
		const worker = new LogAppender(dir, 'r1', 'w1');
		caller.append('history', chunk(0, 5));
		worker.append('history', chunk(5, 5));
		caller.append('history', chunk(8, 4));
		await store.append({ run: 'r1', writer: 'w1', stream: 'history', chunks: [chunk(12, 5)], files: [] }, 'strict');
		caller.append('history', chunk(12, 5));
		caller.append('history', chunk(17, 1));
		expect(await values()).toEqual(range(0, 18));
		expect(() => caller.append('history', chunk(19, 1))).toThrow(/cannot follow/);
		worker.close();
		caller.close();
	});

	test('that two threads wrote the same into holds it once', async () => {
		for (const [second, end] of [
			[chunk(5, 3), 10],
			[chunk(5, 7), 12],
		] as const) {
			const caller = new LogAppender(dir, 'r1', `t${end}`);
			const worker = new LogAppender(dir, 'r1', `t${end}`);
			caller.append('history', chunk(0, 5));
			worker.append('history', chunk(5, 5));
			// Follows what the caller knows.
			caller.append('history', second);
			worker.append('history', chunk(end, 1));
			for (const from of [store, new FileStore(dir)]) expect(await valuesOf(from, `t${end}`, 'history', 0)).toEqual(range(0, end + 1));
			worker.close();
			caller.close();
		}
	});

	test('is not pruned while somebody appends, and counts on after it was', async () => {
		await store.updateRun('r1', () => run());
		const log = new LogAppender(dir, 'r1', 'w1', { startedMs: 5 });
		log.append('history', chunk(0, 10));
		await store.updateWriter('r1', 'w1', (state) => ({ ...(state as ReturnType<typeof writer>), acknowledged: { history: 10 } }));
		const other = new FileStore(dir);
		expect(await valuesOf(other, 'w1', 'history', 0)).toEqual(range(0, 10));
		await store.prune('r1', 'rows');
		expect(await values()).toEqual(range(0, 10));
		log.close();
		await store.prune('r1', 'rows');
		expect(await values()).toEqual([]);
		expect(await valuesOf(other, 'w1', 'history', 0)).toEqual([]);
		rmSync(join(dir, 'r1', 'w1.json'));
		expect(await store.writers('r1')).toMatchObject([{ startedMs: 5, stored: { history: 10 }, next: nextAfter(0, 10), bytes: 0 }]);
		const again = new LogAppender(dir, 'r1', 'w1');
		again.append('history', chunk(10, 5));
		again.close();
		expect(await valuesOf(other, 'w1', 'history', 0)).toEqual(range(10, 15));
	});

	test('whose folder was deleted while it was open is begun again', async () => {
		const log = new LogAppender(dir, 'r1', 'w1', { startedMs: 5 });
		log.append('history', chunk(0, 5));
		rmSync(dir, { recursive: true });
		vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 660_000 });
		try {
			log.append('history', chunk(5, 5));
		} finally {
			vi.useRealTimers();
		}
		expect(await values()).toEqual(range(5, 10));
		expect(await store.writers('r1')).toMatchObject([{ startedMs: 5, stored: { history: 10 } }]);
		log.close();
	});

	test('that was cut shorter than it was read is read anew', async () => {
		const log = new LogAppender(dir, 'r1', 'w1');
		log.append('history', chunk(0, 5));
		const { size } = statSync(path);
		log.append('history', chunk(5, 5));
		log.close();
		expect(await values()).toEqual(range(0, 10));
		truncateSync(path, size);
		expect(await values()).toEqual(range(0, 5));
	});

	test('larger than a block is found through, and damage in it too', () => {
		const log = new LogAppender(dir, 'r1', 'w1');
		let at = 0;
		for (let n = 0; n < 60_000; n += 3_000) {
			if (n === 30_000) at = statSync(path).size;
			log.append('history', chunk(n, 3_000));
		}
		log.close();
		const reader = new LogReader(path);
		reader.refresh();
		expect([reader.stored, reader.end]).toEqual([{ history: 60_000 }, statSync(path).size]);
		expect(reader.chunks('history', 0, Number.POSITIVE_INFINITY)).toHaveLength(20);
		const bytes = readFileSync(path);
		bytes.fill(0, at, at + 200);
		writeFileSync(path, bytes);
		const again = new LogReader(path);
		again.refresh();
		expect(again.stored).toEqual({ history: 60_000 });
		expect(again.chunks('history', 0, Number.POSITIVE_INFINITY)).toHaveLength(10);
		expect(() => again.chunks('history', 30_000, 1)).toThrow(`at byte ${at}`);
	});

	test('of a process that was killed holds all that append had returned for', { timeout: 60_000 }, async () => {
		for (let round = 0; round < 3; round++) {
			const child = fork(join(import.meta.dirname, 'append-for-ever.ts'), [dir, 'r1', `k${round}`], {
				stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
			});
			let confirmed = 0;
			await new Promise<void>((resolve) => {
				child.on('message', (n: number) => {
					confirmed = n;
					if (confirmed > 500 * (round + 1)) child.kill('SIGKILL');
				});
				child.on('exit', () => resolve());
			});
			const found = await valuesOf(store, `k${round}`, 'history', 0);
			expect(found.length).toBeGreaterThanOrEqual(confirmed);
			expect(found).toEqual(range(0, found.length));
			// Its lock is stale.
			const log = new LogAppender(dir, 'r1', `k${round}`);
			log.append('history', chunk(found.length, 1));
			log.close();
			expect(await valuesOf(store, `k${round}`, 'history', 0)).toEqual(range(0, found.length + 1));
		}
	});
});

describe('a lock', () => {
	const at = () => join(root, newName());

	test('is held by one, until it is released', () => {
		const lock = at();
		const first = fileLock(lock);
		expect(first).toBeDefined();
		expect(fileLock(lock)).toBeUndefined();
		expect(first?.touch()).toBe(true);
		first?.release();
		expect(first?.touch()).toBe(false);
		expect(fileLock(lock)).toBeDefined();
	});

	test('of a process that is gone, or whose number another process has now, is taken over', () => {
		const other = fork(join(import.meta.dirname, 'append-for-ever.ts'), [join(root, 'x'), 'r1', 'w1'], { stdio: 'ignore' });
		const gone = at();
		writeFileSync(gone, `4000000 1 ${hostname()}`);
		expect(fileLock(gone)).toBeDefined();
		const alive = at();
		writeFileSync(alive, `${other.pid} - ${hostname()}`);
		expect(fileLock(alive)).toBeUndefined();
		if (process.platform === 'linux') {
			const reused = at();
			writeFileSync(reused, `${process.pid} 1 ${hostname()}`);
			expect(fileLock(reused)).toBeDefined();
		}
		other.kill('SIGKILL');
	});

	test('of another machine is believed for an hour, one without content for seconds', () => {
		const foreign = at();
		writeFileSync(foreign, '4000000 1 elsewhere');
		expect(fileLock(foreign)).toBeUndefined();
		age(foreign, 3_700);
		expect(fileLock(foreign)).toBeDefined();
		const empty = at();
		writeFileSync(empty, '');
		expect(fileLock(empty)).toBeUndefined();
		age(empty, 11);
		expect(fileLock(empty)).toBeDefined();
	});

	test('that is held for moments only is taken over when it is old', () => {
		const lock = at();
		expect(fileLock(lock, 10_000)).toBeDefined();
		expect(fileLock(lock, 10_000)).toBeUndefined();
		age(lock, 11);
		expect(fileLock(lock, 10_000)).toBeDefined();
	});
});

test('ids have names of their own on systems that do not tell capitals, and short ones are readable', () => {
	expect(['k3j9x0a1b2c3', 'sweep_1-a.b', 'MyRun', 'con', 'con.x', 'a b', '.x.', 'é'].map(fileName)).toEqual([
		'k3j9x0a1b2c3',
		'sweep_1-a.b',
		'myrun~5',
		'%63on',
		'%63on.x',
		'a%20b',
		'%2ex%2e',
		'%c3%a9',
	]);
	const id = fc.oneof(
		fc.string({ unit: fc.constantFrom('a', 'A', 'b', '~', '%', '5', '.', ' ', '-', '😀'), maxLength: 6 }),
		fc.string({ unit: 'binary', maxLength: 200 }),
	);
	fc.assert(
		fc.property(id, id, (a, b) => {
			expect(fileName(a)).toMatch(/^[a-z0-9_%~-](?:[a-z0-9_.%~-]{0,178}[a-z0-9_%~-])?$/);
			if (a !== b) expect(fileName(a).toLowerCase()).not.toBe(fileName(b).toLowerCase());
		}),
		{ numRuns: 2_000 },
	);
});

function age(lock: string, seconds: number): void {
	const then = new Date(Date.now() - 1000 * seconds);
	utimesSync(lock, then, then);
}
