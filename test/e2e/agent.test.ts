import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { browserArgs } from '../../scripts/find-browser.mjs';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { parseLine } from '../../src/core/json-line.ts';
import type { Init, Run } from '../../src/index.ts';
import { fakeSmi } from '../agent/fake-smi.ts';
import { freePort, launchBrowser, serveFolder, temporaryFolder } from './support.ts';

/** The real agent as its own process, with a stand-in for nvidia-smi, a real page and a real server. */
const folder = temporaryFolder();
const smi = fakeSmi('rows 2');
let server: RunningServer;
let site: { url: string; server: Server };
let browser: Browser;
const agents = new Set<AgentProcess>();

class AgentProcess {
	output = '';
	readonly child: ChildProcess;
	readonly home = temporaryFolder();

	constructor(args: string[], env: Record<string, string> = {}) {
		this.child = spawn(process.execPath, ['agent/src/main.ts', '--interval', '0.1', '--nvidia-smi', smi.path, ...args], {
			env: { ...process.env, HOME: this.home.path, ...env },
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (text) => (this.output += text));
		agents.add(this);
	}

	/** The last code that it showed. */
	async code(): Promise<string> {
		return await until(() => {
			const codes = [...this.output.matchAll(/(?:Code|page): (\d{3} \d{3})/g)];
			expect(codes.length, this.output).toBeGreaterThan(0);
			return codes.at(-1)?.[1] ?? '';
		});
	}

	async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
		if (this.child.exitCode === null && this.child.signalCode === null) {
			this.child.kill(signal);
			await once(this.child, 'exit');
		}
		agents.delete(this);
	}
}

const until = <T>(condition: () => T | Promise<T>) => vi.waitFor(condition, { timeout: 30_000, interval: 50 });

/** The newest line of system metrics that the server has of a run. */
async function newestEvent(project: string, run: string): Promise<Record<string, number>> {
	const query = `{ model(name: "${project}", entityName: "local") { bucket(name: "${run}") { eventsTail historyLineCount state } } }`;
	const response = await fetch(`${server.url}/graphql`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ query }),
	});
	const { data } = (await response.json()) as { data: { model: { bucket: { eventsTail: string } | null } | null } };
	const [line] = JSON.parse(data.model?.bucket?.eventsTail ?? '[]') as string[];
	return line === undefined ? {} : (parseLine(line) as Record<string, number>);
}

beforeAll(async () => {
	site = await serveFolder(resolve('dist'), {
		'/': {
			type: 'text/html',
			body: '<!doctype html><title>page</title><script type="module">import { init } from "/index.js"; globalThis.init = init;</script>',
		},
	});
	server = await startServer({ port: 0, dataDir: folder.path, origins: [site.url] });
	browser = await launchBrowser();
});

afterEach(async () => {
	for (const agent of agents) await agent.end();
});

afterAll(async () => {
	await browser?.close();
	await server?.close();
	site?.server.close();
	smi.remove();
	folder.remove();
});

describe('a page reads the agent', () => {
	/** Begins a run in a new page and connects it; `globalThis.seen` tells what happened. */
	async function open(port: number, code?: string, page?: Page, url = site.url): Promise<Page> {
		const opened = page ?? (await (await browser.newContext()).newPage());
		await opened.goto(url);
		await opened.evaluate(
			async ([server, port, code]) => {
				const run = (globalThis as unknown as { init: Init }).init({ project: 'agent', id: `page-${Math.random().toString(36).slice(2)}`, server });
				const seen: { run: unknown; states: string[]; link?: unknown } = { run, states: [] };
				Object.assign(globalThis, { seen });
				seen.link = await run.connectAgent({ port, code, onState: (state: string) => seen.states.push(state) });
			},
			[server.url, port, code] as const,
		);
		return opened;
	}
	const states = (page: Page) => page.evaluate(() => (globalThis as unknown as { seen: { states: string[] } }).seen.states);
	const runId = (page: Page) => page.evaluate(() => (globalThis as unknown as { seen: { run: { id: string } } }).seen.run.id);

	test('its samples become events of the run, at the right time; a token takes the place of the code; after a restart it reconnects', async () => {
		const port = await freePort();
		const args = ['--origin', site.url, '--port', String(port)];
		const agent = new AgentProcess(args);
		const page = await open(port, await agent.code());
		await until(async () => expect(await states(page)).toEqual(['connected']));
		const id = await runId(page);
		const line = await until(async () => {
			const newest = await newestEvent('agent', id);
			expect(newest).toMatchObject({ 'system.gpu.0.gpu': 10, 'system.gpu.1.temp': 41, 'system.gpu.1.memoryAllocated': 25 });
			return newest;
		});
		expect(Math.abs((line._timestamp as number) - Date.now() / 1000)).toBeLessThan(5);
		expect(line).not.toHaveProperty('system.gpu.0.powerWatts');
		expect(await page.evaluate(() => (globalThis as unknown as { seen: { link: { offsetMs: number } } }).seen.link.offsetMs)).toBeLessThan(1000);

		// The agent is killed, and comes again with its memory of tokens.
		await agent.end('SIGKILL');
		await until(async () => expect(await states(page)).toEqual(['connected', 'connecting', 'not-running']));
		const again = new AgentProcess(args, { HOME: agent.home.path });
		await until(async () => expect((await states(page)).at(-1)).toBe('connected'));

		// A reload needs no code; a second page of the same browser reads at the same time.
		await open(port, undefined, page);
		const other = await open(port, undefined, await page.context().newPage());
		await until(async () => expect([await states(page), await states(other)]).toEqual([['connected'], ['connected']]));
		const otherId = await runId(other);
		await until(async () => expect(await newestEvent('agent', otherId)).toHaveProperty(['system.gpu.0.gpu']));
		await again.end();
	});

	test('not running and wrong token are told apart', async () => {
		const port = await freePort();
		const page = await open(port, '000 000');
		await until(async () => expect(await states(page)).toEqual(['not-running']));
		const agent = new AgentProcess(['--origin', site.url, '--port', String(port)]);
		const code = await agent.code();
		const wrong = code === '000 000' ? '000 001' : '000 000';
		const guessing = await open(port, wrong);
		await until(async () => expect(await states(guessing)).toEqual(['wrong-token']));
		await guessing.evaluate((right) => (globalThis as unknown as { seen: { link: { pair(code: string): void } } }).seen.link.pair(right), code);
		await until(async () => expect((await states(guessing)).at(-1)).toBe('connected'));
		await agent.end();
	});

	test('a page of another machine needs the permission of the user, and the page says so', async () => {
		// Chromium takes this name for a public address, as that of any site.
		const host = `tidelog.test:${new URL(site.url).port}`;
		const asking = await chromium.launch({
			executablePath: process.env.TIDELOG_BROWSER ?? '',
			args: [
				...browserArgs({ isRoot: process.getuid?.() === 0 }),
				'--host-resolver-rules=MAP tidelog.test 127.0.0.1',
				`--ip-address-space-overrides=${new URL(site.url).host}=public`,
				`--unsafely-treat-insecure-origin-as-secure=http://${host}`,
			],
		});
		try {
			const agent = new AgentProcess(['--origin', `http://${host}`, '--port', String(await freePort())]);
			const port = Number(/port (\d+)/.exec((await agent.code()) && agent.output)?.[1]);
			const context = await asking.newContext();
			const page = await open(port, await agent.code(), await context.newPage(), `http://${host}`);
			await until(async () => expect(await states(page)).toEqual(['permission-needed']));
		} finally {
			await asking.close();
		}
	});

	test('a page of another origin gets nothing, and the terminal says whose it was', async () => {
		const port = await freePort();
		const agent = new AgentProcess(['--origin', 'http://127.0.0.1:1', '--port', String(port)]);
		const page = await open(port, await agent.code());
		await until(async () => expect(await states(page)).toEqual(['not-running']));
		expect(agent.output).toContain(`A page of ${site.url} was refused`);
		expect(await newestEvent('agent', await runId(page))).toEqual({});
	});
});

describe('the agent writes to a server', () => {
	const serverArgs = (...more: string[]) => ['--server', server.url, '--project', 'machines', '--dir', temporaryFolder().path, ...more];

	test('into a run that a page logs to: a writer of its own, whose lines do not meet the page', async () => {
		const page = await (await browser.newContext()).newPage();
		await page.goto(site.url);
		const log = () =>
			page.evaluate(async (server) => {
				const state = globalThis as unknown as { init: Init; run?: Run };
				state.run ??= state.init({ project: 'machines', id: 'shared', server });
				for (let i = 0; i < 100; i++) state.run?.log({ loss: i });
				await state.run?.synced();
				return { ...state.run?.status };
			}, server.url);
		await log();
		const agent = new AgentProcess(serverArgs('--run', 'shared', '--label', 'box'));
		await until(async () => expect(await newestEvent('machines', 'shared'), agent.output).toHaveProperty(['system.gpu.1.gpu/l:box'], 11));
		expect(await log()).toMatchObject({ synced: 200, dropped: 0, verified: true });
		await agent.end();
		// The run is the page's: the end of the agent is not its end.
		expect(await log()).toMatchObject({ synced: 300, verified: true });
	});

	test('a run of its own, which ends with it', async () => {
		const agent = new AgentProcess(serverArgs());
		const runs = async () => {
			const query =
				'{ project(name: "machines", entityName: "local") { runs(first: 50) { edges { node { name displayName state eventsTail config } } } } }';
			const response = await fetch(`${server.url}/graphql`, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ query }),
			});
			const { data } = (await response.json()) as {
				data: { project: { runs: { edges: { node: { displayName: string; state: string; eventsTail: string; config: string } }[] } } };
			};
			return data.project.runs.edges.map(({ node }) => node).filter(({ displayName }) => displayName.startsWith('machine '));
		};
		await until(async () => expect((await runs())[0]?.eventsTail, agent.output).toContain('system.'));
		await agent.end();
		const [own] = await runs();
		expect(own?.state).toBe('finished');
		expect(JSON.parse(own?.config ?? '{}').machine.value.cpu_count_logical).toBe(cpus().length);
	});

	test('to a W&B server it cannot, and says so', async () => {
		const foreign = createServer((_request, response) =>
			response.end(JSON.stringify({ data: { serverInfo: { features: [{ name: 'FILESTREAM_GZIP', isEnabled: true }] } } })),
		).listen(0, '127.0.0.1');
		await once(foreign, 'listening');
		const agent = new AgentProcess(['--server', `http://127.0.0.1:${(foreign.address() as AddressInfo).port}`, '--project', 'p', '--run', 'r']);
		const [code] = (await once(agent.child, 'exit')) as [number];
		foreign.close();
		expect(code).toBe(1);
		expect(agent.output).toContain('is no Tidelog server');
		expect(agent.output).toContain('Nothing was sent');
	});

	test('no secret of its environment leaves the machine', async () => {
		const canary = 'canary-5f1d0c8e';
		const bodies: string[] = [];
		const proxy = createServer(async (request, response) => {
			const body = Buffer.concat(await request.toArray());
			bodies.push(`${request.url} ${JSON.stringify({ ...request.headers, authorization: '' })} ${body}`);
			const headers = Object.fromEntries(
				['content-type', 'authorization'].flatMap((name) => (request.headers[name] ? [[name, String(request.headers[name])]] : [])),
			);
			const answer = await fetch(`${server.url}${request.url}`, { method: request.method ?? 'GET', headers, ...(body.length > 0 ? { body } : {}) });
			response
				.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
				.end(Buffer.from(await answer.arrayBuffer()));
		}).listen(0, '127.0.0.1');
		await once(proxy, 'listening');
		const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
		const agent = new AgentProcess(['--server', url, '--project', 'canary', '--dir', temporaryFolder().path], {
			AWS_SECRET_ACCESS_KEY: canary,
			DATABASE_URL: `postgres://u:${canary}@h/d`,
		});
		await until(() => expect(bodies.filter((body) => body.includes('system.gpu.0.gpu')).length, agent.output).toBeGreaterThan(1));
		await agent.end();
		proxy.close();
		expect(bodies.join('\n')).not.toContain(canary);
		expect(agent.output).not.toContain(canary);
	});
});
