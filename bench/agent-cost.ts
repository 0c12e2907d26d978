import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../server/src/index.ts';
import { fakeSmi } from '../test/agent/fake-smi.ts';
import type { Bench } from './bench.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WARM_UP_MS = 5_000;
const ROUND_MS = 5_000;
const ROUNDS = 9;
/** Clock ticks a second in /proc (USER_HZ), which is 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100;

/** Seconds of CPU that a process has used, all its threads; undefined once it is gone. */
function cpuSeconds(pid: number): number | undefined {
	try {
		const cells = readFileSync(`/proc/${pid}/stat`, 'utf8')
			.replace(/^.*\) /s, '')
			.split(' ');
		return (Number(cells[11]) + Number(cells[12])) / TICKS_PER_S;
	} catch {
		return undefined;
	}
}

function residentMb(pid: number): number {
	return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** The real program against a real server. nvidia-smi is the stand-in of the tests (a Node script that prints eight GPUs), so its own share says nothing of a real one. */
export const agentCost: Bench = {
	name: 'agent-cost',
	unit: '% of a core',
	about: "the agent's own process at one sample a second, eight GPUs, sending to a server; nvidia-smi (here a stand-in) beside it",
	async measure() {
		if (process.platform !== 'linux') throw new Error('CPU time of a process is read from /proc, which only Linux has');
		const dir = mkdtempSync(join(tmpdir(), 'tidelog-agent-cost-'));
		const smi = fakeSmi('rows 8');
		const server = await startServer({ port: 0, dataDir: join(dir, 'server') });
		const args = [
			'agent/src/main.ts',
			'--server',
			server.url,
			'--project',
			'bench',
			'--dir',
			join(dir, 'local'),
			'--interval',
			'1',
			'--nvidia-smi',
			smi.path,
		];
		const agent = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
		try {
			const { pid = 0 } = agent;
			await sleep(WARM_UP_MS);
			const smiPid = smi.starts()[0]?.pid ?? 0;
			const rounds: number[] = [];
			let smiPercent = 0;
			const startMb = residentMb(pid);
			for (let round = 0; round < ROUNDS; round++) {
				const before = [cpuSeconds(pid), cpuSeconds(smiPid)];
				const startMs = performance.now();
				await sleep(ROUND_MS);
				const after = [cpuSeconds(pid), cpuSeconds(smiPid)];
				const seconds = (performance.now() - startMs) / 1000;
				if (before[0] === undefined || after[0] === undefined) throw new Error('the agent ended while it was measured');
				rounds.push((100 * (after[0] - before[0])) / seconds);
				smiPercent += (100 * ((after[1] ?? 0) - (before[1] ?? 0))) / seconds / ROUNDS;
			}
			if (smi.starts().length !== 1) throw new Error(`nvidia-smi was started ${smi.starts().length} times, not once`);
			const sorted = rounds.toSorted((a, b) => a - b);
			const median = sorted[sorted.length >> 1] as number;
			const grownMb = residentMb(pid) - startMb;
			return {
				median,
				p99: sorted.at(-1) as number,
				samples: ROUNDS,
				samplesAre: `${ROUNDS} rounds of ${ROUND_MS / 1000} s`,
				parts: { 'stand-in for nvidia-smi': smiPercent, 'resident memory, MB': residentMb(pid), 'growth over all rounds, MB': grownMb },
				limits: [
					{ what: 'median', limit: 1, value: median, is: 'at most' },
					{ what: 'growth of memory, MB', limit: 16, value: grownMb, is: 'at most' },
				],
			};
		} finally {
			agent.kill();
			await once(agent, 'exit');
			await server.close();
			smi.remove();
			rmSync(dir, { recursive: true, force: true });
		}
	},
};

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
