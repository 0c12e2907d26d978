import type { Server } from 'node:http';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Run } from '../../src/index.ts';
import { freePort, launchBrowser, ServerProcess, serveFolder, temporaryFolder } from '../e2e/support.ts';
import { FaultProxy } from './fault-proxy.ts';

/** The chaos of test/chaos once more with nothing simulated: a real page, a real worker, real time, a real server behind a faulty proxy. */
declare global {
	// Set by the test page.
	var run: Run;
	var startRun: (server: string, options?: object) => string;
	var work: (seed: number, ms: number) => Promise<void>;
}

const SEEDS = process.env.TIDELOG_SEED ? [Number(process.env.TIDELOG_SEED)] : Array.from({ length: 20 }, (_, seed) => seed + 1);
const WORK_MS = 4_000;

/** Each call logs its own number, under a step that is its number or an earlier one. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>test</title><script type="module">
import { init } from '/index.js';
globalThis.startRun = (server, options) => (globalThis.run = init({ project: 'chaos', server, ...options })).id;
globalThis.work = async (seed, ms) => {
	let state = seed;
	const random = () => (state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0) / 2 ** 32;
	const endMs = performance.now() + ms;
	for (let i = 0; performance.now() < endMs; ) {
		for (const end = i + 1 + random() * 60; i < end; i++) {
			const options = random() < 0.2 ? { step: Math.floor(random() * (i + 1)) } : undefined;
			globalThis.run.log({ i, seed, text: random() < 0.1 ? 'x'.repeat(random() * 5000) : 'y' }, options);
			if (random() < 0.02) globalThis.run.config.last = i;
			if (random() < 0.02) globalThis.run.summary.last = i;
		}
		await new Promise((resolve) => setTimeout(resolve, random() * 60));
	}
};
globalThis.isReady = true;
</script>`;

let browser: Browser;
let site: { url: string; server: Server };
let server: ServerProcess;
const folder = temporaryFolder();

beforeAll(async () => {
	site = await serveFolder(resolve('dist'), { '/': { type: 'text/html', body: PAGE } });
	browser = await launchBrowser();
	server = new ServerProcess(await freePort(), folder.path, [site.url]);
	await server.start();
});

afterAll(async () => {
	await browser.close();
	await server.kill();
	site.server.close();
	folder.remove();
});

async function load(page: Page): Promise<void> {
	await page.goto(site.url);
	await page.waitForFunction('globalThis.isReady');
}

/** The same seed does the same to the same requests; which requests there are depends on real time. */
function seeded(seed: number): () => number {
	let state = seed * 2_654_435_761;
	return () => {
		state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 374_761_393) >>> 0;
		return state / 2 ** 32;
	};
}

test.concurrent.each(SEEDS)(
	'seed %i: what a page logged arrives once, whatever the network does (alone: TIDELOG_SEED=… npm run test:chaos)',
	async (seed) => {
		const random = seeded(seed);
		const proxy = await FaultProxy.start(server.url, random);
		const context = await browser.newContext();
		try {
			const page = await context.newPage();
			await load(page);
			proxy.faultFraction = 0.2 + 0.5 * random();
			const run = await page.evaluate(([url, id]) => startRun(url, { id }), [proxy.url, `chaos-${seed}`] as const);
			const isReloaded = seed % 3 === 0;
			const working = page.evaluate(([from, ms]) => work(from, ms), [seed, WORK_MS] as const);
			let shown = 0;
			if (isReloaded) {
				// The page is left in the middle of its work; the next one sends what it left.
				working.catch(() => undefined);
				await page.waitForTimeout(WORK_MS * (0.3 + 0.5 * random()));
				shown = await page.evaluate(() => globalThis.run.status.durable);
				await load(page);
				await page.evaluate((url) => startRun(url, {}), proxy.url);
			} else await working;
			proxy.faultFraction = 0;
			const journal = isReloaded ? undefined : await page.evaluate(() => globalThis.run.status);
			if (!isReloaded) {
				await page.evaluate(() => globalThis.run.synced());
				const status = await page.evaluate(() => globalThis.run.status);
				expect(status).toMatchObject({ verified: true, dropped: 0, droppedValues: 0, pending: { memory: 0, disk: 0 } });
				expect(status.accepted).toBe(status.synced);
			} else await expect.poll(async () => (await server.records('chaos', run)).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(shown);
			const records = await server.records('chaos', run);
			expect(
				records.map(({ n }) => n),
				proxy.done.join(', '),
			).toEqual(records.map((_, n) => n));
			expect(records.map(({ line }) => line.i)).toEqual(records.map((_, i) => i));
			if (journal) expect(records.length).toBe(journal.accepted);
			expect(new Set(records.map(({ writer }) => writer)).size).toBe(1);
		} finally {
			await context.close();
			await proxy.close();
		}
	},
);
