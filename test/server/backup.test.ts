import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
	server.send('r', W1, { history: [0, lines(0, 5_000)] });
	server.nowMs += 60_000;
	while (server.tracker.maintain());
	server.send('r', W1, { history: [5_000, lines(5_000, 6_000)] });
	let isDone = false;
	const backup = server.tracker.backup(folder).then(() => {
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
	rmSync(folder, { recursive: true });
});

test('a folder that exists is left alone', async () => {
	await expect(server.tracker.backup(server.folder)).rejects.toThrow(/EEXIST/);
	server.send('r', W1, { history: [0, lines(0, 1)] });
	server.restart();
	expect(server.tracker.history.counts(server.run('r')).records).toBe(1);
});
