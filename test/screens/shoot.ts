/**
 * Photographs every page of the built dashboard in both themes and two widths, with data that look real:
 * node test/screens/shoot.ts [name …]      pictures come into test-results/screens/
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { startServer } from '../../server/src/index.ts';
import { type SampleRun, sampleRows } from './sample-runs.ts';
import { PROJECT, seed, sendRows } from './seed.ts';

const OUT = 'test-results/screens';
const DASHBOARD = 'dashboard/dist';
const SIZES = [
	{ name: '', width: 1440, height: 900 },
	{ name: '-390', width: 390, height: 844 },
];

interface Shot {
	name: string;
	path: (run: SampleRun[]) => string;
	prepare?: (page: Page, width: number) => Promise<void>;
	/** Only at these widths; all by default. */
	widths?: number[];
}

const workspace = `/local/${PROJECT}`;
const panel = (page: Page, key: string) => page.locator(`[data-testid=panel][data-key="${key}"]`);

const SHOTS: Shot[] = [
	{ name: 'projects', path: () => '/' },
	{ name: 'workspace', path: () => workspace },
	{
		name: 'workspace-hover',
		path: () => `${workspace}?s=0.6&log=train%2Floss`,
		widths: [1440],
		prepare: async (page) => {
			const box = await panel(page, 'train/loss').locator('.chart').boundingBox();
			if (box) await page.mouse.move(box.x + box.width * 0.42, box.y + box.height * 0.6, { steps: 4 });
		},
	},
	{
		name: 'workspace-focus',
		path: () => workspace,
		widths: [1440],
		prepare: async (page) => {
			await page.keyboard.press('j');
			await page.keyboard.press('j');
		},
	},
	{
		name: 'workspace-nan',
		path: () => `${workspace}?p=norm`,
		widths: [1440],
	},
	{ name: 'workspace-wall', path: () => `${workspace}?x=time&p=val%2F`, widths: [1440] },
	{
		name: 'workspace-single',
		path: (runs) => `${workspace}?q=sanity&show=${runs[8]?.id}`,
		widths: [1440],
	},
	{
		name: 'run-sheet',
		path: () => workspace,
		widths: [390],
		prepare: async (page) => {
			await page.locator('.chips .btn').click();
		},
	},
	{ name: 'run-overview', path: (runs) => `${workspace}/runs/${runs[0]?.id}` },
	{ name: 'run-overview-crashed', path: (runs) => `${workspace}/runs/${runs[4]?.id}`, widths: [1440] },
	{ name: 'run-charts', path: (runs) => `${workspace}/runs/${runs[0]?.id}/charts` },
	{
		name: 'run-media',
		path: (runs) => `${workspace}/runs/${runs[0]?.id}/media`,
		prepare: async (page) => {
			await page.locator('[role=slider][aria-label=Step]').focus();
			await page.keyboard.press('ArrowLeft');
		},
	},
	{ name: 'run-media-waiting', path: (runs) => `${workspace}/runs/${runs[0]?.id}/media`, widths: [1440] },
	{ name: 'run-files', path: (runs) => `${workspace}/runs/${runs[0]?.id}/files` },
	{ name: 'missing-run', path: () => `${workspace}/runs/nothing`, widths: [1440] },
	{ name: 'empty-project', path: () => '/local/not-there-yet' },
	{
		name: 'keys',
		path: () => workspace,
		widths: [1440],
		prepare: async (page) => {
			await page.keyboard.press('?');
		},
	},
];

const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((part) => name.includes(part));

async function shoot(browser: Browser, url: string, runs: SampleRun[], shots: readonly Shot[], suffix = ''): Promise<void> {
	for (const theme of ['light', 'dark'] as const) {
		for (const size of SIZES) {
			const context = await browser.newContext({ viewport: size, colorScheme: theme, deviceScaleFactor: size.width < 720 ? 2 : 1 });
			const page = await context.newPage();
			page.on('pageerror', (error) => console.error(`page error: ${error.message}`));
			page.on('console', (message) => message.type() === 'error' && console.error(`console: ${message.text()}`));
			for (const shot of shots) {
				if (!isWanted(shot.name) || (shot.widths && !shot.widths.includes(size.width))) continue;
				await page.goto(url + shot.path(runs));
				await page.waitForTimeout(900);
				await shot.prepare?.(page, size.width);
				await page.waitForTimeout(400);
				await page.screenshot({ path: join(OUT, `${shot.name}${suffix}${size.name}-${theme}.png`) });
				await page.mouse.move(0, 0);
			}
			await context.close();
		}
	}
}

/** The server goes away under an open page, and comes back. */
async function shootOffline(browser: Browser, dataDir: string, nowMs: number): Promise<void> {
	const server = await startServer({ port: 0, dataDir, dashboardDir: DASHBOARD, nowMs: () => nowMs });
	const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
	await page.goto(server.url + workspace);
	await page.waitForTimeout(1200);
	await server.close();
	await page.locator('[data-testid=live-state][data-state=offline]').waitFor();
	await page.waitForTimeout(300);
	await page.screenshot({ path: join(OUT, 'workspace-offline-light.png') });
	const again = await startServer({ port: server.port, dataDir, dashboardDir: DASHBOARD, nowMs: () => nowMs });
	await page.locator('[data-testid=live-state][data-state=live]').waitFor();
	await page.close();
	await again.close();
}

/** A run that goes on while it is looked at: says how often anything in the page moved. */
async function watchLive(browser: Browser, url: string, runs: SampleRun[]): Promise<void> {
	const run = runs[0];
	if (!run) return;
	const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
	await page.goto(url + workspace);
	await page.waitForTimeout(1200);
	const pointsOf = async (): Promise<number> => Number(await panel(page, 'train/loss').getAttribute('data-points'));
	const before = await pointsOf();
	await page.evaluate(() => {
		const moves: number[] = [];
		Object.assign(window, { moves });
		new PerformanceObserver((list) => {
			for (const entry of list.getEntries()) moves.push((entry as PerformanceEntry & { value: number }).value);
		}).observe({ type: 'layout-shift' });
	});
	for (let i = 0; i < 8; i++) {
		await sendRows(url, run, sampleRows(run, run.rows + i * 4, run.rows + i * 4 + 4, Date.now()), run.rows + i * 4);
		await page.waitForTimeout(250);
	}
	await page.waitForTimeout(1000);
	const moves = await page.evaluate(() => (window as unknown as { moves: number[] }).moves);
	console.log(
		`live: train/loss went from ${before} to ${await pointsOf()} points (32 sent); layout shifts: ${moves.length}, sum ${moves.reduce((a, b) => a + b, 0).toFixed(4)}`,
	);
	await page.screenshot({ path: join(OUT, 'workspace-live-light.png') });
	await page.close();
}

const executablePath = [process.env.TIDELOG_BROWSER, '/usr/bin/chromium'].find((path) => path && existsSync(path));
const browser = await chromium.launch({
	...(executablePath ? { executablePath } : {}),
	args: [
		'--no-sandbox',
		'--disable-gpu',
		'--disable-quic',
		'--no-first-run',
		'--disable-background-networking',
		'--disable-component-update',
		'--disable-sync',
	],
});
mkdirSync(OUT, { recursive: true });
const dataDir = mkdtempSync(join(tmpdir(), 'tidelog-screens-'));
const nowMs = Date.now();
try {
	let clock = nowMs;
	const server = await startServer({ port: 0, dataDir, dashboardDir: DASHBOARD, nowMs: () => clock });
	if (isWanted('no-projects')) await shoot(browser, server.url, [], [{ name: 'no-projects', path: () => '/' }]);
	const runs = await seed({
		url: server.url,
		nowMs,
		setNow: (ms) => {
			clock = ms;
		},
	});
	await shoot(browser, server.url, runs, SHOTS);
	if (isWanted('live')) await watchLive(browser, server.url, runs);
	await server.close();
	if (isWanted('offline')) await shootOffline(browser, dataDir, nowMs);
} finally {
	await browser.close();
	rmSync(dataDir, { recursive: true, force: true });
}
