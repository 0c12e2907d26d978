import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HISTORY_FILE } from '../../src/core/protocol.ts';

/**
 * The server as a process that is killed under ingest, while it seals too: what it has acknowledged is there afterwards, once, in order.
 * `TIDELOG_KILL_ROUNDS`: how often (10; 100 with `npm run test:kill`).
 */
const folder = mkdtempSync(join(tmpdir(), 'tidelog-kill-'));
const WRITERS = ['a000000000000001', 'b000000000000002', 'c000000000000003'];
const ROUNDS = Number(process.env.TIDELOG_KILL_ROUNDS ?? 10);
/** So many that a seal is due every other round. */
const MORE_VALUES = Array.from({ length: 200 }, (_, i) => `"k${i}":${i}.5,`).join('');
let child: ChildProcess;
let url: string;

async function start(): Promise<void> {
	child = spawn(process.execPath, ['server/src/main.ts', '--port', '0', '--data', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
	let output = '';
	for await (const text of (child.stdout as NonNullable<ChildProcess['stdout']>).setEncoding('utf8')) {
		output += text;
		const address = /http:\/\/\S+/.exec(output)?.[0];
		if (address) {
			url = address;
			return;
		}
	}
	throw new Error('the server ended before it listened');
}

const post = async (path: string, body: object) => {
	const response = await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
	if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
	return response.json();
};

beforeAll(start);
afterAll(async () => {
	child.kill('SIGKILL');
	rmSync(folder, { recursive: true, force: true });
});

test(
	`${ROUNDS} kills under ingest from three writers lose and double nothing`,
	async () => {
		await post('/graphql', { query: 'mutation { upsertBucket(input: { name: "r", modelName: "p" }) { inserted } }' });
		const next = WRITERS.map(() => 0);
		let isOver = false;
		/** A sender as the SDK's: sends again from the last acknowledged line until it is answered. */
		const sender = async (w: number) => {
			while (!isOver) {
				const offset = next[w] as number;
				const content = Array.from({ length: 1 + (offset % 40) }, (_, i) => `{"a":${offset + i},${MORE_VALUES}"_step":${offset + i}}`);
				try {
					const body = {
						tidelog: { v: 1, writer: WRITERS[w], startedMs: w, upTo: offset + content.length, gen: 0 },
						files: { [HISTORY_FILE]: { offset, content } },
					};
					const answer = (await post('/files/local/p/r/file_stream', body)) as { tidelog: { next: Record<string, number> } };
					next[w] = answer.tidelog.next[HISTORY_FILE] as number;
				} catch {
					// Killed in the middle: whether it was stored is what the next answer says.
					await new Promise((resolve) => setTimeout(resolve, 10));
				}
			}
		};
		const senders = WRITERS.map((_, w) => sender(w));
		for (let round = 0; round < ROUNDS; round++) {
			await new Promise((resolve) => setTimeout(resolve, 60 + 97 * (round % 5)));
			const acknowledged = [...next];
			child.kill('SIGKILL');
			await once(child, 'exit');
			await start();
			const counts = await held();
			for (const [w, count] of counts.entries()) expect(count).toBeGreaterThanOrEqual(acknowledged[w] as number);
		}
		isOver = true;
		await Promise.all(senders);
		const counts = await held();
		expect(counts).toEqual(next);
		expect(Math.min(...counts)).toBeGreaterThan(100);
		const { hiddenPoints, summary } = (await (await fetch(`${url}/api/projects/p/runs/r`)).json()) as { hiddenPoints: number; summary: object };
		// All writers log the same steps: of each step and key one value is seen, and none counted twice.
		const steps = Math.max(...counts);
		expect(hiddenPoints).toBe(201 * (counts.reduce((sum, count) => sum + count, 0) - steps));
		expect(summary).toMatchObject({ k0: 0.5, k199: 199.5 });
	},
	ROUNDS * 5_000,
);

/** Lines of each writer; fails when one is missing, doubled or out of order. */
async function held(): Promise<number[]> {
	const text = await (await fetch(`${url}/api/projects/p/runs/r/records.jsonl`)).text();
	const counts = WRITERS.map(() => 0);
	for (const line of text.split('\n').filter((part) => part !== '')) {
		const record = JSON.parse(line) as { writer: string; n: number; line: { a: number } };
		const w = WRITERS.indexOf(record.writer);
		expect([record.n, record.line.a]).toEqual([counts[w], counts[w]]);
		counts[w] = (counts[w] as number) + 1;
	}
	return counts;
}

test('SIGTERM ends it cleanly', async () => {
	child.kill('SIGTERM');
	expect(await once(child, 'exit')).toEqual([0, null]);
	await start();
});
