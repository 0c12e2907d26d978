import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, Server } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Log, type RunningServer, startServer } from '../../server/src/index.ts';
import type { init as Init } from '../../src/index.ts';
import { launchBrowser, serveFolder, temporaryFolder } from './support.ts';

/** Secrets that are looked for wherever one could be left: logs, addresses, what the device keeps, what the server keeps and gives out. */
const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const UNKNOWN = `tlk-${'canary7'.repeat(6).slice(0, 40)}`;
const folder = temporaryFolder();
const lines: string[] = [];
const addresses: string[] = [];
const heard = (message: unknown) => {
	const { request } = message as { request: IncomingMessage };
	addresses.push(`${request.url} ${request.headers.referer ?? ''}`);
};
let server: RunningServer;
let site: { url: string; server: Server };
let browser: Browser;
let key: string;
let ingest: string;

beforeAll(async () => {
	subscribe('http.server.request.start', heard);
	site = await serveFolder(DIST, {
		'/': { type: 'text/html', body: '<!doctype html><script type="module">import { init } from "/index.js"; window.init = init;</script>' },
	});
	const log = new Log({ level: 'debug', write: (line) => lines.push(line) });
	server = await startServer({ port: 0, dataDir: join(folder.path, 'server'), log });
	key = server.tokens.create({ kind: 'api' }).secret;
	ingest = server.tokens.create({ kind: 'ingest', project: 'p', origins: [site.url] }).secret;
	browser = await launchBrowser();
});

afterAll(async () => {
	unsubscribe('http.server.request.start', heard);
	await browser?.close();
	site?.server.close();
	await server?.close();
	folder.remove();
});

/** Each secret in the forms in which it travels. */
const forms = (secret: string) => [secret, secret.slice(4), btoa(`api:${secret}`), encodeURIComponent(btoa(`api:${secret}`))];

function expectNone(where: string, text: string, secrets: readonly string[]): void {
	for (const secret of secrets) for (const form of forms(secret)) expect([where, text.includes(form)]).toEqual([where, false]);
}

function textOfFolder(path: string): string {
	return readdirSync(path, { recursive: true, encoding: 'utf8' })
		.map((name) => join(path, name))
		.filter((name) => statSync(name).isFile())
		.map((name) => `${name}\n${readFileSync(name, 'latin1')}`)
		.join('\n');
}

const headers = () => ({ authorization: `Basic ${btoa(`api:${key}`)}` });

/** What the server gives out about a run. */
async function givenOut(run: string): Promise<string> {
	const paths = ['', '/history.jsonl', '/records.jsonl?stream=meta', '/records.jsonl?stream=history', '/records.jsonl?stream=console'];
	const answers = paths.map(async (path) => (await fetch(`${server.url}/api/projects/p/runs/${run}${path}`, { headers: headers() })).text());
	return (await Promise.all([...answers, fetch(`${server.url}/metrics`, { headers: headers() }).then((answer) => answer.text())])).join('\n');
}

test('a page leaves no token in its storage, in addresses, on its console, in the server log or in what the server gives out', {
	timeout: 90_000,
}, async () => {
	const page = await (await browser.newContext()).newPage();
	const said: string[] = [];
	page.on('console', (message) => said.push(message.text()));
	page.on('request', (request) => addresses.push(request.url()));
	await page.goto(site.url);
	await page.waitForFunction(() => 'init' in window);
	await page.evaluate(
		async ({ url, sent, refused }) => {
			const { init } = window as unknown as { init: typeof Init };
			const good = init({ project: 'p', id: 'page', server: url, token: sent, config: { lr: 1 } });
			for (let n = 0; n < 50; n++) good.log({ loss: n });
			good.alert({ title: 't', text: 'x' });
			await good.finish();
			// Its records stay on the device: the server does not know this token.
			const left = init({ project: 'p', id: 'left', server: url, token: refused, onError: () => undefined });
			left.log({ loss: 1 });
			await left.finish({ timeoutMs: 1_000 }).catch(() => undefined);
		},
		{ url: server.url, sent: ingest, refused: UNKNOWN },
	);
	const kept = await page.evaluate(async () => {
		const asked = <T>(request: IDBRequest<T>) =>
			new Promise<T>((resolve, reject) => {
				request.onsuccess = () => resolve(request.result);
				request.onerror = () => reject(request.error);
			});
		const toText = (_key: string, value: unknown): unknown => {
			const bytes =
				value instanceof ArrayBuffer
					? new Uint8Array(value)
					: ArrayBuffer.isView(value)
						? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
						: undefined;
			if (bytes) return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
			if (value instanceof Map || value instanceof Set) return [...value];
			return typeof value === 'bigint' ? String(value) : value;
		};
		let text = JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]);
		for (const { name = '' } of await indexedDB.databases()) {
			const database = await asked(indexedDB.open(name));
			for (const store of database.objectStoreNames) {
				const rows = database.transaction(store).objectStore(store);
				text += JSON.stringify([name, store, await asked(rows.getAllKeys()), await asked(rows.getAll())], toText);
			}
			database.close();
		}
		return text;
	});
	// The look finds what is there: the key of the run that stayed lies with it on purpose.
	expect(kept).toContain('"left"');
	const runKey = /"runKey":"([0-9a-z]{32})"/.exec(kept)?.[1] ?? '';
	expect(runKey).not.toBe('');
	const secrets = [ingest, UNKNOWN, key];
	expectNone('storage', kept, secrets);
	expect(addresses.join('\n')).toContain('/files/local/p/page/file_stream');
	expectNone('addresses', addresses.join('\n'), secrets);
	expectNone('console', said.join('\n'), secrets);
	expectNone('log', lines.join(''), secrets);
	const out = await givenOut('page');
	expect(out).toContain('"loss":49');
	expectNone('exports', out, secrets);
	expectNone('server data', textOfFolder(join(folder.path, 'server')), secrets);
	expect(lines.some((line) => line.includes('request refused') && line.includes('status=401'))).toBe(true);
	for (const text of [addresses.join('\n'), lines.join(''), out, said.join('\n'), textOfFolder(join(folder.path, 'server'))])
		expect(text).not.toContain(runKey);
});

test('a program leaves no token in its files, on its console, in addresses or in the server log', { timeout: 90_000 }, async () => {
	const program = `
		const { init } = await import(${JSON.stringify(`${DIST}/node/index.js`)});
		const good = init({ project: 'p', id: 'program', server: process.env.SERVER, token: process.env.SENT });
		for (let n = 0; n < 50; n++) good.log({ loss: n });
		await good.finish();
		const left = init({ project: 'p', id: 'program-left', server: process.env.SERVER, token: process.env.REFUSED, onError: () => undefined });
		left.log({ loss: 1 });
		await left.finish({ timeoutMs: 1_000 }).catch(() => undefined);
		process.exit(0);`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
		cwd: folder.path,
		env: { ...process.env, SERVER: server.url, SENT: key, REFUSED: UNKNOWN },
	});
	let said = '';
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding('utf8').on('data', (text: string) => {
			said += text;
		});
	expect([await once(child, 'close'), said]).toEqual([[0, null], expect.any(String)]);
	const kept = textOfFolder(join(folder.path, 'tidelog'));
	expect(kept).toContain('program-left');
	const out = await givenOut('program');
	expect(out).toContain('"loss":49');
	for (const [where, text] of Object.entries({ files: kept, console: said, addresses: addresses.join('\n'), log: lines.join(''), exports: out }))
		expectNone(where, text, [key, UNKNOWN]);
});
