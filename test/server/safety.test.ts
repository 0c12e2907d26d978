import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';

/** Each attack that a page of another site, or a name pointed at this machine, can try; over a real socket, with the headers a browser would send. */
const DEMO = 'https://demo.example';
const LOCAL = 'http://127.0.0.1:8422';
const KEY = 'k'.repeat(32);
const folder = mkdtempSync(join(tmpdir(), 'tidelog-safety-'));
let server: RunningServer;

beforeAll(async () => {
	server = await startServer({ port: 0, dataDir: folder, origins: [DEMO] });
});

afterAll(async () => {
	await server.close();
	rmSync(folder, { recursive: true, force: true });
});

interface Answer {
	status: number;
	headers: Record<string, string | string[] | undefined>;
	body: string;
}

function send(method: string, path: string, headers: Record<string, string> = {}, body: string | Buffer = ''): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const outgoing = request(
			{ host: '127.0.0.1', port: server.port, method, path, headers: { 'content-length': String(Buffer.byteLength(body)), ...headers } },
			(incoming) => {
				let text = '';
				incoming.setEncoding('utf8').on('data', (part: string) => {
					text += part;
				});
				incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
			},
		);
		outgoing.on('error', reject);
		outgoing.end(body);
	});
}

const JSON_TYPE = { 'content-type': 'application/json' };
const graphql = (query: string, variables: object, headers: Record<string, string> = JSON_TYPE) =>
	send('POST', '/graphql', headers, JSON.stringify({ query, variables }));
const upsert = (name: string, headers?: Record<string, string>) =>
	graphql('mutation ($name: String) { upsertBucket(input: { name: $name, modelName: "p" }) { bucket { name } } }', { name }, headers);
const stream = (run: string, body: string | Buffer, headers: Record<string, string> = {}) =>
	send('POST', `/files/local/p/${run}/file_stream`, { ...JSON_TYPE, ...headers }, body);
const runIds = async () => (JSON.parse((await send('GET', '/api/projects/p/runs')).body) as { id: string }[]).map(({ id }) => id);

describe('a page of another site', () => {
	test.each<[string, string, string, Record<string, string>]>([
		['reading', 'GET', '/api/projects', { origin: 'https://evil.example' }],
		['reading from a sandboxed frame', 'GET', '/api/projects', { origin: 'null' }],
		['reading without CORS', 'GET', '/api/projects', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
		['listening to live updates', 'GET', '/api/live?project=p', { origin: 'https://evil.example' }],
		['a preflight', 'OPTIONS', '/graphql', { origin: 'https://evil.example', 'access-control-request-method': 'POST' }],
		['an origin that only looks like loopback', 'GET', '/api/projects', { origin: 'http://127.0.0.1.evil.example' }],
	])('is refused and gets no CORS header: %s', async (_what, method, path, headers) => {
		const answer = await send(method, path, headers);
		expect(answer.status).toBe(403);
		expect(answer.headers['access-control-allow-origin']).toBeUndefined();
	});

	test('changes nothing', async () => {
		await upsert('good');
		expect((await upsert('evil1', { ...JSON_TYPE, origin: 'https://evil.example' })).status).toBe(403);
		expect((await upsert('evil2', { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
		// A form, or a fetch that needs no preflight, cannot say application/json.
		expect((await upsert('evil3', { 'content-type': 'text/plain' })).status).toBe(415);
		expect((await upsert('evil4', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
		expect(await runIds()).toEqual(['good']);
	});
});

test('a name that is pointed at this machine is not answered', async () => {
	for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1', `127.0.0.1:${server.port + 1}`]) {
		expect((await send('GET', '/api/projects', { host })).status).toBe(403);
	}
	for (const host of ['127.0.0.1', 'localhost', '[::1]'])
		expect((await send('GET', '/api/projects', { host: `${host}:${server.port}` })).status).toBe(200);
});

test.each([DEMO, LOCAL])('an origin that may write gets exact CORS answers that the browser may remember: %s', async (origin) => {
	const preflight = await send('OPTIONS', '/files/local/p/r/file_stream', { origin, 'access-control-request-method': 'POST' });
	expect(preflight.status).toBe(204);
	expect(preflight.headers).toMatchObject({
		'access-control-allow-origin': origin,
		'access-control-allow-methods': 'GET, POST, PUT',
		'access-control-allow-headers': 'authorization, content-type, content-encoding, tidelog-run-key',
		'access-control-max-age': '7200',
		vary: 'Origin',
	});
	expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
});

test('answers with errors carry the CORS headers too, so that a page can read why', async () => {
	const headers = { ...JSON_TYPE, origin: DEMO };
	for (const [answer, status] of [
		[await stream('nobody', '{}', headers), 404],
		[await stream('nobody', '{', { origin: DEMO, 'content-type': 'text/plain' }), 415],
		[await send('GET', '/api/projects/nothing/runs', { origin: DEMO }), 403],
		[await send('PUT', '/uploads/guess', { origin: DEMO }, 'x'), 403],
		[await graphql('mutation { upsertBucket(input: {}) { inserted } }', {}, headers), 400],
	] as [Answer, number][]) {
		expect([answer.status, answer.headers['access-control-allow-origin'], answer.headers.vary]).toEqual([status, DEMO, 'Origin']);
	}
});

describe.each([DEMO, LOCAL])('a page of %s', (origin) => {
	const headers = { ...JSON_TYPE, origin };
	const owner = { ...headers, 'tidelog-run-key': KEY };
	const name = `own-${origin === DEMO ? 'listed' : 'loopback'}`;
	const status =
		'query ($name: String!) { model(name: "p") { bucket(name: $name, missingOk: true) { id config historyTail tidelog { nextStep } } } }';

	test('writes a run that it makes, and goes on with it by its key', async () => {
		expect((await upsert(name, owner)).status).toBe(200);
		expect((await upsert(name, owner)).status).toBe(200);
		expect((await stream(name, '{"files":{"wandb-history.jsonl":{"offset":0,"content":["{\\"loss\\":1,\\"_step\\":0}"]}}}', owner)).status).toBe(200);
		const found = await graphql(status, { name }, owner);
		expect([found.status, found.body]).toEqual([200, expect.stringContaining('nextStep')]);
		const create =
			'mutation ($run: String!) { createRunFiles(input: { entityName: "local", projectName: "p", runName: $run, files: ["a.png"] }) { files { uploadUrl } } }';
		const { body } = await graphql(create, { run: name }, owner);
		const url = (JSON.parse(body) as { data: { createRunFiles: { files: { uploadUrl: string }[] } } }).data.createRunFiles.files[0]?.uploadUrl ?? '';
		expect((await send('PUT', new URL(url).pathname, { origin }, 'x')).status).toBe(200);
		const alert =
			'mutation ($run: String!) { notifyScriptableRunAlert(input: { projectName: "p", runName: $run, title: "t", text: "x" }) { success } }';
		expect((await graphql(alert, { run: name }, owner)).status).toBe(200);
		expect((await graphql('{ serverInfo { features { name isEnabled } } }', {}, headers)).status).toBe(200);
	});

	test('makes no run without a key, and opens none of others', async () => {
		expect((await upsert(`${name}-2`, headers)).status).toBe(403);
		await upsert('theirs', { ...JSON_TYPE, 'tidelog-run-key': 't'.repeat(32) });
		await upsert('keyless');
		for (const run of ['theirs', 'keyless']) {
			for (const sent of [headers, owner, { ...headers, 'tidelog-run-key': 'T'.repeat(32) }]) {
				expect((await upsert(run, sent)).status).toBe(403);
				expect((await stream(run, '{"complete":true}', sent)).status).toBe(403);
				expect((await graphql(status, { name: run }, sent)).body).not.toContain('nextStep');
			}
		}
		expect(JSON.parse((await send('GET', '/api/projects/p/runs/theirs')).body)).toMatchObject({ state: 'running' });
		const fork = 'mutation ($c: JSONString) { upsertBucket(input: { name: "fork", modelName: "p", config: $c }) { inserted } }';
		const config = (run: string) => ({ c: JSON.stringify({ _wandb: { value: { branch_point: { run_id: run, step: 0 } } } }) });
		expect((await graphql(fork, config('theirs'), owner)).status).toBe(403);
	});

	test('never reads, deletes or stops', async () => {
		await upsert('theirs', { ...JSON_TYPE, 'tidelog-run-key': 't'.repeat(32) });
		for (const path of [
			'/api/server',
			'/api/projects',
			'/api/projects/p/runs',
			'/api/projects/p/runs/theirs',
			'/api/live?project=p',
			'/api/projects/p/runs/theirs/media?key=a',
			'/api/projects/p/runs/theirs/console',
			'/api/projects/p/runs/theirs/files/a.txt',
			...['history.jsonl', 'history.csv', 'history.parquet', 'records.jsonl'].map((name) => `/api/projects/p/runs/theirs/${name}`),
			'/api/nothing',
		]) {
			expect([path, (await send('GET', path, owner)).status]).toEqual([path, 403]);
		}
		for (const path of ['/api/chart', '/api/projects/p/metrics', '/api/projects/p/runs/query', '/api/projects/p/runs/groups'])
			expect([path, (await send('POST', path, owner, '{}')).status]).toEqual([path, 403]);
		for (const query of [
			'{ viewer { entity } }',
			'{ models { edges { node { name } } } }',
			'{ project(name: "p") { runs { totalCount } } }',
			'{ project(name: "p") { ...on Project { a: runCount } } }',
			'query { project(name: "p") { ...F } } fragment F on Project { runs { edges { node { name } } } }',
			'mutation { upsertBucket(input: { name: "own-x", modelName: "p" }) { bucket { project { runs { totalCount } } } } }',
			'mutation { stopRun(input: { id: "1" }) { success } }',
			'mutation { deleteRun(input: { id: "1" }) { clientMutationId } }',
			'{ __schema { types { name } } }',
		]) {
			expect([query, (await graphql(query, {}, owner)).status]).toEqual([query, 403]);
		}
		expect(await runIds()).toContain('theirs');
	});
});

test('an upload needs the address that was given out', async () => {
	expect((await send('PUT', '/uploads/guess', {}, 'x')).status).toBe(403);
});

test('a path that leaves the folder of the run is refused, for writing and for reading', async () => {
	await upsert('paths');
	const create =
		'mutation ($f: [String!]!) { createRunFiles(input: { entityName: "local", projectName: "p", runName: "paths", files: $f }) { files { uploadUrl } } }';
	for (const path of ['../x', 'a/../../x', '/etc/passwd', '', 'a\\..\\x', './x', 'a\0b', 'x'.repeat(5_000)])
		expect((await graphql(create, { f: [path] })).status).toBe(400);
	for (const path of ['..%2f..%2ftidelog.db', '%2e%2e/%2e%2e/tidelog.db', 'tidelog.db']) {
		const answer = await send('GET', `/api/projects/p/runs/paths/files/${path}`);
		expect([403, 404]).toContain(answer.status);
		expect(answer.body).not.toContain('SQLite');
	}
	expect((await send('GET', '/..%2f..%2fpackage.json')).body).not.toContain('"tidelog"');
});

test('a logged file is never run as part of this site', async () => {
	await upsert('html');
	const create =
		'mutation { createRunFiles(input: { entityName: "local", projectName: "p", runName: "html", files: ["a.html", "a.svg", "a.png"] }) { files { name uploadUrl } } }';
	const { files } = (JSON.parse((await graphql(create, {})).body) as { data: { createRunFiles: { files: { name: string; uploadUrl: string }[] } } })
		.data.createRunFiles;
	for (const { name, uploadUrl } of files) {
		expect((await send('PUT', new URL(uploadUrl).pathname, {}, '<script>alert(1)</script>')).status).toBe(200);
		const answer = await send('GET', `/api/projects/p/runs/html/files/${name}`);
		expect(answer.body).toBe('<script>alert(1)</script>');
		expect(answer.headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
		expect(answer.headers['x-content-type-options']).toBe('nosniff');
		expect(answer.headers['content-type']).toBe(name === 'a.png' ? 'image/png' : 'application/octet-stream');
	}
});

describe('a body', () => {
	test('that is too large is refused with 413, also when only its inflated form is', async () => {
		await upsert('big');
		const text = JSON.stringify({ files: { 'output.log': { offset: 0, content: ['x'.repeat(45 * 2 ** 20)] } } });
		expect((await stream('big', gzipSync(text), { 'content-encoding': 'gzip' })).status).toBe(413);
	});

	test('that is broken is refused with 400 and words, never a stack trace', async () => {
		await upsert('broken');
		const w = { writer: 'a000000000000001', startedMs: 1, upTo: 1, gen: 0 };
		for (const [body, headers] of [
			['{', {}],
			['[]', {}],
			['not gzip', { 'content-encoding': 'gzip' }],
			[JSON.stringify({ tidelog: { ...w, v: 2 } }), {}],
			[JSON.stringify({ tidelog: { ...w, v: 1, writer: '../../x' } }), {}],
			[JSON.stringify({ tidelog: { ...w, v: 1, gen: undefined } }), {}],
			[JSON.stringify({ tidelog: { ...w, v: 1 }, files: { 'wandb-summary.json': { offset: 0, content: ['{}'] } } }), {}],
			[JSON.stringify({ tidelog: { ...w, v: 1 }, files: { 'wandb-history.jsonl': { offset: 0, content: ['null'] } } }), {}],
			[JSON.stringify({ tidelog: { ...w, v: 1 }, files: { 'wandb-history.jsonl': null } }), {}],
			[JSON.stringify({ tidelog: { ...w, v: 1 }, files: { 'wandb-history.jsonl': { offset: -1, content: [] } } }), {}],
			[JSON.stringify({ tidelog: { ...w, v: 1 }, files: { 'wandb-history.jsonl': { offset: 0, content: ['{"a":'] } } }), {}],
			[JSON.stringify({ files: { 'wandb-history.jsonl': { offset: 0, content: [5] } } }), {}],
		] as [string, Record<string, string>][]) {
			const answer = await stream('broken', body, headers);
			expect([body, answer.status]).toEqual([body, 400]);
			expect(answer.body).toMatch(/"(error|message)":"/);
			expect(answer.body).not.toMatch(/ {4}at |\.ts:/);
		}
		expect((await stream('no-such-run', '{}')).status).toBe(404);
		expect((await send('POST', '/graphql', JSON_TYPE, '{"query": 5}')).status).toBe(400);
	});
});

test('the introspection of tools stays within the limits', async () => {
	const query = getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true });
	const { status, body } = await graphql(query, {});
	expect([status, body.slice(0, 20)]).toEqual([200, expect.stringMatching(/^\{"data":\{"__schema"/)]);
	expect(body).not.toContain('"errors"');
});

test('JSON inside of JSON has a limit to its depth too', async () => {
	await upsert('deep');
	const nested = (levels: number) => `{"a":${'['.repeat(levels)}1${']'.repeat(levels)},"_step":0}`;
	const lines = (name: string, line: string) => JSON.stringify({ files: { [name]: { offset: 0, content: ['{"b":1}', line] } } });
	expect((await stream('deep', lines('wandb-history.jsonl', nested(99)))).status).toBe(200);
	for (const levels of [100, 100_000]) {
		const { status, body } = await stream('deep', lines('wandb-history.jsonl', nested(levels)));
		expect([status, body]).toEqual([400, expect.stringContaining('Line 1 of files[\\"wandb-history.jsonl\\"] is nested deeper than 100 levels')]);
		expect((await stream('deep', lines('wandb-events.jsonl', nested(levels)))).status).toBe(400);
		expect((await stream('deep', lines('wandb-summary.json', nested(levels)))).status).toBe(400);
		const config = 'mutation ($c: JSONString) { upsertBucket(input: { name: "deep", modelName: "p", config: $c }) { inserted } }';
		expect((await graphql(config, { c: nested(levels) })).status).toBe(400);
	}
	// Text is text, whatever brackets it has.
	expect((await stream('deep', lines('output.log', '['.repeat(500)))).status).toBe(200);
	expect((await stream('deep', lines('wandb-history.jsonl', JSON.stringify({ text: '[{'.repeat(500), _step: 1 })))).status).toBe(200);
});

describe('a request that is short to write and long to answer', () => {
	test.each([
		['deep JSON', '/api/chart', `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
		['a chart of what is no JSON', '/api/chart', '{'],
		['a chart of a list', '/api/chart', '[]'],
		[
			'a deep query',
			'/graphql',
			JSON.stringify({ query: `{ project(name: "p") ${'{ entity { project '.repeat(1)}${'{ a '.repeat(900)}${'}'.repeat(902)} }` }),
		],
		['a long query', '/graphql', JSON.stringify({ query: `{ ${'__typename '.repeat(3_000)} }` })],
		[
			'a query whose fragments multiply',
			'/graphql',
			JSON.stringify({
				query: `{ ...f0 } ${Array.from({ length: 30 }, (_, n) => `fragment f${n} on Query { ${n < 29 ? `...f${n + 1} a: __typename ...f${n + 1}` : '__typename'} }`).join(' ')}`,
			}),
		],
	])('is refused: %s', async (_what, path, body) => {
		const answer = await send('POST', path, JSON_TYPE, body);
		expect([answer.status, answer.body]).toEqual([path === '/graphql' ? expect.any(Number) : 400, expect.stringMatching(/"(error|message)":"/)]);
		expect(answer.status).toBeLessThan(500);
		expect(answer.body).not.toMatch(/"data":\{/);
	});
});

test('a number that the store could not give back never gets into it: the run, and lists that it is in, stay readable', async () => {
	await upsert('numbers');
	for (const exitcode of [1e18, -1e300, 0.5, 'x', {}])
		expect((await stream('numbers', JSON.stringify({ complete: true, exitcode }))).status).toBe(400);
	const offset = Number.MAX_SAFE_INTEGER;
	expect((await stream('numbers', JSON.stringify({ files: { 'wandb-history.jsonl': { offset, content: ['{}'] } } }))).status).toBe(400);
	const line = JSON.stringify({ alert: { title: 't', text: 'x' }, _timestamp: 1e15, _runtime: 0 });
	const tidelog = { v: 1, writer: 'a000000000000001', startedMs: 1, upTo: 0, gen: 0 };
	const alert = { files: { 'tidelog-meta.jsonl': { offset: 0, content: [line] } }, tidelog };
	expect((await stream('numbers', JSON.stringify(alert))).status).toBe(200);
	const { alerts } = JSON.parse((await send('GET', '/api/projects/p/runs/numbers')).body) as { alerts: { timeMs: number }[] };
	expect(Math.abs((alerts[0]?.timeMs ?? 0) - Date.now())).toBeLessThan(60_000);
	expect(await runIds()).toContain('numbers');
});

test('a mistake in what a request holds is told with 400, never as a failure of the server', async () => {
	await upsert('mistakes');
	const config = 'mutation ($c: JSONString, $n: String) { upsertBucket(input: { name: $n, modelName: "p", config: $c }) { inserted } }';
	expect((await graphql(config, { n: { not: 'text' } })).status).toBe(400);
	expect((await graphql(config, { c: 5, n: 'mistakes' })).status).toBe(400);
	expect((await graphql('query ($n: String!) { model(name: $n) { id } }', {})).status).toBe(400);
	for (const [path, body] of [
		['/api/projects/p/metrics', { runIds: 'r' }],
		['/api/projects/p/metrics', { runIds: {} }],
		['/api/chart', { project: 'p', runIds: [], keys: [], range: 'ab' }],
		['/api/chart', { project: 'p', runIds: [], keys: [], buckets: 'x' }],
	] as const)
		expect([path, (await send('POST', path, JSON_TYPE, JSON.stringify(body))).status]).toEqual([path, 400]);
	expect((await send('GET', '/api/projects/%00/x.js')).status).toBe(400);
});

test('an address that is not well-formed is refused with 400', async () => {
	for (const path of ['/%zz', '/%00', '/%ff%fe', '/api/projects/%zz/runs']) {
		const { status, body } = await send('GET', path);
		expect([path, status < 500 || status === 503]).toEqual([path, true]);
		expect(body).not.toMatch(/ {4}at |\.ts:/);
	}
	expect((await send('GET', '/%zz')).status).toBe(400);
});
