import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startServer } from '../../server/src/index.ts';
import { SqliteHistoryStore } from '../../server/src/store/sqlite-history-store.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { CHART_TYPE, decodeChart } from '../../src/core/chart-bytes.ts';
import { chartOf, listed, TestServer } from './support.ts';

const W1 = 'a000000000000001';
const ROWS = 3_000;
const KEYS = Array.from({ length: 40 }, (_, i) => `k${i}`);
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
	const row = (step: number) => `{${KEYS.map((key, k) => `"${key}":${step * k}`).join()},"_step":${step}}`;
	server.send('r', W1, { history: [0, Array.from({ length: ROWS }, (_, step) => row(step))] });
});
afterEach(() => {
	vi.restoreAllMocks();
	server.close();
});

/** Counts the series that a chart reads, and says when one was given up. */
function watchBuckets() {
	const seen = { read: 0, isEnded: false };
	const { buckets } = SqliteHistoryStore.prototype;
	vi.spyOn(SqliteHistoryStore.prototype, 'buckets').mockImplementation(function* (this: SqliteHistoryStore, ...args) {
		try {
			for (const series of buckets.apply(this, args)) {
				seen.read++;
				yield series;
			}
		} finally {
			seen.isEnded = true;
		}
	});
	return seen;
}

const request = (over: object = {}) => JSON.stringify({ project: 'p', runIds: ['r', 'nobody'], keys: [...KEYS, 'none'], buckets: 10_000, ...over });

test('a chart comes as bytes, a series for each run and key that has numbers, as the store has it', async () => {
	const response = await server.request('POST', '/api/chart', request());
	expect(response.headers.get('content-type')).toBe(CHART_TYPE);
	const series = decodeChart(await response.arrayBuffer());
	expect(series.map(({ key }) => key)).toEqual(KEYS);
	for (const one of series) expect(listed(one)).toEqual(chartOf(server.tracker.history, server.run('r'), one.key, { buckets: 10_000 }));
	expect(series[7]?.points).toBe(ROWS);
});

test('a request that makes no sense is answered with what is wrong', async () => {
	for (const [over, message] of [
		[{ project: 1 }, /needs project/],
		[{ keys: [1] }, /lists of text/],
		[{ runIds: new Array(51).fill('r') }, /51 runs × 41 metrics are more than 2000/],
		[{ x: 5 }, /x must be/],
		[{ range: [1] }, /range must be/],
		[{ range: [1, '2'] }, /range must be/],
		[{ buckets: 'many' }, /buckets must be/],
	] as const) {
		const response = await server.request('POST', '/api/chart', request(over));
		expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([400, expect.stringMatching(message)]);
	}
});

test('series are read as they are taken, and no more of them once the reader goes away', async () => {
	const seen = watchBuckets();
	const response = await server.request('POST', '/api/chart', request());
	const reader = (response.body as ReadableStream<Uint8Array>).getReader();
	while ((await reader.read()).value?.length === 8);
	await new Promise((resolve) => setTimeout(resolve, 50));
	expect(seen.read).toBeLessThan(5);
	await reader.cancel();
	expect(seen).toMatchObject({ isEnded: true });
	expect(seen.read).toBeLessThan(5);
});

test('a client that hangs up ends the work over a real connection too, and others have their turn meanwhile', async () => {
	const seen = watchBuckets();
	server.tracker.close();
	const running = await startServer({ port: 0, dataDir: server.folder });
	try {
		const body = request({ runIds: new Array(5).fill('r') });
		const socket = connect(running.port, '127.0.0.1');
		socket.write(
			`POST /api/chart HTTP/1.1\r\nHost: 127.0.0.1:${running.port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
		);
		await new Promise((resolve) => socket.once('data', resolve));
		socket.pause();
		expect((await fetch(`${running.url}/api/projects`)).status).toBe(200);
		socket.destroy();
		await vi.waitFor(() => expect(seen.isEnded).toBe(true), { timeout: 5_000 });
		expect(seen.read).toBeLessThan(5 * KEYS.length);
	} finally {
		await running.close();
		server.tracker = new Tracker(server.folder, Date.now);
	}
});
