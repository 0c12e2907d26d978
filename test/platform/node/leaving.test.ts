import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { eachRecord } from '../../../src/core/batch.ts';
import { decodeChunk } from '../../../src/core/chunk.ts';
import { openFileStore } from '../../../src/platform/node/file-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidelog-leaving-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ENTRY = resolve('src/index.node.ts');

/** Runs a program that has `run`; resolves with how it ended. `signal` is sent once it has written "ready". */
async function runProgram(id: string, program: string, signal?: NodeJS.Signals): Promise<{ signal: string | null; output: string }> {
	const code = `import { init } from ${JSON.stringify(ENTRY)};
		import { writeSync } from 'node:fs';
		const run = init({ project: 'p', id: '${id}', dir: ${JSON.stringify(folder)} });
		${program}`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
	let output = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		if (signal && !output.includes('ready') && (output + text).includes('ready')) child.kill(signal);
		output += text;
	});
	const [, ended] = (await once(child, 'close')) as [number | null, string | null];
	return { signal: ended, output };
}

async function stored(id: string): Promise<number[]> {
	const store = await openFileStore(folder);
	const values: number[] = [];
	for (const { writer } of await store.writers(id)) {
		for (const chunk of await store.chunks(id, writer, 'history', 0, 1e9))
			for (const record of eachRecord(decodeChunk(chunk))) values.push(record.values[0] as number);
	}
	store.close();
	return values;
}

describe('a process that is told to end', () => {
	test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s writes the open batch first, and ends as it would have', async (signal) => {
		const { signal: ended } = await runProgram(
			`by-${signal}`,
			`setInterval(() => {}, 1000);
			setTimeout(() => { for (let i = 0; i < 7; i++) run.log({ i }); writeSync(1, 'ready'); }, 100);`,
			signal,
		);
		expect(ended).toBe(signal);
		expect(await stored(`by-${signal}`)).toEqual([0, 1, 2, 3, 4, 5, 6]);
	});

	test('in a loop that lets nobody run ends all the same', async () => {
		const { signal: ended, output } = await runProgram(
			'deaf',
			`const endMs = Date.now() + 20_000;
			for (let i = 0, isReady = false; Date.now() < endMs; i++) {
				run.log({ i });
				if (!isReady && Date.now() > endMs - 19_000) { isReady = true; writeSync(1, 'ready'); }
			}
			writeSync(1, 'came to its end');`,
			'SIGINT',
		);
		expect(ended).toBe('SIGINT');
		expect(output).toBe('ready');
		const values = await stored('deaf');
		expect(values.length).toBeGreaterThan(1_000);
		expect(values.every((value, i) => value === i)).toBe(true);
	});

	test('hears its own listener, which then decides', async () => {
		const { signal: ended, output } = await runProgram(
			'own',
			`process.on('SIGINT', () => { run.log({ i: 1 }); writeSync(1, ' heard'); process.exit(0); });
			setInterval(() => {}, 1000);
			setTimeout(() => { run.log({ i: 0 }); writeSync(1, 'ready'); }, 100);`,
			'SIGINT',
		);
		expect([ended, output]).toEqual([null, 'ready heard']);
		expect(await stored('own')).toEqual([0, 1]);
	});
});
