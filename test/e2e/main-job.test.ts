import type { Server } from 'node:http';
import { resolve } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LineObject } from '../../src/core/json-line.ts';
import { freePort, launchBrowser, logged, offlineSwitch, ServerProcess, serveFolder, temporaryFolder } from './support.ts';

/**
 * The main job, as a user does it: the demo trains a network in a worker, the dashboard shows it live; the server dies for ten
 * seconds, the page is reloaded, the network goes, and in the end the server holds what was logged.
 */
interface Told {
	run: string;
	n: number;
	step: number;
	data: LineObject;
}

let browser: Browser;
let context: BrowserContext;
let site: { url: string; server: Server };
let server: ServerProcess;
const folder = temporaryFolder();
/** Every row that the training told its page, right after log() returned: an account kept outside of the SDK. */
const told: Told[] = [];

beforeAll(async () => {
	const port = await freePort();
	site = await serveFolder(resolve('demo/dist'), {
		'/config.json': { type: 'application/json', body: JSON.stringify({ server: `http://127.0.0.1:${port}` }) },
	});
	server = new ServerProcess(port, folder.path, [site.url]);
	await server.start();
	browser = await launchBrowser();
	context = await browser.newContext();
	await context.exposeBinding('tell', (_source, row: Told) => told.push(row));
	await context.addInitScript(() => {
		window.addEventListener('tidelog-demo:logged', (event) =>
			(window as unknown as { tell(row: unknown): void }).tell((event as CustomEvent).detail),
		);
	});
});

afterAll(async () => {
	await browser?.close();
	await server?.kill();
	site?.server.close();
	folder.remove();
});

const value = async (page: Page, id: string) => Number(await page.getByTestId(id).getAttribute('data-value'));
const rows = (run: string) => told.filter((row) => row.run === run).sort((a, b) => a.n - b.n);

async function startTraining(page: Page, options: string): Promise<string> {
	await page.goto(`${site.url}/?${options}`);
	await page.getByTestId('start').click();
	const id = page.getByTestId('run-id');
	await expect.poll(() => id.textContent(), { timeout: 60_000 }).toMatch(/[0-9a-z]{12}/);
	const run = ((await id.textContent()) ?? '').match(/[0-9a-z]{12}/)?.[0] as string;
	await expect.poll(() => rows(run).length, { timeout: 60_000 }).toBeGreaterThan(5);
	return run;
}

async function stopTraining(page: Page): Promise<void> {
	await page.getByTestId('stop').click();
	await expect.poll(() => page.getByTestId('train-state').getAttribute('data-state'), { timeout: 60_000 }).toMatch(/finished|stopped/);
}

/** A list of images is told as its length. */
function asTold(line: LineObject): LineObject {
	const told = (value: LineObject[string]) => (typeof value === 'object' && value !== null && 'count' in value ? (value.count ?? null) : value);
	return Object.fromEntries(Object.entries(logged(line)).map(([key, value]) => [key, told(value)]));
}

async function expectEqualToTold(run: string, least: number): Promise<number> {
	await expect.poll(async () => (await server.records('digits', run)).length, { timeout: 60_000, interval: 500 }).toBeGreaterThanOrEqual(least);
	const records = await server.records('digits', run);
	const account = rows(run);
	expect(records.map(({ n }) => n)).toEqual(records.map((_, i) => i));
	expect(new Set(records.map(({ writer }) => writer)).size).toBe(1);
	const common = Math.min(records.length, account.length);
	const held = records.slice(0, common).map(({ line }) => ({ step: line._step, data: asTold(line) }));
	expect(held).toEqual(account.slice(0, common).map(({ step, data }) => ({ step, data })));
	return records.length;
}

test('a training in a worker is seen live, survives a dead server and a reload, and nothing that was safe is lost', async () => {
	const demo = await context.newPage();
	const first = await startTraining(demo, 'epochs=50&batch=32&loop=custom');
	await expect.poll(() => value(demo, 'status-synced'), { timeout: 20_000 }).toBeGreaterThan(5);

	// The chart grows in a dashboard that is never reloaded.
	const dashboard = await context.newPage();
	let loads = 0;
	dashboard.on('load', () => loads++);
	await dashboard.goto(`${server.url}/local/digits`);
	const points = async () => Number(await dashboard.locator('[data-testid="panel"][data-key="train/loss"]').getAttribute('data-points'));
	await expect.poll(points, { timeout: 20_000 }).toBeGreaterThan(0);
	const before = await points();
	await expect.poll(points, { timeout: 20_000 }).toBeGreaterThan(before + 10);

	// The server dies for ten seconds; training and storing go on, in a hidden tab: the dashboard lies in front.
	await server.kill();
	const loggedAtDeath = rows(first).length;
	await expect.poll(() => dashboard.getByTestId('live-state').getAttribute('data-state'), { timeout: 15_000 }).toBe('offline');
	await demo.waitForTimeout(10_000);
	expect(rows(first).length).toBeGreaterThan(loggedAtDeath + 20);
	expect(await value(demo, 'status-durable')).toBeGreaterThan(loggedAtDeath);

	// In the middle of it the page is reloaded and trains anew.
	const durable = await value(demo, 'status-durable');
	const second = await startTraining(demo, 'epochs=50&batch=32&loop=fit');
	expect(second).not.toBe(first);
	const toldBeforeReload = rows(first).length;

	await server.start();
	const kept = await expectEqualToTold(first, durable);
	console.log(`reload in the middle: ${toldBeforeReload} rows told, ${durable} shown as durable, ${kept} on the server`);
	expect(toldBeforeReload - kept).toBeLessThanOrEqual(10);

	// The dashboard comes back by itself and goes on growing.
	await expect.poll(() => dashboard.getByTestId('live-state').getAttribute('data-state'), { timeout: 20_000 }).toBe('live');
	const after = await points();
	await expect.poll(points, { timeout: 20_000 }).toBeGreaterThan(after);
	expect(loads).toBe(1);

	await stopTraining(demo);
	await expect.poll(() => value(demo, 'status-pending'), { timeout: 30_000 }).toBe(0);
	const total = rows(second).length;
	expect(await value(demo, 'status-accepted')).toBe(total);
	expect(await expectEqualToTold(second, total)).toBe(total);

	// Images of digits are there, bytes and all.
	await dashboard.goto(`${server.url}/local/digits/runs/${second}`);
	const media = await (await fetch(`${server.url}/api/projects/digits/runs/${second}/media?key=val%2Fsamples`)).json();
	expect(media.length).toBeGreaterThan(0);
	expect(media.every((point: { files: { isUploaded: boolean }[] }) => point.files.length > 0 && point.files.every((file) => file.isUploaded))).toBe(
		true,
	);
	await demo.close();
	await dashboard.close();
});

test('a training whose browser goes offline for ten seconds arrives whole', async () => {
	const demo = await context.newPage();
	const setOffline = await offlineSwitch(demo);
	const run = await startTraining(demo, 'epochs=50&batch=32&loop=custom');
	await expect.poll(() => value(demo, 'status-synced'), { timeout: 20_000 }).toBeGreaterThan(5);
	await setOffline(true);
	const atCut = rows(run).length;
	await demo.waitForTimeout(10_000);
	expect(rows(run).length).toBeGreaterThan(atCut + 20);
	expect(await value(demo, 'status-pending')).toBeGreaterThan(rows(run).length - atCut - 20);
	expect(await demo.getByTestId('connection').textContent()).toMatch(/safe on this device.*cannot be reached/);
	await setOffline(false);
	await stopTraining(demo);
	await expect.poll(() => value(demo, 'status-pending'), { timeout: 45_000 }).toBe(0);
	const total = rows(run).length;
	expect(await expectEqualToTold(run, total)).toBe(total);
	await demo.close();
});

test("the demo's own switch cuts the logger's network and nothing else", async () => {
	const demo = await context.newPage();
	const run = await startTraining(demo, 'epochs=50&batch=32&loop=custom');
	await expect.poll(() => value(demo, 'status-synced'), { timeout: 20_000 }).toBeGreaterThan(5);
	await demo.getByTestId('network').uncheck({ force: true });
	await expect.poll(() => value(demo, 'status-pending'), { timeout: 20_000 }).toBeGreaterThan(20);
	await demo.getByTestId('network').check({ force: true });
	await expect
		.poll(async () => (await value(demo, 'status-synced')) > 30 && (await value(demo, 'status-pending')) < 20, { timeout: 30_000 })
		.toBe(true);
	await stopTraining(demo);
	const total = rows(run).length;
	expect(await expectEqualToTold(run, total)).toBe(total);
	await demo.close();
});
