import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, sep } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { browserArgs } from '../../scripts/find-browser.mjs';
import { type LineObject, parseLine } from '../../src/core/json-line.ts';

/** A folder that is gone when the test ends. */
export function temporaryFolder(): { path: string; remove(): void } {
	const path = mkdtempSync(join(tmpdir(), 'tidelog-e2e-'));
	return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}

/** The server as its own process, so that it can be killed like one. */
export class ServerProcess {
	readonly url: string;
	readonly #args: string[];
	#child: ChildProcess | undefined;

	constructor(port: number, dataDir: string, origins: string[]) {
		this.url = `http://127.0.0.1:${port}`;
		this.#args = ['server/src/main.ts', '--port', String(port), '--data', dataDir, ...(origins.length > 0 ? ['--origin', ...origins] : [])];
	}

	/** Resolves once it answers. */
	async start(): Promise<void> {
		const child = spawn(process.execPath, this.#args, { stdio: ['ignore', 'pipe', 'inherit'] });
		this.#child = child;
		let output = '';
		for await (const text of child.stdout.setEncoding('utf8')) {
			output += text;
			if (output.includes(this.url)) return;
		}
		throw new Error(`The server ended before it listened: ${output}`);
	}

	/** Ends it without a word, as a crash does. */
	async kill(): Promise<void> {
		const child = this.#child;
		this.#child = undefined;
		if (!child || child.exitCode !== null) return;
		child.kill('SIGKILL');
		await once(child, 'exit');
	}

	/** Records of a run as the server has them, in order. */
	async records(project: string, run: string): Promise<{ writer: string; n: number; step: number; line: LineObject }[]> {
		const response = await fetch(`${this.url}/api/projects/${project}/runs/${run}/records.jsonl`);
		if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
		const text = await response.text();
		return text
			.split('\n')
			.filter((line) => line !== '')
			.map((line) => parseLine(line) as unknown as { writer: string; n: number; step: number; line: LineObject });
	}
}

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json' };

/** Serves a folder of built files, and some paths by hand, on 127.0.0.1. */
export async function serveFolder(
	folder: string,
	made: Record<string, { type: string; body: string | Buffer }> = {},
): Promise<{ url: string; server: Server }> {
	const server = createServer((request, response) => {
		const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
		const file = join(folder, path === '/' ? 'index.html' : path);
		const own = made[path];
		if (own) response.writeHead(200, { 'content-type': own.type }).end(own.body);
		else if (file.startsWith(folder + sep) && statSync(file, { throwIfNoEntry: false })?.isFile()) {
			response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
			createReadStream(file).pipe(response);
		} else response.writeHead(404).end();
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** @param switches of Chromium, beside those that it always gets here. */
export async function launchBrowser(switches: string[] = []): Promise<Browser> {
	const executablePath = process.env.TIDELOG_BROWSER;
	if (!executablePath) throw new Error('TIDELOG_BROWSER is not set; run this with `npm test` or `npm run test:e2e`.');
	return chromium.launch({ executablePath, args: [...browserArgs({ isRoot: process.getuid?.() === 0 }), ...switches] });
}

/** What a record's line says beside the three keys that the SDK adds. */
export function logged(line: LineObject): LineObject {
	const { _step, _runtime, _timestamp, ...values } = line;
	return values;
}

/** A worker reached through the session of its parent. */
interface WorkerSession {
	send(method: string, params: object): Promise<void>;
}

/**
 * Chromium's offline emulation for a page, its workers and their workers. Playwright's `setOffline` reaches the page and its own workers
 * only; the demo's logger writes from a worker inside a worker. Call it before the page starts its workers; the function that it
 * gives switches all of them.
 */
export async function offlineSwitch(page: Page): Promise<(isOffline: boolean) => Promise<void>> {
	const session = await page.context().newCDPSession(page);
	const workers = new Map<string, WorkerSession>();
	const attach = { autoAttach: true, waitForDebuggerOnStart: false, flatten: false };
	let id = 0;
	const adopt = (sessionId: string, parent: { send(method: string, params: object): Promise<unknown> }): void => {
		const worker: WorkerSession = {
			async send(method, params) {
				// A worker that has ended takes no message, and needs none.
				await parent.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: id++, method, params }) }).catch(() => undefined);
			},
		};
		workers.set(sessionId, worker);
		void worker.send('Target.setAutoAttach', attach);
	};
	const received = (
		method: string,
		params: { sessionId: string; message?: string },
		parent: { send(method: string, params: object): Promise<unknown> },
	): void => {
		if (method === 'Target.attachedToTarget') adopt(params.sessionId, parent);
		if (method !== 'Target.receivedMessageFromTarget' || params.message === undefined) return;
		const inner = JSON.parse(params.message) as { method?: string; params?: { sessionId: string; message?: string } };
		const worker = workers.get(params.sessionId);
		if (worker && inner.method && inner.params) received(inner.method, inner.params, worker);
	};
	const top = { send: (method: string, params: object) => session.send(method as never, params as never) as Promise<unknown> };
	for (const event of ['Target.attachedToTarget', 'Target.receivedMessageFromTarget'] as const) {
		session.on(event, (params) => received(event, params, top));
	}
	await session.send('Target.setAutoAttach', attach);
	return async (offline) => {
		const conditions = { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
		for (const target of [top, ...workers.values()]) {
			await target.send('Network.enable', {});
			await target.send('Network.emulateNetworkConditions', conditions);
		}
	};
}
