import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startServer } from '../../server/src/index.ts';
import { Retention } from '../../server/src/retention.ts';
import { historyLine, TestServer } from './support.ts';

const W1 = 'a000000000000001';
const DAY_MS = 24 * 3600_000;
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
});
afterEach(() => server.close());

const names = () =>
	server.tracker.projects().flatMap(({ name }) => server.tracker.runs(server.tracker.meta.project('local', name) as never).map(({ id }) => id));
const finish = (name: string) => server.tracker.stream(server.run(name), { complete: true, exitcode: 0, files: {} });

async function* bytes(text: string): AsyncIterable<Uint8Array> {
	yield Buffer.from(text);
}

test('runs that ended longer ago are deleted one by one, with their files, and their devices are told; others stay', async () => {
	for (const name of ['ended', 'silent', 'younger', 'living']) {
		server.newRun(name);
		server.send(name, W1, { history: [0, [historyLine({ a: 1 }, 0)]] });
	}
	const [upload] = server.tracker.files.openUploads(server.run('ended'), ['x.txt']);
	await server.tracker.upload(upload?.token as string, bytes('x'));
	const { sha256 } = server.tracker.files.find(server.run('ended'), 'x.txt') as { sha256: string };
	finish('ended');
	server.nowMs += 5 * DAY_MS;
	finish('younger');
	server.send('living', W1, { history: [1, [historyLine({ a: 1 }, 1)]] });
	const retention = new Retention(server.tracker, 10);
	expect(await retention.deleteOne()).toBe(false);
	server.nowMs += 5 * DAY_MS + 1;
	expect(await retention.deleteOne()).toBe(true);
	expect(names()).toHaveLength(3);
	expect(await retention.deleteOne()).toBe(true);
	expect(await retention.deleteOne()).toBe(false);
	expect(names().sort()).toEqual(['living', 'younger']);
	expect(existsSync(join(server.folder, 'blobs', sha256.slice(0, 2), sha256))).toBe(false);
	for (const name of ['ended', 'silent']) expect(() => server.run(name)).toThrow(/was deleted here/);
	// It looks again later, by the clock.
	server.nowMs += 5 * DAY_MS;
	expect(await retention.deleteOne()).toBe(true);
});

test('a server deletes old runs only where it was started with keepDays', async () => {
	const dataDir = join(server.folder, 'other');
	let nowMs = Date.now();
	const start = (keepDays?: number) => startServer({ port: 0, dataDir, nowMs: () => nowMs, ...(keepDays === undefined ? {} : { keepDays }) });
	const runsOf = async (url: string) => ((await (await fetch(`${url}/api/projects/p/runs`)).json()) as unknown[]).length;
	const first = await start();
	const query = 'mutation { upsertBucket(input: { name: "r", modelName: "p" }) { inserted } }';
	await fetch(`${first.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) });
	nowMs += 11 * DAY_MS;
	await new Promise((resolve) => setTimeout(resolve, 600));
	expect(await runsOf(first.url)).toBe(1);
	await first.close();
	const second = await start(10);
	await vi.waitFor(async () => expect(await runsOf(second.url)).toBe(0), { timeout: 10_000, interval: 50 });
	await second.close();
});
