import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';

/** Tokens as their owner meets them: made by the command, sent in the one header, ended at once. */
const SITE = 'https://site.example';
const KEY = 'k'.repeat(32);
let folder: string;
let server: RunningServer | undefined;
let nowMs: number;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tidelog-tokens-'));
	nowMs = Date.now();
});

afterEach(async () => {
	await server?.close();
	server = undefined;
	rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startServer>[0]> = {}): Promise<RunningServer> {
	server = await startServer({ port: 0, dataDir: folder, nowMs: () => nowMs, ...options });
	return server;
}

function cli(...args: string[]): { status: number | null; stdout: string; stderr: string } {
	const { status, stdout, stderr } = spawnSync(process.execPath, ['server/src/main.ts', 'token', ...args, '--data', folder], {
		encoding: 'utf8',
		timeout: 20_000,
	});
	return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

const basic = (secret: string) => ({ authorization: `Basic ${Buffer.from(`api:${secret}`).toString('base64')}` });

async function ask(path: string, headers: Record<string, string> = {}, body?: unknown): Promise<{ status: number; text: string; headers: Headers }> {
	const response = await fetch(`http://127.0.0.1:${server?.port}${path}`, {
		method: body === undefined ? 'GET' : 'POST',
		headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	return { status: response.status, text: await response.text(), headers: response.headers };
}

const upsert = (name: string, headers: Record<string, string>, project = 'p') =>
	ask('/graphql', headers, {
		query: 'mutation ($name: String, $project: String) { upsertBucket(input: { name: $name, modelName: $project }) { inserted } }',
		variables: { name, project },
	});
const status = (name: string, headers: Record<string, string>) =>
	ask('/graphql', headers, {
		query: 'query RunResumeStatus($name: String!) { model(name: "p") { bucket(name: $name, missingOk: true) { name historyTail } } }',
		variables: { name },
	});
const stream = (name: string, headers: Record<string, string>, loss = 1) =>
	ask(`/files/local/p/${name}/file_stream`, headers, { files: { 'wandb-history.jsonl': { offset: 0, content: [`{"loss":${loss},"_step":0}`] } } });

describe('the command', () => {
	test('makes, lists and revokes tokens while the server is stopped', () => {
		const made = cli('create', '--name', 'ci');
		expect([made.status, made.stdout]).toEqual([0, expect.stringMatching(/^tlk-[a-z0-9]{40}$/)]);
		const listed = cli('list').stdout;
		expect(listed).toMatch(/^[0-9a-f]{8} {2}api {5}made .* never ends .* ci$/);
		expect(listed).not.toContain(made.stdout.slice(4));
		const id = listed.slice(0, 8);
		expect(cli('revoke', id).status).toBe(0);
		expect(cli('list').stdout).toContain('revoked');
		expect(cli('revoke', id)).toMatchObject({ status: 1, stderr: expect.stringMatching(/^There is no token ".*" that could be revoked/) });
	});

	test('makes and revokes them while it runs, and both hold at once', async () => {
		await start();
		expect((await ask('/api/projects')).status).toBe(200);
		const secret = cli('create').stdout;
		// From the first API key on everybody needs one.
		expect((await ask('/api/projects')).status).toBe(401);
		expect((await ask('/api/projects', basic(secret))).status).toBe(200);
		cli('revoke', cli('list').stdout.slice(0, 8));
		expect((await ask('/api/projects', basic(secret))).status).toBe(401);
	});

	test.each([
		[['--kind', 'ingest'], /needs --project and --origin/],
		[['--kind', 'ingest', '--project', 'p', '--origin', 'https://a.example/'], /is no origin/],
		[['--kind', 'ingest', '--project', 'p', '--origin', '*'], /is no origin/],
		[['--kind', 'read', '--project', 'p'], /Only ingest tokens/],
		[['--kind', 'root'], /Allowed choices are api, ingest, read/],
		[['--days', '-1'], /above 0/],
	])('refuses %j in one line', (args, message) => {
		const { status: code, stderr } = cli('create', ...args);
		expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
		expect(stderr.split('\n')).toHaveLength(1);
	});
});

test('a secret is taken with and without its prefix, and nothing but the whole of it', async () => {
	await start();
	const { secret } = server?.tokens.create({ kind: 'api' }) ?? { secret: '' };
	for (const given of [secret, secret.slice(4)]) expect((await ask('/api/projects', basic(given))).status).toBe(200);
	const other = secret.endsWith('a') ? 'b' : 'a';
	for (const given of ['', secret.slice(0, -1), secret.slice(0, -1) + other, `${secret}a`, 'x'.repeat(40)])
		expect((await ask('/api/projects', basic(given))).status).toBe(401);
	expect((await ask('/api/projects', { authorization: `Bearer ${secret}` })).status).toBe(401);
	expect((await ask(`/api/projects?token=${secret}&api_key=${secret}`)).status).toBe(401);
	const refused = await ask('/api/projects');
	// A challenge would make the browser ask for a password, keep it, and send it with each request of any page.
	expect(refused.headers.get('www-authenticate')).toBeNull();
	expect(refused.headers.get('set-cookie')).toBeNull();
});

test('a read token looks and does nothing else', async () => {
	await start();
	await upsert('r', {});
	const { secret } = server?.tokens.create({ kind: 'read' }) ?? { secret: '' };
	server?.tokens.create({ kind: 'api' });
	expect((await ask('/api/projects/p/runs', basic(secret))).status).toBe(200);
	expect((await upsert('r2', basic(secret))).status).toBe(403);
	expect((await stream('r', basic(secret))).status).toBe(403);
	for (const change of [
		'deleteRun(input: { id: "1" }) { clientMutationId }',
		'deleteFiles(input: { files: [] }) { success }',
		'updateRunState(input: { id: "1", state: "failed" }) { success }',
		'deleteArtifact(input: { artifactID: "1" }) { __typename }',
	])
		expect([change, (await ask('/graphql', basic(secret), { query: `mutation { ${change} }` })).status]).toEqual([change, 403]);
});

describe('an ingest token', () => {
	const visitor = (secret: string, key = KEY, origin = SITE) => ({ ...basic(secret), origin, 'tidelog-run-key': key });
	const make = (wish: object = {}) =>
		server?.tokens.create({ kind: 'ingest', project: 'p', origins: [SITE], ...wish }) ?? { secret: '', token: { id: '' } };

	test('writes its visitor’s run and no other, and reads nothing but that run’s state', async () => {
		await start();
		server?.tokens.create({ kind: 'api' });
		const { secret } = make();
		expect((await upsert('mine', visitor(secret))).status).toBe(200);
		expect((await stream('mine', visitor(secret))).status).toBe(200);
		expect((await status('mine', visitor(secret))).text).toContain('historyTail');
		const other = visitor(secret, 'o'.repeat(32));
		expect((await upsert('mine', other)).status).toBe(403);
		expect((await stream('mine', other, 666)).status).toBe(403);
		expect([(await status('mine', other)).status, (await status('mine', other)).text]).toEqual([403, expect.not.stringContaining('historyTail')]);
		for (const path of ['/api/projects', '/api/projects/p/runs/mine', '/api/live?project=p'])
			expect((await ask(path, visitor(secret))).status).toBe(403);
	});

	test('is for one project and for pages of its origins', async () => {
		await start();
		const { secret } = make();
		expect((await upsert('r', visitor(secret), 'q')).status).toBe(403);
		expect((await upsert('r', visitor(secret, KEY, 'https://other.example'))).status).toBe(403);
		expect((await upsert('r', { ...basic(secret), 'tidelog-run-key': KEY })).status).toBe(403);
	});

	test('ends when it expires or is revoked', async () => {
		await start();
		const { secret } = make({ lifetimeMs: 1_000 });
		expect((await upsert('r', visitor(secret))).status).toBe(200);
		nowMs += 1_000;
		expect((await upsert('r', visitor(secret))).status).toBe(403);
		const second = make();
		expect((await upsert('r', visitor(second.secret))).status).toBe(200);
		server?.tokens.revoke(second.token.id);
		expect((await upsert('r', visitor(second.secret))).status).toBe(403);
	});

	test('that is used too often is told when to come back, and only that one', async () => {
		await start();
		const { secret } = make({ perMinute: 12 });
		const free = make();
		expect((await upsert('r', visitor(secret))).status).toBe(200);
		expect((await upsert('r', visitor(secret))).status).toBe(200);
		const refused = await upsert('r', visitor(secret));
		expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('access-control-allow-origin')]).toEqual([429, '5', SITE]);
		expect((await upsert('r', visitor(free.secret))).status).toBe(200);
		nowMs += 5_000;
		expect((await upsert('r', visitor(secret))).status).toBe(200);
	});
});

test('an address that others reach is not opened without a token', async () => {
	await expect(start({ host: '0.0.0.0' })).rejects.toThrow(/Others can reach 0\.0\.0\.0, and there is no token yet/);
	await expect(start({ needsToken: true })).rejects.toThrow(/no token yet/);
	cli('create');
	await start({ needsToken: true });
	expect((await ask('/api/projects')).status).toBe(401);
});

test('no secret and no run key is in the data folder or in an export', async () => {
	await start();
	const secrets = [server?.tokens.create({ kind: 'api' }).secret ?? '', server?.tokens.create({ kind: 'read' }).secret ?? ''];
	const headers = { ...basic(secrets[0] ?? ''), 'tidelog-run-key': KEY };
	await upsert('r', headers);
	await stream('r', headers);
	let exported = '';
	for (const path of ['/api/projects/p/runs/r', '/api/projects/p/runs/r/history.jsonl', '/api/projects/p/runs/r/records.jsonl'])
		exported += (await ask(path, headers)).text;
	expect(exported).toContain('"loss":1');
	await server?.close();
	server = undefined;
	let stored = '';
	for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
		if (statSync(join(folder, name)).isFile()) stored += readFileSync(join(folder, name), 'latin1');
	expect(stored).toContain('"loss":1');
	for (const hidden of [...secrets.map((secret) => secret.slice(4)), KEY])
		expect([exported.includes(hidden), stored.includes(hidden)]).toEqual([false, false]);
});
