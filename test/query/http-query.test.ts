import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { HISTORY_FILE } from '../../src/core/protocol.ts';
import type { Query } from '../../src/core/query.ts';
import { fromWire, toWire } from '../../src/core/wire-values.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createHttpQuery } from '../../src/query/http-query.ts';
import { listed } from '../server/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidelog-query-'));
let server: RunningServer;
let query: Query;

const post = (path: string, body: object) =>
	fetch(`${server.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

beforeAll(async () => {
	server = await startServer({ port: 0, dataDir: folder });
	query = createHttpQuery(server.url, systemClock);
	await post('/graphql', {
		query: 'mutation ($c: JSONString) { upsertBucket(input: { name: "r1", modelName: "a b", config: $c }) { inserted } }',
		variables: { c: '{"lr":{"value":NaN},"n":{"value":{"x":12345678901234567890}}}' },
	});
	const content = [
		'{"loss":1,"_step":0,"_timestamp":5}',
		'{"loss":NaN,"text":"t","_step":1}',
		'{"img":{"_type":"image-file","path":"media/i.png"},"_step":2}',
	];
	await post('/files/local/a%20b/r1/file_stream', {
		tidelog: { v: 1, writer: 'a000000000000001', startedMs: 1, upTo: 5, gen: 0 },
		files: { [HISTORY_FILE]: { offset: 0, content } },
	});
});

afterAll(async () => {
	await server.close();
	rmSync(folder, { recursive: true, force: true });
});

test('projects, runs, one run, metrics, charts and media come as they were logged', async () => {
	expect(await query.projects()).toMatchObject([{ name: 'a b', runs: 1, running: 1 }]);
	expect(await query.runs('a b')).toMatchObject([
		{ id: 'r1', state: 'running', colour: 0, lastStep: 2, records: 3, stored: 5, summary: { loss: Number.NaN, text: 't' } },
	]);
	expect(await query.run('a b', 'r1')).toMatchObject({
		config: { lr: Number.NaN, n: { x: 12345678901234567890n } },
		files: [{ path: 'media/i.png', sizeBytes: 0 }],
		hiddenPoints: 0,
		metrics: [],
		alerts: [],
		gen: 0,
	});
	expect(await query.metrics('a b')).toEqual([
		{ key: 'img', kind: 'media', type: 'image-file', runs: 1 },
		{ key: 'loss', kind: 'number', runs: 1 },
		{ key: 'text', kind: 'other', runs: 1 },
	]);
	expect((await query.chart({ project: 'a b', runIds: ['r1', 'nobody'], keys: ['loss', 'nothing'] })).map(listed)).toMatchObject([
		{ runId: 'r1', key: 'loss', x: [0, 1], last: [1, Number.NaN], nonFinite: [0, 1], nonFiniteAt: [{ x: 1, value: Number.NaN }] },
	]);
	expect(await query.media('a b', 'r1', 'img')).toMatchObject([{ step: 2, files: [{ path: 'media/i.png', isUploaded: false }] }]);
	expect(query.fileUrl('a b', 'r1', 'media/é 1.png')).toBe(`${server.url}/api/projects/a%20b/runs/r1/files/media/%C3%A9%201.png`);
});

test('a run that is not there is undefined, a project that is not there an error with its status', async () => {
	expect(await query.run('a b', 'nobody')).toBeUndefined();
	await expect(query.runs('nothing')).rejects.toMatchObject({ name: 'QueryError', status: 404, message: 'There is no project "nothing".' });
	await expect(query.chart({ project: 'a b', runIds: ['r1'], keys: ['loss'], x: 1 as never })).rejects.toMatchObject({ status: 400 });
});

test('numbers that JSON cannot carry come through, whatever stands around them', () => {
	const leaf = fc.oneof(
		fc.double({ noNegativeZero: true } as never).filter((n) => !Object.is(n, -0)),
		fc.bigInt(),
		fc.string(),
		fc.boolean(),
		fc.constant(null),
	);
	const { value } = fc.letrec((tie) => ({
		value: fc.oneof(
			{ maxDepth: 3 },
			leaf,
			fc.array(tie('value')),
			fc.dictionary(
				fc.string().filter((key) => key !== '__proto__'),
				tie('value'),
			),
		),
	}));
	fc.assert(
		fc.property(value, (sent) => {
			expect(fromWire(JSON.parse(JSON.stringify(toWire(sent))))).toEqual(sent);
		}),
	);
});

test('what is asked by GET is asked again after an error on the way, what is asked by POST is not', async () => {
	let asked = 0;
	const failing = createServer((_, response) => {
		asked++;
		response.writeHead(asked < 3 ? 503 : 200, { 'content-type': 'application/json', 'retry-after': '0' }).end('[]');
	});
	await new Promise<void>((resolve) => void failing.listen(0, '127.0.0.1', resolve));
	try {
		const other = createHttpQuery(`http://127.0.0.1:${(failing.address() as AddressInfo).port}`, systemClock);
		expect(await other.projects()).toEqual([]);
		expect(asked).toBe(3);
		asked = 0;
		await expect(other.metrics('p')).rejects.toMatchObject({ name: 'QueryError', status: 503 });
		expect(asked).toBe(1);
	} finally {
		failing.close();
	}
});

/** Reads server-sent events from a response until `count` have come. */
async function events(response: Response, count: number): Promise<{ runs: { id: string; records: number }[] }[]> {
	const found: { runs: { id: string; records: number }[] }[] = [];
	let text = '';
	for await (const part of (response.body as ReadableStream<Uint8Array>).pipeThrough(
		new TextDecoderStream() as never,
	) as unknown as AsyncIterable<string>) {
		text += part;
		for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
			const message = text.slice(0, end);
			text = text.slice(end + 2);
			if (message.startsWith('data: ')) found.push(JSON.parse(message.slice(6)) as { runs: { id: string; records: number }[] });
			if (found.length === count) return found;
		}
	}
	return found;
}

test('a live subscription gives all runs first, then those that changed', async () => {
	const reading = events(await fetch(`${server.url}/api/live?project=a%20b`), 2);
	await new Promise((resolve) => setTimeout(resolve, 100));
	await post('/files/local/a%20b/r1/file_stream', {
		tidelog: { v: 1, writer: 'a000000000000001', startedMs: 1, upTo: 5, gen: 0 },
		files: { [HISTORY_FILE]: { offset: 3, content: ['{"loss":2,"_step":3}'] } },
	});
	expect((await reading).map(({ runs }) => runs.map(({ id, records }) => [id, records]))).toEqual([[['r1', 3]], [['r1', 4]]]);
});

test('a project that does not exist yet shows its first run once it comes', async () => {
	const reading = events(await fetch(`${server.url}/api/live?project=later`), 2);
	await new Promise((resolve) => setTimeout(resolve, 100));
	await post('/graphql', { query: 'mutation { upsertBucket(input: { name: "first", modelName: "later" }) { inserted } }' });
	expect((await reading).map(({ runs }) => runs.map(({ id }) => id))).toEqual([[], ['first']]);
});
