import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, ServerProcess, temporaryFolder } from '../e2e/support.ts';
import { type Account, expectKept, expectWhole } from './compare.ts';

/** A Node process with the file store, ended in every way that a process can end. `TIDELOG_KILL_ROUNDS`: how often (browser.test.ts). */
const ROUNDS = Number(process.env.TIDELOG_KILL_ROUNDS ?? 10);
const PACES = [
	[1, 30],
	[1, 1],
	[10, 4],
	[100, 8],
] as const;

interface Told {
	ms: number;
	runs?: string[];
	after?: number;
	flushed?: number;
	error?: string;
}

let server: ServerProcess;
const folder = temporaryFolder();

beforeAll(async () => {
	server = new ServerProcess(await freePort(), join(folder.path, 'server'), []);
	await server.start();
});

afterAll(async () => {
	await server?.kill();
	folder.remove();
});

/** One of test/kill/programs, in a folder of its own choice. */
class Program {
	readonly told: Told[] = [];
	readonly child: ChildProcess;
	readonly ended: Promise<{ code: number | null; signal: string | null; ms: number }>;
	errors = '';

	constructor(name: string, cwd: string, ...args: string[]) {
		mkdirSync(cwd, { recursive: true });
		const path = fileURLToPath(new URL(`./programs/${name}`, import.meta.url));
		this.child = spawn(process.execPath, [path, server.url, ...args], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
		let held = '';
		const read = this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
			const lines = (held + text).split('\n');
			held = lines.pop() ?? '';
			this.told.push(...lines.map((line) => JSON.parse(line) as Told));
		});
		this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
			this.errors += text;
		});
		const exit = once(this.child, 'exit').then(([code, signal]) => ({ code, signal, ms: Date.now() }));
		this.ended = Promise.all([exit, read && once(read, 'end')]).then(([how]) => how);
	}

	async hasTold(isIt: (told: Told) => boolean): Promise<void> {
		while (!this.told.some(isIt)) {
			if (this.child.exitCode !== null) throw new Error(`the program ended with ${this.child.exitCode}: ${this.errors}`);
			await new Promise((resolve) => setTimeout(resolve, 5));
		}
	}

	/** @returns what it told of each of its runs. */
	accounts(killedMs: number): Account[] {
		expect(this.told.filter(({ error }) => error !== undefined)).toEqual([]);
		const calls = this.told.flatMap(({ after, ms }) => (after === undefined ? [] : [{ upTo: after, ms }]));
		const flushed = Math.max(0, ...this.told.map((told) => told.flushed ?? 0));
		return (this.told.find(({ runs }) => runs)?.runs ?? []).map((run) => ({ run, calls, flushed, killedMs }));
	}

	async kill(): Promise<number> {
		const ms = Date.now();
		this.child.kill('SIGKILL');
		await this.ended;
		return ms;
	}
}

/** Logs under load until a random moment, then dies. */
async function killUnderLoad(cwd: string, ...args: string[]): Promise<Account[]> {
	const program = new Program('log-on.js', cwd, ...args);
	await program.hasTold(({ after }) => after !== undefined);
	await new Promise((resolve) => setTimeout(resolve, Math.random() * 600));
	return program.accounts(await program.kill());
}

/** States of all writers in the folder, read as the files that they are. */
function writersIn(cwd: string): { acknowledged: object; isVerified?: boolean }[] {
	const dir = join(cwd, 'tidelog');
	return readdirSync(dir)
		.filter((run) => !run.startsWith('.'))
		.flatMap((run) => readdirSync(join(dir, run)).map((name) => join(dir, run, name)))
		.filter((path) => /[0-9a-z]{16}\.json$/.test(path))
		.map((path) => JSON.parse(readFileSync(path, 'utf8')));
}

/** Records of all runs at the server. */
async function total(): Promise<number> {
	const runs = (await (await fetch(`${server.url}/api/projects/kill/runs`)).json()) as { id: string }[] | { runs: { id: string }[] };
	const counts = await Promise.all((Array.isArray(runs) ? runs : runs.runs).map(({ id }) => countOf(id)));
	return counts.reduce((sum, count) => sum + count, 0);
}

/** Starts a process that sends what is in the folder, and waits until `isThere`, every writer is verified, and nothing more comes. */
async function collect(cwd: string, isThere: () => Promise<boolean>): Promise<void> {
	const program = new Program('collect.js', cwd);
	try {
		await program.hasTold(({ runs }) => runs !== undefined);
		const isDone = async () => (await isThere()) && writersIn(cwd).every(({ isVerified }) => isVerified === true);
		await expect.poll(isDone, { timeout: 60_000, interval: 250 }).toBe(true);
		// Until nothing more comes: what a log holds beyond what was told, and what would be sent twice.
		for (let before = -1, now = await total(); now !== before; ) {
			await new Promise((resolve) => setTimeout(resolve, 700));
			before = now;
			now = await total();
		}
	} finally {
		program.child.stdin?.end();
		await program.ended;
	}
}

const countOf = async (run: string) => (await server.records('kill', run).catch(() => [])).length;

test(`${ROUNDS} SIGKILLs under load lose nothing that was confirmed, and nothing older than 250 ms`, {
	timeout: 120_000 + ROUNDS * 10_000,
}, async () => {
	const cwd = join(folder.path, 'killed');
	const accounts: Account[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const [calls, gapMs] = PACES[round % PACES.length] as (typeof PACES)[number];
		accounts.push(...(await killUnderLoad(cwd, String(calls), String(gapMs))));
	}
	await collect(cwd, async () => {
		for (const { run, flushed } of accounts) if ((await countOf(run)) < flushed) return false;
		return true;
	});
	let worst = { lost: 0, lostMs: 0 };
	for (const account of accounts) {
		const loss = expectKept(account, expectWhole(await server.records('kill', account.run)));
		if (loss.lostMs > worst.lostMs) worst = loss;
	}
	const calls = accounts.reduce((sum, account) => sum + (account.calls.at(-1)?.upTo ?? 0), 0);
	console.log(`${accounts.length} kills, ${calls} calls: at most ${worst.lost} lost in a round, the oldest made ${worst.lostMs} ms before its kill`);
});

test.each([
	['process.exit() on the next line', 'exit', { code: 0, signal: null }],
	['an uncaught exception', 'throw', { code: 1, signal: null }],
	['an unhandled rejection', 'reject', { code: 1, signal: null }],
	['SIGTERM', 'term', { code: null, signal: 'SIGTERM' }],
	['its own end, without finish()', 'return', { code: 0, signal: null }],
])('a process that ends by %s loses nothing', { timeout: 60_000 + ROUNDS * 5_000 }, async (_how, end, expected) => {
	const cwd = join(folder.path, end);
	const counts = new Map<string, number>();
	let slowestMs = 0;
	for (let round = 0; round < Math.ceil(ROUNDS / 3); round++) {
		const count = 1 + Math.floor(Math.random() * 400);
		const program = new Program('log-and-end.js', cwd, String(count), end);
		const { code, signal, ms } = await program.ended;
		expect({ code, signal }).toEqual(expected);
		const [account] = program.accounts(ms);
		slowestMs = Math.max(slowestMs, ms - (account?.calls[0]?.ms ?? 0));
		counts.set(account?.run ?? '', count);
	}
	// Nothing keeps a process: not its writer's thread, not a run that was not finished.
	expect(slowestMs).toBeLessThan(1_000);
	await collect(cwd, async () => {
		for (const [run, count] of counts) if ((await countOf(run)) < count) return false;
		return true;
	});
	for (const [run, count] of counts) expect(expectWhole(await server.records('kill', run))).toBe(count);
});

test('two processes in one folder, with two runs each: one is killed, and nothing is lost or doubled', { timeout: 60_000 }, async () => {
	const cwd = join(folder.path, 'two');
	const other = new Program('log-on.js', cwd, '5', '10', '2');
	const killed = await killUnderLoad(cwd, '10', '5', '2');
	await other.hasTold(({ flushed }) => flushed !== undefined);
	const left = other.accounts(await other.kill());
	await collect(cwd, async () => {
		for (const { run, flushed } of [...killed, ...left]) if ((await countOf(run)) < flushed) return false;
		return true;
	});
	for (const account of [...killed, ...left]) expectKept(account, expectWhole(await server.records('kill', account.run)));
});

test('two processes that write one run: one is killed, and each has its records once', { timeout: 60_000 }, async () => {
	const cwd = join(folder.path, 'one-run');
	const id = 'together';
	const other = new Program('log-on.js', cwd, '5', '10', '1', id);
	await other.hasTold(({ flushed }) => flushed !== undefined);
	const killed = await killUnderLoad(cwd, '10', '5', '1', id);
	await other.hasTold(({ after }) => after !== undefined);
	const left = other.accounts(await other.kill());
	const [first, second] = [left[0], killed[0]] as [Account, Account];
	await collect(cwd, async () => (await countOf(id)) >= first.flushed + second.flushed);
	const records = await server.records('kill', id);
	const byWriter = Map.groupBy(records, ({ writer }) => writer);
	expect(byWriter.size).toBe(2);
	const kept = [...byWriter.values()].map((part) => expectWhole(part, false));
	// Whose writer is which is not told: one way round it must fit.
	const expectBoth = (accounts: readonly Account[]) => accounts.map((account, index) => expectKept(account, kept[index] as number));
	try {
		expectBoth([first, second]);
	} catch {
		expectBoth([second, first]);
	}
	// The server numbers the rows of the one that came second: each writer's steps grow, whatever the other's are.
	for (const part of byWriter.values()) {
		const steps = part.map(({ step }) => step);
		expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
	}
});
