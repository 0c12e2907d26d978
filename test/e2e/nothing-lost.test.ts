import type { Server } from 'node:http';
import { resolve } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Run } from '../../src/index.ts';
import { freePort, launchBrowser, logged, ServerProcess, serveFolder, temporaryFolder } from './support.ts';

/** The SDK in a page of another origin than the server's, and the server as a process: everything that can die is made to. */
declare global {
	// Set by the test page.
	var run: Run;
	var startRun: (server: string, options?: object) => string;
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>test</title><script type="module">
import { init } from '/index.js';
globalThis.startRun = (server, options = {}) => {
	globalThis.run = init({ project: 'e2e', server, ...options });
	return globalThis.run.id;
};
globalThis.isReady = true;
</script>`;

let browser: Browser;
let page: Page;
let context: BrowserContext;
let site: { url: string; server: Server };
let server: ServerProcess;
const folder = temporaryFolder();

beforeAll(async () => {
	site = await serveFolder(resolve('dist'), { '/': { type: 'text/html', body: PAGE } });
	browser = await launchBrowser();
	server = new ServerProcess(await freePort(), folder.path, [site.url]);
});

afterAll(async () => {
	await server.kill();
	await browser.close();
	site.server.close();
	folder.remove();
});

beforeEach(async () => {
	await server.start();
	context = await browser.newContext();
	page = await open();
});

afterEach(async () => {
	await context.close();
	await server.kill();
});

async function open(): Promise<Page> {
	const opened = await context.newPage();
	await opened.goto(site.url);
	await opened.waitForFunction('globalThis.isReady');
	return opened;
}

const begin = (on = page) => on.evaluate((url) => globalThis.startRun(url), server.url);
const log = (count: number, on = page) =>
	on.evaluate((n) => Array.from({ length: n }, () => globalThis.run.log({ i: globalThis.run.status.accepted, x: 0.1 })).length, count);
const status = (on = page) => on.evaluate(() => globalThis.run.status);

/** Waits until the server holds `count` records of the run, then checks that they are exactly those logged, in order. */
async function expectRecords(run: string, count: number) {
	await expect.poll(async () => (await server.records('e2e', run)).length, { timeout: 45_000, interval: 250 }).toBe(count);
	const records = await server.records('e2e', run);
	expect(records.map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, i) => i));
	expect(records.map(({ line }) => logged(line))).toEqual(Array.from({ length: count }, (_, i) => ({ i, x: 0.1 })));
}

test('what was logged while the server was dead arrives once it is back, nothing twice', async () => {
	const run = await begin();
	await log(300);
	await page.evaluate(() => globalThis.run.synced());
	await server.kill();
	await log(700);
	await expect.poll(async () => (await status()).connection).toBe('offline');
	await expect.poll(async () => (await status()).durable).toBe(1000);
	expect((await status()).synced).toBe(300);
	await server.start();
	expect((await page.evaluate(() => globalThis.run.finish({ timeoutMs: 60_000 }))).isSynced).toBe(true);
	await expectRecords(run, 1000);
});

test('a server that dies again and again under ingest has everything in the end', async () => {
	const run = await begin();
	for (let round = 0; round < 5; round++) {
		await log(400);
		await page.waitForTimeout(40 * round);
		await server.kill();
		await log(100);
		await server.start();
	}
	await page.evaluate(() => globalThis.run.resumeSync());
	await expectRecords(run, 2500);
});

test('what a reloaded page left behind is sent at the next init() on that origin', async () => {
	const run = await begin();
	await log(50);
	await page.evaluate(() => globalThis.run.synced());
	await server.kill();
	await log(1234);
	await expect.poll(async () => (await status()).durable).toBe(1284);
	await page.reload();
	await page.waitForFunction('globalThis.isReady');
	await server.start();
	await begin();
	await expectRecords(run, 1284);
});

test('an offline page sends when the network is back', async () => {
	const run = await begin();
	await log(10);
	await page.evaluate(() => globalThis.run.synced());
	await context.setOffline(true);
	await log(500);
	await expect.poll(async () => (await status()).connection).toBe('offline');
	await context.setOffline(false);
	await expectRecords(run, 510);
});

test('another tab takes over the sending of a tab that was closed', async () => {
	const other = await open();
	await begin(other);
	const run = await begin();
	await page.evaluate(() => globalThis.run.synced());
	await server.kill();
	await log(800);
	await page.evaluate(() => globalThis.run.flush());
	await page.close();
	await server.start();
	await expectRecords(run, 800);
});

test('a writer that is killed is started again and gets what it had not stored', async () => {
	const run = await begin();
	await log(100);
	await page.evaluate(() => globalThis.run.flush());
	// An exception in the worker's global scope is how a writer dies.
	const restarted = page.evaluate(
		() =>
			new Promise<void>((resolve) => {
				const warn = console.warn;
				console.warn = (...words) => {
					warn(...words);
					if (String(words[0]).includes('started again')) resolve();
				};
			}),
	);
	const worker = page.workers()[0];
	await log(2000);
	await worker?.evaluate(() => {
		setTimeout(() => {
			throw new Error('killed by the test');
		});
	});
	await restarted;
	await log(100);
	await page.evaluate(() => globalThis.run.synced());
	await expectRecords(run, 2200);
});

test('pauseSync() keeps everything on the device and resumeSync() sends it', async () => {
	const run = await begin();
	await page.evaluate(() => globalThis.run.synced());
	await page.evaluate(() => globalThis.run.pauseSync());
	await log(200);
	await expect.poll(async () => (await status()).durable).toBe(200);
	await page.waitForTimeout(500);
	expect(await status()).toMatchObject({ synced: 0, connection: 'paused', pending: { memory: 0, disk: 200 } });
	await page.evaluate(() => globalThis.run.resumeSync());
	await expectRecords(run, 200);
});

test('finish() settles within its time while the server is dead, and says what did not arrive', async () => {
	const run = await begin();
	await page.evaluate(() => globalThis.run.synced());
	await server.kill();
	await log(30);
	const { result, ms } = await page.evaluate(async () => {
		const before = performance.now();
		const settled = await globalThis.run.finish({ timeoutMs: 1500 });
		return { result: settled, ms: performance.now() - before };
	});
	expect(result.isSynced).toBe(false);
	expect(result.status.pending).toMatchObject({ memory: 0, disk: 30 });
	expect(ms).toBeGreaterThan(1400);
	await server.start();
	await expectRecords(run, 30);
	await expect
		.poll(async () => ((await (await fetch(`${server.url}/api/projects/e2e/runs/${run}`)).json()) as { state: string }).state, { timeout: 45_000 })
		.toBe('finished');
});

test('a run that another began is not opened by a page, and what it logged stays on the device', async () => {
	const query = 'mutation { upsertBucket(input: { name: "theirs", modelName: "e2e" }) { inserted } }';
	await fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) });
	await page.evaluate((url) => globalThis.startRun(url, { id: 'theirs', resume: 'allow' }), server.url);
	await log(20);
	await expect.poll(async () => (await status()).connection, { timeout: 10_000 }).toBe('refused');
	expect(await status()).toMatchObject({ durable: 20, synced: 0 });
	expect(await server.records('e2e', 'theirs')).toEqual([]);
});
