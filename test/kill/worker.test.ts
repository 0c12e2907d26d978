import { resolve } from 'node:path';
import type { Browser, BrowserContext } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, launchBrowser, ServerProcess, temporaryFolder } from '../e2e/support.ts';
import { expectWhole } from './compare.ts';
import { type Site, serveSite } from './site.ts';

/** The SDK's worker alone is ended, while its page goes on logging. `TIDELOG_KILL_ROUNDS`: how often (browser.test.ts). */
const ROUNDS = Number(process.env.TIDELOG_KILL_ROUNDS ?? 10);
/** After the fourth death in a row the SDK waits half a minute before it starts another. */
const DEATHS_A_PAGE = 3;
const PAGES_AT_ONCE = 4;

let site: Site;
let server: ServerProcess;
let browser: Browser;
let context: BrowserContext;
const folder = temporaryFolder();

beforeAll(async () => {
	site = await serveSite(resolve('dist'));
	server = new ServerProcess(await freePort(), folder.path, [site.url]);
	await server.start();
	browser = await launchBrowser();
	context = await browser.newContext();
});

afterAll(async () => {
	await browser?.close();
	await server?.kill();
	site?.close();
	folder.remove();
});

interface Outcome {
	run: string;
	calls: number;
	isSynced: boolean;
	isVerified: boolean | undefined;
	told: string[];
	restarts: number;
	unseenMs: number;
}

async function logThroughDeaths(deaths: number, isSilent: boolean): Promise<Outcome> {
	const page = await context.newPage();
	try {
		await page.goto(`${site.url}/deaths`);
		await page.waitForFunction('globalThis.logThroughDeaths');
		return await page.evaluate(
			(options) => (globalThis as unknown as { logThroughDeaths(options: object): Promise<Outcome> }).logThroughDeaths(options),
			{ server: server.url, deaths, isSilent },
		);
	} finally {
		await page.close();
	}
}

async function logThroughLoudDeaths(): Promise<number> {
	let calls = 0;
	for (let rounds = 0; rounds < ROUNDS; rounds += PAGES_AT_ONCE * DEATHS_A_PAGE) {
		const outcomes = await Promise.all(Array.from({ length: PAGES_AT_ONCE }, () => logThroughDeaths(DEATHS_A_PAGE, false)));
		for (const outcome of outcomes) await expectSurvived(outcome, DEATHS_A_PAGE);
		calls += outcomes.reduce((sum, outcome) => sum + outcome.calls, 0);
	}
	return calls;
}

async function expectSurvived({ run, calls, isSynced, isVerified, told, restarts }: Outcome, deaths: number): Promise<void> {
	expect({ run, isSynced, isVerified, told, restarts }).toEqual({
		run,
		isSynced: true,
		isVerified: true,
		told: ['writer-restarted'],
		restarts: deaths,
	});
	expect(expectWhole(await server.records('kill', run))).toBe(calls);
}

test(`a page whose worker is ended ${ROUNDS} times while it logs loses and doubles nothing`, { timeout: 120_000 + ROUNDS * 5_000 }, async () => {
	const [missed, calls] = await Promise.all([logThroughDeaths(1, true), logThroughLoudDeaths()]);
	// A worker that goes without a word is missed when it does not answer: within 5 s it is asked, and given 20 s (and one more for a busy page).
	await expectSurvived(missed, 1);
	expect(missed.unseenMs).toBeLessThan(32_000);
	console.log(`${calls} calls through loud deaths; a silent one was seen after ${(missed.unseenMs / 1000).toFixed(1)} s`);
});
