import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Tokens } from '../../server/src/access/tokens.ts';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { SqliteTokenStore } from '../../server/src/store/sqlite-token-store.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { HISTORY_FILE } from '../../src/core/protocol.ts';
import { historyLine, TestServer } from './support.ts';

const W1 = 'a000000000000001';
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
});
afterEach(() => server.close());

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => historyLine({ a: from + i }, from + i));

async function* bytes(text: string): AsyncIterable<Uint8Array> {
	yield Buffer.from(text);
}

test('a backup taken under ingest starts as a server of its own, with all that was acknowledged before and nothing twice', async () => {
	const folder = join(server.folder, 'backups', 'one');
	const kept = await server.tracker.blobs.put(bytes('kept'), 100);
	const deleted = await server.tracker.blobs.put(bytes('deleted'), 100);
	const { secret, token } = server.tokens.create({ kind: 'api', name: 'ci' });
	server.send('r', W1, { history: [0, lines(0, 5_000)] });
	server.nowMs += 60_000;
	while (server.tracker.maintain());
	server.send('r', W1, { history: [5_000, lines(5_000, 6_000)] });
	let isDone = false;
	const backup = server.backup(folder).then(() => {
		isDone = true;
	});
	for (let next = 6_000; !isDone; next++) {
		server.send('r', W1, { history: [next, lines(next, next + 1)] });
		await new Promise((resolve) => setImmediate(resolve));
	}
	await backup;
	await server.tracker.blobs.delete(deleted.sha256);

	const restored = new Tracker(folder, () => server.nowMs);
	const run = restored.runNamed('local', 'p', 'r');
	const { records } = restored.history.counts(run);
	expect(records).toBeGreaterThanOrEqual(6_000);
	const originals = [...server.tracker.history.lines(server.run('r'), HISTORY_FILE)];
	expect([...restored.history.lines(run, HISTORY_FILE)]).toEqual(originals.slice(0, records));
	expect([...restored.history.rows(run)]).toEqual([...server.tracker.history.rows(server.run('r'))].slice(0, records));
	expect(restored.database.serverId).toBe(server.tracker.database.serverId);
	for (const { sha256 } of [kept, deleted]) {
		const parts: Uint8Array[] = [];
		for await (const part of restored.blobs.open(sha256)) parts.push(part as Uint8Array);
		expect(Buffer.concat(parts).toString()).toBe(sha256 === kept.sha256 ? 'kept' : 'deleted');
	}
	restored.close();
	const tokens = new SqliteTokenStore(folder);
	expect(new Tokens(tokens, () => server.nowMs).find(secret)?.id).toBe(token.id);
	tokens.close();
	rmSync(folder, { recursive: true });
});

test('a folder that exists is left alone', async () => {
	await expect(server.backup(server.folder)).rejects.toThrow(/EEXIST/);
	server.send('r', W1, { history: [0, lines(0, 1)] });
	server.restart();
	expect(server.tracker.history.counts(server.run('r')).records).toBe(1);
});

describe('the command', () => {
	let folder: string;
	let running: RunningServer | undefined;

	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), 'tidelog-backup-'));
	});
	afterEach(async () => {
		await running?.close();
		running = undefined;
		rmSync(folder, { recursive: true, force: true });
	});

	const start = async (dataDir = join(folder, 'data')) => {
		running = await startServer({ port: 0, dataDir });
		return running;
	};
	const stop = async () => {
		await running?.close();
		running = undefined;
	};
	const cli = async (...args: string[]): Promise<{ status: number; stderr: string }> => {
		const child = spawn(process.execPath, ['server/src/main.ts', 'backup', ...args, '--data', join(folder, 'data')], {
			stdio: ['ignore', 'ignore', 'pipe'],
		});
		let stderr = '';
		child.stderr.setEncoding('utf8').on('data', (text: string) => {
			stderr += text;
		});
		const [status] = (await once(child, 'close')) as [number];
		return { status, stderr: stderr.trim() };
	};
	const post = (path: string, body: object) =>
		fetch(`http://127.0.0.1:${running?.port}${path}`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(body),
		});
	const fill = async () => {
		await post('/graphql', { query: 'mutation { upsertBucket(input: { name: "r", modelName: "p" }) { inserted } }' });
		await post('/files/local/p/r/file_stream', { files: { [HISTORY_FILE]: { offset: 0, content: lines(0, 3) } } });
	};
	const recordsIn = async (dataDir: string) => {
		await start(dataDir);
		return (await (await fetch(`http://127.0.0.1:${running?.port}/api/projects/p/runs/r/records.jsonl`)).text()).trim().split('\n').length;
	};

	test('copies the folder of a server that runs, and of one that is stopped', async () => {
		await start();
		await fill();
		expect(await cli(join(folder, 'while-running'))).toMatchObject({ status: 0 });
		await stop();
		expect(existsSync(join(folder, 'data', 'control.json'))).toBe(false);
		expect(await cli(join(folder, 'while-stopped'))).toMatchObject({ status: 0 });
		for (const copy of ['while-running', 'while-stopped']) {
			expect(await recordsIn(join(folder, copy))).toBe(3);
			await stop();
		}
	});

	test('says in one line why there is no backup', async () => {
		expect(await cli(join(folder, 'copy'))).toEqual({ status: 1, stderr: expect.stringMatching(/^There is nothing to copy[^\n]*$/) });
		await start();
		expect(await cli(folder)).toEqual({ status: 1, stderr: expect.stringMatching(/^The folder for the backup is there already[^\n]*$/) });
		rmSync(join(folder, 'data', 'control.json'));
		expect(await cli(join(folder, 'copy'))).toEqual({ status: 1, stderr: expect.stringMatching(/did not answer \(ENOENT[^\n]*$/) });
		expect(existsSync(join(folder, 'copy'))).toBe(false);
	});

	test('is the only one that the server takes commands of', async () => {
		await start();
		const control = join(folder, 'data', 'control.json');
		const { port, secret } = JSON.parse(readFileSync(control, 'utf8')) as { port: number; secret: string };
		if (process.platform !== 'win32') expect(statSync(control).mode & 0o777).toBe(0o600);
		const copy = join(folder, 'copy');
		for (const authorization of ['', 'Bearer ', `Bearer ${'0'.repeat(64)}`, secret]) {
			const response = await fetch(`http://127.0.0.1:${port}/backup`, {
				method: 'POST',
				headers: { authorization },
				body: JSON.stringify({ folder: copy }),
			});
			expect(response.status).toBe(403);
		}
		expect(existsSync(copy)).toBe(false);
	});
});
