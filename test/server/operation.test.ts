import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Log, type RunningServer, type ServerOptions, startServer } from '../../server/src/index.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { TestServer } from './support.ts';

let folder: string;
let server: RunningServer;
let lines: string[];

async function start(options: Partial<ServerOptions> = {}) {
	server = await startServer({
		port: 0,
		dataDir: folder,
		log: new Log({ level: 'debug', format: 'json', write: (line) => lines.push(line) }),
		...options,
	});
}

const JSON_TYPE = { 'content-type': 'application/json' };
const get = (path: string, headers: Record<string, string> = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
const post = (path: string, body: object, headers: Record<string, string> = {}) =>
	fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) });
const newRun = (name: string) =>
	post('/graphql', { query: 'mutation ($n: String) { upsertBucket(input: { name: $n, modelName: "p" }) { inserted } }', variables: { n: name } });
const told = () => lines.map((line) => JSON.parse(line) as Record<string, string | number>);
const basic = (secret: string) => ({ authorization: `Basic ${btoa(`api:${secret}`)}` });

/** A connection on which the test writes bytes itself. */
function raw(): Promise<{ socket: Socket; all: Promise<string> }> {
	return new Promise((resolve, reject) => {
		const socket = connect(server.port, '127.0.0.1', () => resolve({ socket, all }));
		let text = '';
		const all = new Promise<string>((done) => socket.on('close', () => done(text)));
		socket.setEncoding('utf8').on('data', (part: string) => {
			text += part;
		});
		socket.on('error', reject);
	});
}

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tidelog-operation-'));
	lines = [];
});

afterEach(async () => {
	await server.close();
	rmSync(folder, { recursive: true, force: true });
});

describe('health', () => {
	test('is told to everybody by any name, and nothing else is', async () => {
		await start();
		server.tokens.create({ kind: 'api' });
		const { socket, all } = await raw();
		socket.end('GET /healthz HTTP/1.1\r\nHost: 10.1.2.3\r\nConnection: close\r\n\r\n');
		expect(await all).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"status":"ok"\}$/);
		expect((await get('/healthz', { origin: 'https://evil.example' })).status).toBe(403);
		expect((await get('/api/projects')).status).toBe(401);
	});

	test('is 503 while the server stops', async () => {
		await start();
		const { socket, all } = await raw();
		socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
		await new Promise((resolve) => setTimeout(resolve, 100));
		const closed = server.close();
		socket.write('\r\n');
		expect(await all).toMatch(/^HTTP\/1\.1 503 [\s\S]*\{"status":"stopping"\}/);
		await closed;
	});

	test('is 503 when the database cannot be read', async () => {
		await start();
		const broken = new TestServer();
		const app = () => broken.request('GET', '/healthz') as Promise<Response>;
		expect((await app()).status).toBe(200);
		broken.tracker.close();
		const silenced = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
		const answer = await app();
		silenced.mockRestore();
		expect([answer.status, await answer.json()]).toEqual([503, { status: 'failing' }]);
	});
});

describe('metrics', () => {
	/** Each line as the format has it (prometheus.io/docs/instrumenting/exposition_formats). */
	const LINE =
		/^(?:# HELP \w+ .+|# TYPE \w+ (?:counter|gauge|histogram)|\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? (?:-?[\d.]+(?:e[+-]?\d+)?|NaN|[+-]Inf))$/;
	const read = async (headers?: Record<string, string>) => {
		const answer = await get('/metrics', headers);
		expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
		const text = await answer.text();
		expect(text.endsWith('\n')).toBe(true);
		const rows = text.trimEnd().split('\n');
		for (const row of rows) expect(row).toMatch(LINE);
		return new Map(
			rows.filter((row) => !row.startsWith('#')).map((row) => [row.slice(0, row.lastIndexOf(' ')), Number(row.slice(row.lastIndexOf(' ') + 1))]),
		);
	};

	test('count requests, lines, bytes, runs, streams and sizes', async () => {
		await start();
		const before = await read();
		expect(before.get('tidelog_ingest_lines_total')).toBe(0);
		await newRun('a');
		await newRun('b');
		const body = { files: { 'wandb-history.jsonl': { offset: 0, content: ['{"loss":1,"_step":0}', '{"loss":2,"_step":1}'] } } };
		await post('/files/local/p/a/file_stream', body);
		await post('/files/local/p/nobody/file_stream', body);
		const reader = new AbortController();
		const live = await fetch(`http://127.0.0.1:${server.port}/api/live?project=p`, { signal: reader.signal });
		const after = await read();
		expect(after.get('tidelog_requests_total{route="graphql",status="200"}')).toBe(2);
		expect(after.get('tidelog_requests_total{route="ingest",status="200"}')).toBe(1);
		expect(after.get('tidelog_requests_total{route="ingest",status="404"}')).toBe(1);
		expect(after.get('tidelog_ingest_lines_total')).toBe(2);
		expect(after.get('tidelog_ingest_bytes_total{kind="lines"}')).toBe(JSON.stringify(body).length);
		expect(after.get('tidelog_runs')).toBe(2);
		expect(after.get('tidelog_live_subscriptions')).toBe(1);
		expect(after.get('tidelog_store_bytes{part="database"}')).toBeGreaterThan(10_000);
		expect(after.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
		expect(after.get('nodejs_eventloop_lag_seconds{quantile="1"}')).toBeGreaterThanOrEqual(0);
		const buckets = [...after]
			.filter(([name]) => name.startsWith('tidelog_request_duration_seconds_bucket{route="ingest"'))
			.map(([, value]) => value);
		expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
		expect([buckets.length, buckets.at(-1), after.get('tidelog_request_duration_seconds_count{route="ingest"}')]).toEqual([15, 2, 2]);
		reader.abort();
		await live.text().catch(() => undefined);
		await vi.waitFor(async () => expect((await read()).get('tidelog_live_subscriptions')).toBe(0));
	});

	test('count the bytes of files', async () => {
		await start();
		await newRun('a');
		const query =
			'mutation { createRunFiles(input: { entityName: "local", projectName: "p", runName: "a", files: ["x.bin"] }) { files { uploadUrl } } }';
		const answer = (await (await post('/graphql', { query })).json()) as { data: { createRunFiles: { files: { uploadUrl: string }[] } } };
		await fetch(answer.data.createRunFiles.files[0]?.uploadUrl as string, { method: 'PUT', body: new Uint8Array(1_000) });
		const metrics = await read();
		expect(metrics.get('tidelog_ingest_bytes_total{kind="files"}')).toBe(1_000);
		expect(metrics.get('tidelog_store_bytes{part="files"}')).toBe(1_000);
	});

	test('are for readers', async () => {
		await start();
		const { secret } = server.tokens.create({ kind: 'read' });
		const key = server.tokens.create({ kind: 'api' });
		expect((await get('/metrics')).status).toBe(401);
		expect((await get('/metrics', { origin: 'http://127.0.0.1:8422' })).status).toBe(401);
		expect((await read(basic(secret))).size).toBeGreaterThan(10);
		expect((await read(basic(key.secret))).size).toBeGreaterThan(10);
	});
});

describe('the log', () => {
	test('has one line a request at debug, without its query string', async () => {
		await start();
		await get('/api/projects/none/runs?key=swordfish');
		await newRun('r');
		const requests = told().filter(({ message }) => message === 'request');
		expect(requests).toMatchObject([
			{ level: 'debug', method: 'GET', path: '/api/projects/none/runs', status: 404 },
			{ level: 'debug', method: 'POST', path: '/graphql', status: 200 },
		]);
		expect(new Set(requests.map(({ request }) => request)).size).toBe(2);
		expect(lines.join('')).not.toContain('swordfish');
	});

	test('warns of refusals, but of no more than a few hundred a minute, and counts the rest', async () => {
		let nowMs = Date.now();
		await start({ nowMs: () => nowMs });
		for (let n = 0; n < 150; n++) await get('/api/projects', { origin: 'https://evil.example' });
		const warnings = () => told().filter(({ level }) => level === 'warn');
		expect(warnings()).toHaveLength(100);
		expect(warnings()[0]).toMatchObject({ message: 'request refused', status: 403, origin: 'https://evil.example', path: '/api/projects' });
		nowMs += 60_000;
		await get('/api/projects', { origin: 'https://evil.example' });
		expect(warnings().at(-1)).toMatchObject({ silent: 50 });
	});

	test('has each failure of the server under the id that the answer names, and the answer says nothing else', async () => {
		await start();
		const failing = vi.spyOn(Tracker.prototype, 'projects').mockImplementation(() => {
			throw new Error('disk of /srv/secret-place is on fire');
		});
		const answer = await get('/api/projects');
		failing.mockRestore();
		const body = ((await answer.json()) as { error: string }).error;
		expect(answer.status).toBe(500);
		expect(body).not.toMatch(/secret-place|fire|\.ts/);
		const [line] = told().filter(({ level }) => level === 'error');
		expect(line).toMatchObject({ message: 'request failed', method: 'GET', route: '/api/projects' });
		expect(line?.error).toMatch(/on fire[\s\S]+operation\.test\.ts/);
		expect(body).toContain(line?.request);
	});

	test('keeps an event on one line, cuts long values, and names no secret', async () => {
		await start();
		const written: string[] = [];
		const options = { level: 'info', write: (line: string) => written.push(line), nowMs: () => 0 } as const;
		const secret = `tlk-${'a1'.repeat(20)}`;
		new Log(options).warn('refused', { path: `/a\nERROR forged ${secret}`, status: 403, host: undefined, long: 'x'.repeat(9_999) });
		new Log({ ...options, format: 'json' }).error('failed', {}, new Error(`no ${secret}`));
		new Log(options).debug('not told');
		new Log({ ...options, format: 'json' }).error(
			'parsing',
			{},
			attempt(() => JSON.parse('{"weight": swordfish}')),
		);
		expect(written).toHaveLength(3);
		expect(written[0]).toMatch(/^1970-01-01T00:00:00\.000Z WARN {2}refused path="\/a\\nERROR forged tlk-…" status=403 long=x{500}\n$/);
		expect(JSON.parse(written[1] as string)).toMatchObject({ level: 'error', error: expect.stringMatching(/^Error: no tlk-…\n/) });
		expect(written.join('')).not.toMatch(/a1a1|swordfish/);
	});
});

function attempt(work: () => unknown): unknown {
	try {
		return work();
	} catch (error) {
		return error;
	}
}

describe('a body', () => {
	test('that stalls is cut off with 408; the connection ends', async () => {
		await start({ bodyIdleMs: 200 });
		const { socket, all } = await raw();
		await newRun('r');
		// The app waits for this one.
		const path = 'POST /files/local/p/r/file_stream HTTP/1.1';
		socket.write(`${path}\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"files":`);
		const startedMs = performance.now();
		expect(await all).toMatch(/^HTTP\/1\.1 408 /);
		expect(performance.now() - startedMs).toBeGreaterThan(150);
		expect((await get('/healthz')).status).toBe(200);
	});

	test('that moves may take many times as long', async () => {
		await start({ bodyIdleMs: 200 });
		await newRun('r');
		const { socket, all } = await raw();
		const body = JSON.stringify({ files: { 'output.log': { offset: 0, content: ['x'.repeat(20)] } } });
		const path = 'POST /files/local/p/r/file_stream HTTP/1.1';
		socket.write(
			`${path}\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
		);
		for (const letter of body) {
			socket.write(letter);
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		expect(await all).toMatch(/^HTTP\/1\.1 200 /);
	});
});
