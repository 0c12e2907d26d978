import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { resolve } from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { browserArgs } from '../../scripts/find-browser.mjs';
import { freePort, logged, ServerProcess, serveFolder, temporaryFolder } from './support.ts';
import { TAB_FILES, Tab } from './tab.ts';

/** Several tabs of one origin, and what browsers do to pages: whoever dies or sleeps, the server has what was logged, once. */
const TAKE_OVER_MS = 2_000;
/** A name without https is no secure context: no Web Locks there, neither in pages nor in workers. */
const INSECURE_HOST = 'tidelog.test';

/** The worker as it is, after something was done to its global scope. */
const worker = readFileSync(resolve('dist/worker.js'), 'utf8');
const script = (body: string) => ({ type: 'text/javascript', body });
/** The same release under another version. */
const older = (name: string) => script(readFileSync(resolve('dist', name), 'utf8').replaceAll('"0.1.0"', '"0.0.9"'));

const FILES = {
	...TAB_FILES,
	'/worker-without-database.js': script(
		`Object.defineProperty(self, 'indexedDB', { get() { throw new DOMException('blocked', 'SecurityError'); } });${worker}`,
	),
	...Object.fromEntries(['index.js', 'start-writer.js', 'worker-rows-text.js'].map((name) => [`/older/${name}`, older(name)])),
};

let browser: Browser;
let context: BrowserContext;
let site: { url: string; server: Server };
let insecureUrl: string;
let server: ServerProcess;
const folder = temporaryFolder();

beforeAll(async () => {
	site = await serveFolder(resolve('dist'), FILES);
	insecureUrl = `http://${INSECURE_HOST}:${new URL(site.url).port}`;
	server = new ServerProcess(await freePort(), folder.path, [site.url, insecureUrl]);
	await server.start();
	const executablePath = process.env.TIDELOG_BROWSER;
	if (!executablePath) throw new Error('TIDELOG_BROWSER is not set; run this with `npm test` or `npm run test:e2e`.');
	browser = await chromium.launch({
		executablePath,
		args: [...browserArgs(), `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`],
		// The pages here go into it and come back.
		ignoreDefaultArgs: ['--disable-back-forward-cache'],
	});
});

afterAll(async () => {
	await browser?.close();
	await server?.kill();
	site?.server.close();
	folder.remove();
});

beforeEach(async () => {
	context = await browser.newContext();
});

afterEach(async () => {
	await context.close();
});

const open = (url = site.url) => Tab.open(context, url, server.url);

/** How many calls of each tab the server has of a run; each writer's must be there once, in order, from the first one on. */
async function countsOf(run: string): Promise<Record<string, number>> {
	const counts: Record<string, number> = {};
	const next = new Map<string, number>();
	for (const { writer, n, line } of await server.records('tabs', run).catch(() => [])) {
		if (n !== (next.get(writer) ?? 0)) throw new Error(`run ${run}, writer ${writer}: record ${n} instead of ${next.get(writer) ?? 0}`);
		next.set(writer, n + 1);
		const { tab, i } = logged(line) as { tab: string; i: number };
		if (i !== (counts[tab] ?? 0)) throw new Error(`run ${run}: call ${i} of ${tab} instead of ${counts[tab] ?? 0}`);
		counts[tab] = i + 1;
	}
	return counts;
}

const expectCounts = (run: string, counts: Record<string, number>) =>
	expect.poll(() => countsOf(run), { timeout: 30_000, interval: 100 }).toEqual(counts);

/** Milliseconds until the server has that many calls of a tab. */
async function untilCount(run: string, tab: string, count: number): Promise<number> {
	const before = performance.now();
	await expect.poll(async () => (await countsOf(run))[tab] ?? 0, { timeout: 30_000, interval: 25 }).toBeGreaterThanOrEqual(count);
	return performance.now() - before;
}

describe('tabs that log at once', () => {
	test.each([
		[2, 1],
		[4, 1],
		[3, 3],
	])('%i tabs with %i runs each', async (tabs, runsEach) => {
		const opened = await Promise.all(Array.from({ length: tabs }, () => open()));
		const ids = new Map<string, string>();
		for (const [t, tab] of opened.entries()) for (let r = 0; r < runsEach; r++) ids.set(`${t}-${r}`, await tab.begin(`${t}-${r}`));
		await Promise.all(opened.map((tab) => tab.logOn()));
		await opened[0]?.page.waitForTimeout(1000);
		for (const tab of opened) {
			for (const [name, count] of Object.entries(await tab.stop())) {
				expect(await tab.finish(name)).toMatchObject({ isSynced: true, status: { accepted: count, synced: count, dropped: 0, verified: true } });
				await expectCounts(ids.get(name) as string, { [name]: count });
			}
		}
	});

	test.each([2, 4])('%i tabs that resume one run: the union, without duplicates, when the sender is killed', async (tabs) => {
		const id = `shared-${tabs}`;
		const opened: Tab[] = [];
		for (let t = 0; t < tabs; t++) {
			const tab = await open();
			expect(await tab.begin(`${t}`, { id, resume: 'allow' })).toBe(id);
			await tab.log(`${t}`, 1);
			await tab.flush();
			opened.push(tab);
		}
		await Promise.all(opened.map((tab) => tab.logOn()));
		await opened[0]?.page.waitForTimeout(500);
		const [sender, ...others] = opened as [Tab, ...Tab[]];
		const confirmed = (await sender.flush())['0'] as number;
		await sender.crash();
		const takenOverMs = await untilCount(id, '0', confirmed);
		expect(takenOverMs).toBeLessThan(TAKE_OVER_MS);
		const counts: Record<string, number> = {};
		for (const [t, tab] of others.entries()) Object.assign(counts, await tab.stop(), { [`${t + 1}`]: (await tab.flush())[`${t + 1}`] });
		for (const [t, tab] of others.entries()) {
			await tab.synced(`${t + 1}`);
			expect((await tab.status(`${t + 1}`)).verified).toBe(true);
		}
		const dead = (await countsOf(id))['0'] as number;
		expect(dead).toBeGreaterThanOrEqual(confirmed);
		await expectCounts(id, { ...counts, '0': dead });
	});
});

describe('another tab takes over within 2 s', () => {
	const killings: [how: string, kill: (tab: Tab) => Promise<unknown>][] = [
		['is closed', (tab) => tab.page.close()],
		['crashes', (tab) => tab.crash()],
		['goes elsewhere', (tab) => tab.page.goto('about:blank')],
	];
	test.each(killings)('when the tab that sends %s', async (how, kill) => {
		const others = [await open(), await open()];
		for (const [t, other] of others.entries()) await other.begin(`other ${t}`);
		const tab = await open();
		const run = await tab.begin('dead');
		await tab.log('dead', 10);
		await tab.synced('dead');
		// It holds what it has to send, and the lock: nobody else may send before it is gone.
		await tab.pauseSync('dead');
		await tab.log('dead', 990);
		await tab.flush();
		await others[0]?.page.waitForTimeout(300);
		expect(await countsOf(run)).toEqual({ dead: 10 });
		await kill(tab);
		const ms = await untilCount(run, 'dead', 1000);
		console.log(`a tab that ${how}: taken over within ${Math.round(ms)} ms`);
		expect(ms).toBeLessThan(TAKE_OVER_MS);
		await expectCounts(run, { dead: 1000 });
	});

	test('and sends what the tab had in hand in the very turn in which it was left', async () => {
		const other = await open();
		await other.begin('other');
		for (const where of ['about:blank', '/elsewhere']) {
			const tab = await open();
			const run = await tab.begin('left');
			await tab.logOn(1);
			await tab.page.waitForTimeout(300);
			const { left } = (await tab.page.evaluate((where) => {
				const counts = (globalThis as unknown as { tab: { stop(): object } }).tab.stop();
				location.href = where;
				return counts;
			}, where)) as { left: number };
			const ms = await untilCount(run, 'left', left);
			console.log(`left for ${where}: taken over within ${Math.round(ms)} ms`);
			expect(ms).toBeLessThan(TAKE_OVER_MS);
			await expectCounts(run, { left });
		}
	});

	test('when it dies in the middle of sending, again and again', async () => {
		const other = await open();
		await other.begin('other');
		for (let round = 0; round < 4; round++) {
			const tab = await open();
			const run = await tab.begin('dead');
			await tab.logOn(1);
			await tab.page.waitForTimeout(100 + Math.random() * 400);
			const { dead } = (await tab.flush()) as { dead: number };
			await (round % 2 === 0 ? tab.crash() : tab.page.close());
			expect(await untilCount(run, 'dead', dead)).toBeLessThan(TAKE_OVER_MS);
		}
	});
});

describe('without Web Locks', () => {
	test('tabs with runs of their own lose and double nothing, whoever sends', async () => {
		const tabs = [await open(insecureUrl), await open(insecureUrl)] as const;
		expect(await tabs[0].page.evaluate(() => navigator.locks)).toBeUndefined();
		const ids = [await tabs[0].begin('a'), await tabs[1].begin('b')] as const;
		await Promise.all(tabs.map((tab) => tab.logOn()));
		await tabs[0].page.waitForTimeout(800);
		const { a } = (await tabs[0].flush()) as { a: number };
		await tabs[0].crash();
		expect(await untilCount(ids[0], 'a', a)).toBeLessThan(TAKE_OVER_MS);
		const { b } = (await tabs[1].stop()) as { b: number };
		expect(await tabs[1].finish('b')).toMatchObject({ isSynced: true, status: { verified: true } });
		await expectCounts(ids[1], { b });
		expect((await tabs[1].told()).filter((text) => text.startsWith('history-differs'))).toEqual([]);
	});

	test('tabs that resume one run lose and double nothing', async () => {
		const tabs = [await open(insecureUrl), await open(insecureUrl)] as const;
		for (const [t, tab] of tabs.entries()) await tab.begin(`${t}`, { id: 'insecure', resume: 'allow' });
		await Promise.all(tabs.map((tab) => tab.logOn()));
		await tabs[0].page.waitForTimeout(800);
		const counts = { ...(await tabs[0].stop()), ...(await tabs[1].stop()) };
		for (const [t, tab] of tabs.entries()) await tab.synced(`${t}`);
		await expectCounts('insecure', counts);
		for (const tab of tabs) expect((await tab.told()).filter((text) => text.startsWith('history-differs'))).toEqual([]);
	});
});

describe('what browsers do to a page', () => {
	test('a page that is left and comes back out of the back/forward cache goes on', async () => {
		const tab = await open();
		const run = await tab.begin('cached');
		await tab.log('cached', 500);
		await tab.flush();
		// Left in the same turn as the last call.
		await tab.page.evaluate(() => {
			addEventListener('pageshow', ({ persisted }) => Object.assign(globalThis, { persisted }));
			(globalThis as unknown as { tab: { log(name: string, count: number): void } }).tab.log('cached', 50);
			location.href = '/elsewhere';
		});
		await tab.page.waitForURL('**/elsewhere');
		await tab.page.evaluate(() => history.back());
		await tab.page.waitForURL(`${site.url}/`, { waitUntil: 'commit' });
		await tab.isReady();
		const isRestored = await tab.page.evaluate(() => (globalThis as unknown as { persisted?: boolean }).persisted === true);
		console.log(isRestored ? 'the page came back as it was' : 'the page was loaded again');
		if (isRestored) {
			expect(await tab.log('cached', 100)).toBe(650);
			expect(await tab.finish('cached')).toMatchObject({ isSynced: true, status: { verified: true } });
		} else await tab.begin('next');
		await expectCounts(run, { cached: isRestored ? 650 : 550 });
	});

	test('a page that is frozen keeps what it had, and goes on when it is thawed', async () => {
		const other = await open();
		await other.begin('other');
		const tab = await open();
		const run = await tab.begin('frozen');
		await tab.logOn();
		await tab.page.waitForTimeout(400);
		const session = await context.newCDPSession(tab.page);
		await session.send('Page.setWebLifecycleState', { state: 'frozen' });
		await other.log('other', 100);
		await other.synced('other');
		await other.page.waitForTimeout(500);
		await session.send('Page.setWebLifecycleState', { state: 'active' });
		await tab.page.waitForTimeout(300);
		const { frozen } = (await tab.stop()) as { frozen: number };
		expect(await tab.finish('frozen')).toMatchObject({ isSynced: true, status: { verified: true } });
		await expectCounts(run, { frozen });
	});

	test('a page that was discarded is loaded again, and sends what it had confirmed', async () => {
		const tab = await open();
		const run = await tab.begin('discarded');
		await tab.pauseSync('discarded');
		await tab.log('discarded', 300);
		await tab.flush();
		await tab.crash();
		// A page that crashed can be driven no more: the tab is loaded again beside it.
		const again = await open();
		await again.begin('again');
		await expectCounts(run, { discarded: 300 });
	});

	test('reloads in the middle of logging lose nothing, not even the calls of the last moment', async () => {
		const tab = await open();
		const runs: [string, number][] = [];
		for (let round = 0; round < 5; round++) {
			const run = await tab.begin(`${round}`);
			await tab.logOn(1);
			await tab.page.waitForTimeout(150 + Math.random() * 300);
			// What the page itself counted in the very turn in which it reloads.
			const [n] = await tab.page.evaluate(() => {
				const counts = (globalThis as unknown as { tab: { stop(): Record<string, number> } }).tab.stop();
				location.reload();
				return Object.values(counts) as [number];
			});
			runs.push([run, n]);
			await tab.page.waitForEvent('load');
			await tab.isReady();
		}
		await tab.begin('last');
		for (const [round, [run, n]] of runs.entries()) await expectCounts(run, { [round]: n });
	});

	test('a page that is left right after init() breaks nothing, and what is kept of it is whole', async () => {
		const tab = await open();
		const ids: string[] = [];
		for (let round = 0; round < 5; round++) {
			ids.push(
				await tab.page.evaluate(
					({ server, leave }) => {
						const { tab } = globalThis as unknown as {
							tab: { begin(name: string, options: object): string; log(name: string, count: number): void };
						};
						const id = tab.begin('left', { server });
						tab.log('left', 20);
						if (leave) location.href = '/elsewhere';
						else setTimeout(() => location.reload(), 50);
						return id;
					},
					{ server: server.url, leave: round % 2 === 0 },
				),
			);
			await tab.page.waitForEvent('load');
			await tab.page.goto(site.url);
			await tab.isReady();
		}
		const next = await tab.begin('next');
		await tab.log('next', 10);
		expect(await tab.finish('next')).toMatchObject({ isSynced: true, status: { verified: true } });
		await expectCounts(next, { next: 10 });
		const kept = await Promise.all(ids.map(async (id) => (await countsOf(id)).left ?? 0));
		console.log(`of 20 calls in the turn in which a page leaves, or 50 ms before, are kept: ${kept.join(', ')}`);
	});
});

describe('where nothing can be stored', () => {
	test('IndexedDB that throws: logging goes on in memory, what is logged arrives, and status says so', async () => {
		const tab = await open();
		const run = await tab.begin('memory', { workerUrl: '/worker-without-database.js' });
		await tab.log('memory', 1000);
		await tab.synced('memory');
		expect(await tab.status('memory')).toMatchObject({ accepted: 1000, synced: 1000, dropped: 0, verified: true });
		expect((await tab.status('memory')).error).toMatch(/local store cannot be used \(.*blocked.*in memory/);
		expect(await tab.told()).toEqual([expect.stringMatching(/^store-unavailable: /)]);
		await expectCounts(run, { memory: 1000 });
	});

	test('a quota that is full: logging goes on, status says so, and all of it is stored and sent once there is room', async () => {
		const tab = await open();
		const session = await context.newCDPSession(tab.page);
		// Before the database is opened: Chromium remembers for half a minute how much room there was.
		await session.send('Storage.overrideQuotaForOrigin', { origin: site.url, quotaSize: 200_000 });
		const run = await tab.begin('full');
		await tab.log('full', 100);
		await tab.synced('full');
		await tab.log('full', 20_000);
		await expect
			.poll(async () => (await tab.status('full')).error ?? '', { timeout: 10_000 })
			.toMatch(/store refused a write \(QuotaExceededError.*memory/);
		const { accepted, pending, dropped } = await tab.status('full');
		expect({ accepted, dropped }).toEqual({ accepted: 20_100, dropped: 0 });
		expect(pending.memory).toBeGreaterThan(0);
		expect(await tab.told()).toEqual([expect.stringMatching(/^store-failed: /)]);
		await session.send('Storage.overrideQuotaForOrigin', { origin: site.url });
		expect(await tab.log('full', 100)).toBe(20_200);
		expect(await tab.finish('full')).toMatchObject({ isSynced: true, status: { verified: true, error: undefined } });
		await expectCounts(run, { full: 20_200 });
	});
});

describe('two releases on one origin', () => {
	test.each([
		['an older one left, the present one sends', '/?sdk=/older', '/'],
		['the present one left, an older one sends', '/', '/?sdk=/older'],
	])('what %s', async (_what, first, second) => {
		const tab = await open(`${site.url}${first}`);
		const run = await tab.begin('left', { config: { lr: 0.1 } });
		await tab.pauseSync('left');
		await tab.log('left', 400);
		await tab.flush();
		const [other, killed] = [await open(`${site.url}${second}`), await tab.crash()];
		expect(killed).toBeUndefined();
		const own = await other.begin('own');
		await other.log('own', 100);
		expect(await other.finish('own')).toMatchObject({ isSynced: true, status: { verified: true } });
		await expectCounts(own, { own: 100 });
		await expectCounts(run, { left: 400 });
	});

	test('two tabs with one each log at once, and the one takes over from the other', async () => {
		const tabs = [await open(`${site.url}/?sdk=/older`), await open()] as const;
		const ids = [await tabs[0].begin('a'), await tabs[1].begin('b')] as const;
		await Promise.all(tabs.map((tab) => tab.logOn()));
		await tabs[0].page.waitForTimeout(500);
		const { a } = (await tabs[0].flush()) as { a: number };
		await tabs[0].crash();
		expect(await untilCount(ids[0], 'a', a)).toBeLessThan(TAKE_OVER_MS);
		const { b } = (await tabs[1].stop()) as { b: number };
		expect(await tabs[1].finish('b')).toMatchObject({ isSynced: true, status: { verified: true } });
		await expectCounts(ids[1], { b });
	});
});
