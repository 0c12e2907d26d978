import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, ServerProcess, temporaryFolder } from '../e2e/support.ts';
import { ChromiumProcess } from './chromium-process.ts';
import { type Account, expectKept, expectWhole } from './compare.ts';
import { type Site, serveSite, type Told } from './site.ts';

/**
 * SIGKILL for a whole Chromium at a random moment under load, again and again on one profile. Each start sends what the ones before it left behind, while it logs a run of
 * its own; the last one collects.
 *
 * `TIDELOG_KILL_ROUNDS`: how often (10; 100 with `npm run test:kill`). `TIDELOG_KILL_HIDDEN_S`: how long a hidden tab logs before it is killed (2; 600 to see what
 * browsers do to pages that are hidden for long).
 */
const ROUNDS = Number(process.env.TIDELOG_KILL_ROUNDS ?? 10);
const HIDDEN_MS = Number(process.env.TIDELOG_KILL_HIDDEN_S ?? 2) * 1000;
const START_MS = 30_000;
/** Calls in a turn, and milliseconds between turns. */
const PACES = [
	[1, 30],
	[1, 5],
	[10, 4],
	[100, 8],
] as const;

let site: Site;
let server: ServerProcess;
const folder = temporaryFolder();

beforeAll(async () => {
	site = await serveSite(resolve('dist'));
	server = new ServerProcess(await freePort(), `${folder.path}/server`, [site.url]);
	await server.start();
});

afterAll(async () => {
	await server?.kill();
	site?.close();
	folder.remove();
});

/** Starts a browser whose page logs, kills it `afterMs` after the page has begun, and gives the page's account. */
async function killUnderLoad(profile: string, options: Record<string, string>, afterMs: number): Promise<Account & { visibility: string }> {
	const account: Account & { visibility: string } = { run: '', calls: [], flushed: 0, killedMs: 0, visibility: '' };
	const faults: string[] = [];
	let begun: () => void = () => undefined;
	const hasBegun = new Promise<void>((resolve, reject) => {
		begun = resolve;
		setTimeout(reject, START_MS, new Error('the page did not begin')).unref();
	});
	site.onTold = ({ ms, run, after, flushed, visibility, error, fault }: Told) => {
		if (run !== undefined) account.run = run;
		if (visibility !== undefined) account.visibility = visibility;
		if (after !== undefined) account.calls.push({ upTo: after, ms });
		if (flushed !== undefined) account.flushed = flushed;
		if (error !== undefined || fault !== undefined) faults.push(error ?? fault ?? '');
		if (after !== undefined) begun();
	};
	const browser = new ChromiumProcess(profile, `${site.url}/?${new URLSearchParams({ server: server.url, ...options })}`);
	try {
		await hasBegun;
		await new Promise((resolve) => setTimeout(resolve, afterMs));
	} finally {
		account.killedMs = await browser.kill();
		site.onTold = () => undefined;
	}
	expect(faults).toEqual([]);
	return account;
}

/** Starts a browser that sends everything the profile holds, and waits for it. */
async function collect(profile: string): Promise<void> {
	let last: Told | undefined;
	const isDone = new Promise<void>((resolve, reject) => {
		setTimeout(() => reject(new Error(`not everything was sent: ${JSON.stringify(last)}`)), 60_000 + ROUNDS * 500).unref();
		site.onTold = (told) => {
			if (told.fault !== undefined) reject(new Error(told.fault));
			if (told.collected !== undefined) last = told;
			if (told.isDone) resolve();
		};
	});
	const browser = new ChromiumProcess(profile, `${site.url}/?${new URLSearchParams({ server: server.url, collect: '1' })}`);
	try {
		await isDone;
	} finally {
		await browser.kill();
		site.onTold = () => undefined;
	}
}

async function expectAll(accounts: readonly Account[]): Promise<void> {
	let worstMs = 0;
	let calls = 0;
	let confirmed = 0;
	const losses: number[] = [];
	for (const account of accounts) {
		// A page that was killed before its first record was stored has made no run there.
		const kept = expectWhole(await server.records('kill', account.run).catch(() => []));
		const { lost, lostMs } = expectKept(account, kept);
		losses.push(lost);
		worstMs = Math.max(worstMs, lostMs);
		calls += account.calls.at(-1)?.upTo ?? 0;
		confirmed += account.flushed;
	}
	const rounds = losses.filter((lost) => lost > 0).length;
	const lost = losses.reduce((sum, count) => sum + count, 0);
	console.log(
		`${accounts.length} kills, ${calls} calls, ${confirmed} confirmed by flush(): none of these lost; ${lost} of the others in ${rounds} rounds, the oldest made ${worstMs} ms before its kill`,
	);
}

test(`${ROUNDS} kills of the browser under load lose nothing that was confirmed, and nothing older than 250 ms`, {
	timeout: 120_000 + ROUNDS * 15_000,
}, async () => {
	const profile = `${folder.path}/profile`;
	const accounts: Account[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const [calls, gapMs] = PACES[round % PACES.length] as (typeof PACES)[number];
		const options = { calls: String(calls), gapMs: String(gapMs), mode: Math.random() < 0.3 ? 'offline' : 'online' };
		accounts.push(await killUnderLoad(profile, options, Math.random() * 1200));
	}
	await collect(profile);
	await expectAll(accounts);
});

test(`a tab that has been hidden for ${HIDDEN_MS / 1000} s loses no more than that`, { timeout: 120_000 + 3 * HIDDEN_MS }, async () => {
	const profile = `${folder.path}/profile-hidden`;
	const accounts: Account[] = [];
	for (const [calls, gapMs] of [PACES[0], PACES[2]]) {
		const options = { calls: String(calls), gapMs: String(gapMs), hide: '1' };
		const account = await killUnderLoad(profile, options, 300 + HIDDEN_MS + Math.random() * 500);
		expect(account.visibility).toBe('hidden');
		accounts.push(account);
	}
	await collect(profile);
	await expectAll(accounts);
});
