import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, Log, type RunningServer, startServer } from '../../server/src/index.ts';
import { WHOLE_SDL } from '../../server/src/routes/graphql.ts';
import { documentOf, jsonOf, nastyString, rootFields, word } from './fuzz-values.ts';
import { TestServer } from './support.ts';

/**
 * Whatever comes in: never a 5xx, never an error in the log, never a stack trace or a path of this machine in an answer, and the server goes on. Routes
 * come from the app and GraphQL's fields from its schema, so that new ones are in.
 */
const folder = mkdtempSync(join(tmpdir(), 'tidelog-fuzz-'));
/** Of each property; `TIDELOG_FUZZ_RUNS=5000` looks longer. */
const RUNS = Number(process.env.TIDELOG_FUZZ_RUNS ?? 150);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
const errors: string[] = [];
let server: RunningServer;
let uploads: string[];

const routes = (() => {
	const none = new TestServer();
	const options = {
		hosts: () => new Set<string>(),
		origins: new Set<string>(),
		tokens: none.tokens,
		dashboardDir: folder,
		closing: new AbortController().signal,
	};
	const found = createApp(none.tracker, options).routes.filter(({ method }) => method !== 'ALL');
	none.close();
	return found.map(({ method, path }) => ({ method, path }));
})();

interface Answer {
	status: number;
	body: string;
}

function send(method: string, path: string, headers: Record<string, string | string[]>, body: Buffer | string = ''): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const outgoing = request({
			host: '127.0.0.1',
			port: server.port,
			agent,
			method,
			path,
			headers: { 'content-length': Buffer.byteLength(body), ...headers },
		});
		outgoing.on('response', (incoming) => {
			const status = incoming.statusCode ?? 0;
			let text = '';
			incoming.setEncoding('utf8').on('data', (part: string) => {
				text += part;
				// It has no end of its own.
				if (incoming.headers['content-type'] === 'text/event-stream') incoming.destroy();
			});
			incoming.on('close', () => resolve({ status, body: text }));
		});
		outgoing.on('error', reject);
		outgoing.end(body);
	});
}

const LEAK = /\n {4}at |\.ts:\d|node_modules|file:\/\/\/|node:internal|sqlite|SQLITE|ENOENT|EACCES/;

function check({ status, body }: Answer): void {
	expect(status).toBeLessThan(500);
	expect(body).not.toMatch(LEAK);
	expect(body).not.toContain(folder);
	expect(body).not.toContain(process.cwd());
	expect(errors.splice(0)).toEqual([]);
}

const JSON_TYPE = { 'content-type': 'application/json' };
const graphql = async (query: string, variables: object) => {
	const answer = await send('POST', '/graphql', JSON_TYPE, JSON.stringify({ query, variables }));
	return { ...answer, data: JSON.parse(answer.body) as { data: never } };
};
const upsert = (name: string) => graphql('mutation ($n: String) { upsertBucket(input: { name: $n, modelName: "p" }) { inserted } }', { n: name });
const LINES = ['{"loss":1,"_step":0,"_runtime":1,"_timestamp":2}', '{"loss":"NaN","a":{"b":[1]},"_step":1}'];

beforeAll(async () => {
	writeFileSync(join(folder, 'index.html'), '<html></html>');
	const log = new Log({ write: (line) => void (/lines came again/.test(line) || errors.push(line)) });
	server = await startServer({ port: 0, dataDir: join(folder, 'data'), dashboardDir: folder, log });
	for (const run of ['r', 'other']) {
		await upsert(run);
		await send(
			'POST',
			`/files/local/p/${run}/file_stream`,
			JSON_TYPE,
			JSON.stringify({ files: { 'wandb-history.jsonl': { offset: 0, content: LINES } } }),
		);
	}
	const create =
		'mutation { createRunFiles(input: { entityName: "local", projectName: "p", runName: "r", files: ["a.png", "b/c.txt", "d"] }) { files { uploadUrl } } }';
	const { data } = (await graphql(create, {})).data as { data: { createRunFiles: { files: { uploadUrl: string }[] } } };
	uploads = data.createRunFiles.files.map(({ uploadUrl }) => new URL(uploadUrl).pathname.slice('/uploads/'.length));
	await send('PUT', `/uploads/${uploads[0]}`, {}, 'png');
});

afterAll(async () => {
	agent.destroy();
	await server.close();
	rmSync(folder, { recursive: true, force: true });
});

/** Values of parameters that lead somewhere, by their name. */
const KNOWN: Record<string, () => readonly string[]> = {
	entity: () => ['local'],
	project: () => ['p'],
	run: () => ['r', 'other'],
	id: () => ['r', 'other'],
	path: () => ['a.png', 'b/c.txt'],
	token: () => uploads,
};

/** An address of the route: parameters filled with known, strange and badly encoded text. */
function addressOf(path: string): fc.Arbitrary<string> {
	const parts = path.split('/').map((part) => {
		const name = /^:(\w+)/.exec(part)?.[1];
		if (name === undefined) return fc.constant(part === '*' ? 'x' : part);
		const known = fc.nat(9).map((n) => {
			const names = KNOWN[name]?.() ?? ['x'];
			return encodeURI(names[n % names.length] as string);
		});
		const bad = fc.constantFrom(
			'%',
			'%zz',
			'%00',
			'%ff%fe',
			'..',
			'%2e%2e',
			'..%2f..%2fetc%2fpasswd',
			'%5c..%5c',
			'',
			'~',
			'x'.repeat(3_000),
			'__proto__',
		);
		const strange = nastyString.map((text) => encodeURIComponent(text.replace(/[\ud800-\udfff]/g, '?')));
		return fc.oneof({ weight: 6, arbitrary: known }, { weight: 1, arbitrary: bad }, { weight: 1, arbitrary: strange });
	});
	const query = fc.oneof(
		{ weight: 2, arbitrary: fc.constant('') },
		{
			weight: 1,
			arbitrary: fc.constantFrom(
				'?',
				'?a',
				'?%',
				'?project=p&project=q',
				'?stream=__proto__',
				'?stream=history',
				'?stream=console',
				'?key[]=1',
				'?key=%00',
				'?=&=',
			),
		},
		{ weight: 2, arbitrary: fc.array(fc.tuple(word, nastyString), { maxLength: 4 }).map((pairs) => `?${new URLSearchParams(pairs)}`) },
	);
	return fc.tuple(fc.tuple(...parts), query).map(([names, text]) => `${names.join('/') || '/'}${text}`);
}

const headers: fc.Arbitrary<Record<string, string>> = fc.record(
	{
		'content-type': fc.oneof(
			{ weight: 8, arbitrary: fc.constant('application/json') },
			{ weight: 1, arbitrary: fc.constantFrom('', ';', 'text/plain', 'application/json; charset=x', 'multipart/form-data') },
		),
		authorization: fc.constantFrom(
			'',
			'Basic',
			'Basic !',
			`Basic ${btoa('api:x')}`,
			`Basic ${btoa('api:tlk-zzz')}`,
			'Bearer x',
			`Basic ${btoa(`api:${'a'.repeat(40)}`)}`,
		),
		'content-encoding': fc.constantFrom('identity', 'deflate', 'br', 'gzip, gzip', ''),
		origin: fc.constantFrom('null', '', 'http://127.0.0.1:1', 'https://evil.example', 'file://', 'x'.repeat(2_000)),
		'if-none-match': fc.constantFrom('*', '"x"', ''),
		range: fc.constantFrom('bytes=0-', 'bytes=-1', 'bytes=9-1', 'x'),
		'tidelog-run-key': fc.constantFrom('', 'k'.repeat(32), 'K'.repeat(32), 'x'.repeat(5_000)),
		'sec-fetch-site': fc.constantFrom('same-origin', 'cross-site', 'x'),
		accept: fc.constantFrom('*/*', '', 'text/event-stream', 'application/vnd.apache.parquet'),
	},
	{ requiredKeys: ['content-type'] },
);
/** Most requests should get past the door. */
const mostlyPlain = fc.oneof({ weight: 2, arbitrary: fc.constant<Record<string, string>>(JSON_TYPE) }, { weight: 1, arbitrary: headers });

/** A body of JSON that is nearly right, with other things in some places; or none at all. */
const body: fc.Arbitrary<{ bytes: Buffer; encoding?: string }> = fc.oneof(
	{ weight: 8, arbitrary: jsonOf.map((value) => ({ bytes: Buffer.from(JSON.stringify(value) ?? '') })) },
	{ weight: 2, arbitrary: jsonOf.map((value) => ({ bytes: gzipSync(JSON.stringify(value) ?? ''), encoding: 'gzip' })) },
	{ weight: 1, arbitrary: jsonOf.map((value) => ({ bytes: gzipSync(JSON.stringify(value) ?? '').subarray(0, -5), encoding: 'gzip' })) },
	{ weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ bytes: Buffer.from(bytes), encoding: 'gzip' })) },
	{ weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ bytes: Buffer.from(bytes) })) },
	{ weight: 1, arbitrary: fc.json().map((text) => ({ bytes: Buffer.from(text) })) },
);

test('every route is known to the tests below', () => {
	expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(
		expect.arrayContaining([
			'POST /graphql',
			'POST /files/:entity/:project/:run/file_stream',
			'PUT /uploads/:token',
			'GET /api/live',
			'GET /metrics',
			'GET /healthz',
			'GET /*',
		]),
	);
});

test.each(routes)('$method $path', { timeout: 600_000 }, async ({ method, path }) => {
	const methods = fc.oneof(
		{ weight: 6, arbitrary: fc.constant(method) },
		{ weight: 1, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND') },
	);
	await fc.assert(
		fc.asyncProperty(methods, addressOf(path), mostlyPlain, body, async (verb, address, sent, { bytes, encoding }) => {
			check(
				await send(
					verb,
					address,
					encoding === undefined ? sent : { ...sent, 'content-encoding': encoding },
					verb === 'GET' || verb === 'HEAD' ? '' : bytes,
				),
			);
		}),
		{ numRuns: RUNS },
	);
});

describe('GraphQL', () => {
	test.each(rootFields(WHOLE_SDL))('%s %s', { timeout: 600_000 }, async (operation, field) => {
		await fc.assert(
			fc.asyncProperty(documentOf(WHOLE_SDL, operation, field), async ({ query, variables }) => {
				check(await send('POST', '/graphql', JSON_TYPE, JSON.stringify({ query, variables })));
			}),
			{ numRuns: RUNS },
		);
	});

	test('text that is no query', async () => {
		const token = fc.constantFrom(
			'{',
			'}',
			'(',
			')',
			'query',
			'mutation',
			'fragment',
			'on',
			'...',
			'$a',
			':',
			'String',
			'!',
			'@skip',
			'"',
			'"""',
			'project',
			'__schema',
			'__type',
			'#',
			'\u0000',
			'&',
			'=',
			'[',
			']',
			'1e400',
		);
		await fc.assert(
			fc.asyncProperty(fc.array(token, { maxLength: 20 }), fc.anything(), async (tokens, variables) => {
				check(await send('POST', '/graphql', JSON_TYPE, JSON.stringify({ query: tokens.join(' '), variables, operationName: tokens[0] }) ?? '{}'));
			}),
			{ numRuns: RUNS },
		);
	});
});

test('bytes that are no HTTP', { timeout: 600_000 }, async () => {
	const piece = fc.oneof(
		fc.constantFrom(
			'GET / HTTP/1.1\r\n',
			'POST /graphql HTTP/1.1\r\n',
			`Host: 127.0.0.1:${server.port}\r\n`,
			'\r\n',
			'Content-Length: 5\r\n',
			'Content-Length: -1\r\n',
			'Transfer-Encoding: chunked\r\n',
			'ffffffff\r\n',
			'0\r\n\r\n',
			'GET http://[::1 HTTP/1.1\r\n',
			'GET //evil.example/x HTTP/1.1\r\n',
			'GET /%zz HTTP/1.1\r\n',
			'CONNECT a:1 HTTP/1.1\r\n',
			'Upgrade: websocket\r\nConnection: Upgrade\r\n',
			'OPTIONS * HTTP/1.1\r\n',
			'Expect: 100-continue\r\n',
			'Host: a b\r\n',
			'Host: [\r\n',
		),
		fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
	);
	await fc.assert(
		fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
			const text = await new Promise<string>((resolve) => {
				let got = '';
				const socket = connect(server.port, '127.0.0.1', () => socket.end(Buffer.from(pieces.join(''), 'latin1')));
				socket.on('data', (bytes) => {
					got += bytes.toString('latin1');
				});
				socket.on('error', () => undefined).on('close', () => resolve(got));
				socket.setTimeout(300, () => socket.destroy());
			});
			expect(text).not.toMatch(/^HTTP\/1\.1 5/m);
			check({ status: 0, body: text });
		}),
		{ numRuns: RUNS },
	);
});

test('after all that the server takes runs and shows them', async () => {
	expect((await upsert('after')).status).toBe(200);
	const content = JSON.stringify({ files: { 'wandb-history.jsonl': { offset: 0, content: LINES } } });
	expect((await send('POST', '/files/local/p/after/file_stream', JSON_TYPE, content)).status).toBe(200);
	expect((await send('GET', '/api/projects/p/runs/after/history.jsonl', {})).body).toContain('"loss":1');
	expect((await send('GET', '/api/projects/p/runs', {})).status).toBe(200);
	expect(errors).toEqual([]);
});
