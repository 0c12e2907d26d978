import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { browserArgs } from '../../scripts/find-browser.mjs';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { temporaryFolder } from './support.ts';

/**
 * What a page can send without asking first, tried by real pages at each address of the server: by one of another site, and by one of another port of
 * this machine. Both are pages of loopback to the browser, so that its own guard of the local network is no help to the server.
 */
const UPSERT = JSON.stringify({ query: 'mutation { upsertBucket(input: { name: "evil", modelName: "victim" }) { inserted } }' });
const DELETE = JSON.stringify({ query: 'mutation { deleteRun(input: { id: "1" }) { clientMutationId } }' });
const STOP = JSON.stringify({ query: 'mutation { stopRun(input: { id: "1" }) { success } }' });
const LINES = JSON.stringify({ files: { 'wandb-history.jsonl': { offset: 1, content: ['{"loss":666,"_step":1}'] } }, complete: true, exitcode: 1 });
const RUN = '/api/projects/victim/runs/r1';
const ADDRESSES: [path: string, body: string][] = [
	['/graphql', UPSERT],
	['/graphql', DELETE],
	['/graphql', STOP],
	['/files/local/victim/r1/file_stream', LINES],
	['/uploads/guess', 'bytes'],
	['/api/server', ''],
	['/api/projects', ''],
	['/api/projects/victim/runs', ''],
	[RUN, ''],
	['/api/projects/victim/metrics', '{}'],
	['/api/chart', '{"project":"victim","runIds":["r1"],"keys":["loss"]}'],
	[`${RUN}/media?key=img`, ''],
	[`${RUN}/files/secret.png`, ''],
	[`${RUN}/history.jsonl`, ''],
	[`${RUN}/records.jsonl`, ''],
	['/api/live?project=victim', ''],
	['/', ''],
];

const folder = temporaryFolder();
let server: RunningServer;
let site: Server;
let browser: Browser;

beforeAll(async () => {
	server = await startServer({ port: 0, dataDir: folder.path });
	const post = (path: string, body: string) =>
		fetch(`${server.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
	await post('/graphql', UPSERT.replace('evil', 'r1'));
	await post(
		'/files/local/victim/r1/file_stream',
		JSON.stringify({ files: { 'wandb-history.jsonl': { offset: 0, content: ['{"loss":1,"_step":0}'] } } }),
	);
	const create =
		'mutation { createRunFiles(input: { entityName: "local", projectName: "victim", runName: "r1", files: ["secret.png"] }) { files { uploadUrl } } }';
	const answer = (await (await post('/graphql', JSON.stringify({ query: create }))).json()) as {
		data: { createRunFiles: { files: { uploadUrl: string }[] } };
	};
	const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
	await fetch(answer.data.createRunFiles.files[0]?.uploadUrl ?? '', { method: 'PUT', body: Buffer.from(png, 'base64') });
	site = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><body>attack</body>'));
	site.listen(0, '127.0.0.1');
	await once(site, 'listening');
	const executablePath = process.env.TIDELOG_BROWSER;
	if (!executablePath) throw new Error('TIDELOG_BROWSER is not set; run this with `npm test` or `npm run test:e2e`.');
	browser = await chromium.launch({ executablePath, args: [...browserArgs(), '--host-resolver-rules=MAP evil.test 127.0.0.1'] });
});

afterAll(async () => {
	await browser?.close();
	site?.close();
	await server?.close();
	folder.remove();
});

/** All that the server would tell the user of this machine. Signs of life left out. */
async function state(): Promise<string> {
	const get = async (path: string) => (await fetch(`${server.url}${path}`)).text();
	const parts = ['/api/projects', '/api/projects/victim/runs', RUN, `${RUN}/history.jsonl`, `${RUN}/records.jsonl`];
	return (await Promise.all(parts.map(get))).join('\n').replace(/"(heartbeat|updated)Ms":\d+/g, '');
}

/** Runs in the page. Returns what it could read. */
async function attack({ target, addresses }: { target: string; addresses: [string, string][] }): Promise<string[]> {
	const read: string[] = [];
	const loads = (element: HTMLElement & { src?: string }, src: string) =>
		new Promise<boolean>((resolve) => {
			element.onload = () => resolve(true);
			element.onerror = () => resolve(false);
			element.src = src;
			document.body.append(element);
			setTimeout(() => resolve(false), 2_000);
		});
	const submit = (action: string, method: string, enctype: string, body: string) => {
		const frame = document.createElement('iframe');
		frame.name = `f${Math.random()}`;
		const form = Object.assign(document.createElement('form'), { action, method, enctype, target: frame.name });
		// As text/plain a form sends "name=value": cut so that the whole is JSON.
		const [name, ...rest] = body.includes('=') ? body.split('=') : [body.slice(0, -1), body.slice(-1)];
		form.append(Object.assign(document.createElement('input'), { name: name ?? '', value: rest.join('=') }));
		document.body.append(frame, form);
		const loaded = new Promise<void>((resolve) => {
			frame.addEventListener('load', () => resolve());
			setTimeout(resolve, 1_500);
		});
		form.submit();
		return loaded.then(() => {
			let inner: string | undefined;
			try {
				inner = frame.contentDocument?.body?.textContent ?? undefined;
			} catch {
				// Another origin's document, as it should be.
			}
			if (inner) read.push(`frame ${action}: ${inner}`);
		});
	};
	for (const [path, body] of addresses) {
		const url = target + path;
		const simple: RequestInit[] = [
			{ mode: 'no-cors' },
			...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain; application/json'].map((type) => ({
				method: 'POST',
				mode: 'no-cors' as const,
				headers: { 'content-type': type },
				body,
			})),
			{ method: 'POST', mode: 'no-cors', body: new Blob([body]) },
			{ method: 'POST', mode: 'no-cors', credentials: 'include', keepalive: true, headers: { 'content-type': 'text/plain' }, body },
		];
		const asked: RequestInit[] = [
			{},
			{ method: 'HEAD' },
			{ method: 'POST', headers: { 'content-type': 'text/plain' }, body },
			{ method: 'POST', headers: { 'content-type': 'application/json' }, body },
			{ method: 'PUT', body },
			{ method: 'DELETE' },
		];
		await Promise.all(
			[...simple, ...asked].map(async (init) => {
				const response = await fetch(url, init).catch(() => undefined);
				const text = response?.type === 'opaque' ? '' : await response?.text();
				if (text && response?.ok) read.push(`fetch ${url}: ${text}`);
			}),
		);
		navigator.sendBeacon(url, body);
		navigator.sendBeacon(url, new Blob([body], { type: 'text/plain' }));
		navigator.sendBeacon(url, new Blob([body], { type: 'application/json' }));
		navigator.sendBeacon(url, new URLSearchParams({ query: body }));
		for (const tag of ['img', 'script', 'video'] as const) if (await loads(document.createElement(tag), url)) read.push(`${tag} ${url}`);
		await Promise.all([
			submit(url, 'post', 'text/plain', body),
			submit(url, 'post', 'application/x-www-form-urlencoded', body),
			submit(url, 'post', 'multipart/form-data', body),
			submit(url, 'get', 'application/x-www-form-urlencoded', body),
		]);
		await new Promise<void>((resolve) => {
			const socket = new WebSocket(url.replace('http', 'ws'));
			socket.onopen = () => {
				read.push(`socket ${url}`);
				socket.close();
			};
			socket.onclose = () => resolve();
			setTimeout(resolve, 1_000);
		});
		await new Promise<void>((resolve) => {
			const source = new EventSource(url);
			source.onmessage = ({ data }) => {
				read.push(`events ${url}: ${data}`);
				resolve();
			};
			source.onerror = () => {
				source.close();
				resolve();
			};
			setTimeout(resolve, 1_000);
		});
	}
	return read;
}

test.each([
	['another site', 'evil.test'],
	['another port of this machine', '127.0.0.1'],
])('a page of %s changes and reads nothing by requests that need no leave', async (_where, host) => {
	const before = await state();
	expect(before).toContain('"loss":1');
	const context = await browser.newContext();
	const page: Page = await context.newPage();
	await page.goto(`http://${host}:${(site.address() as AddressInfo).port}/`);
	const answers = new Map<string, Set<number>>();
	page.on('response', (response) => {
		const { origin, pathname } = new URL(response.url());
		if (origin === server.url) answers.set(pathname, (answers.get(pathname) ?? new Set()).add(response.status()));
	});
	expect(await page.evaluate(attack, { target: server.url, addresses: ADDRESSES })).toEqual([]);
	// Each was reached and refused: a page that cannot reach the server at all would prove nothing.
	for (const [path] of ADDRESSES) {
		const { pathname } = new URL(path, server.url);
		const statuses = [...(answers.get(pathname) ?? [])];
		expect([pathname, statuses.some((status) => status === 403 || status === 415)]).toEqual([pathname, true]);
		// Frames may show the dashboard, which is nobody's data; a preflight is answered 204.
		if (pathname !== '/') expect([pathname, statuses.filter((status) => status < 300 && status !== 204)]).toEqual([pathname, []]);
	}
	// A frame or window that shows the server itself is the server's, and tells this page nothing.
	const seen = await page.evaluate(
		async (urls) => {
			const found: string[] = [];
			for (const url of urls) {
				const opened = window.open(url);
				await new Promise((resolve) => setTimeout(resolve, 200));
				try {
					if (opened?.document.body.textContent) found.push(url);
				} catch {
					// Another origin's document, as it should be.
				}
				opened?.close();
			}
			return found;
		},
		ADDRESSES.map(([path]) => server.url + path),
	);
	expect(seen).toEqual([]);
	await context.close();
	expect(await state()).toBe(before);
});
