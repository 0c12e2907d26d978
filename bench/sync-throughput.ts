import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../scripts/check/built.ts';
import { type Bench, medianOf, quantile } from './bench.ts';
import { runPage } from './page-bench.ts';
import type { SyncThroughputOptions, SyncThroughputValues } from './pages/sync-throughput.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHAPE = { rounds: 7, rows: 50_000 };

export const syncThroughput: Bench = {
	name: 'sync-throughput',
	unit: 'rows/s',
	about: 'rows of 10 keys from IndexedDB to the acknowledgement of a server on this machine, from resumeSync() to synced()',
	async measure() {
		ensureBuilt(ROOT, ['sdk']);
		let server: ServerProcess | undefined;
		try {
			const { value, browser } = await runPage<SyncThroughputOptions, SyncThroughputValues>('sync-throughput', async (origin) => {
				server = await startServerProcess(origin);
				return { server: server.url, ...SHAPE };
			});
			for (const run of value.runs) await checkExport(`${server?.url}/api/projects/bench/runs/${run}/history.jsonl`);
			const median = medianOf(value.rowsPerSecond);
			return {
				median,
				// The slowest: for a rate, the bad end is the low one.
				p99: quantile(value.rowsPerSecond, 0.01),
				samples: value.rowsPerSecond.length,
				samplesAre: `${SHAPE.rounds} rounds, each ${SHAPE.rows} rows; a round before does not count`,
				limits: [{ what: 'median rows/s', limit: 25_000, value: median, is: 'at least' }],
				browser,
			};
		} finally {
			await server?.close();
		}
	},
};

/** @throws Error when the server does not have every row, once and in order. */
async function checkExport(url: string): Promise<void> {
	const lines = (await (await fetch(url)).text()).trimEnd().split('\n');
	if (lines.length !== SHAPE.rows) throw new Error(`the server has ${lines.length} rows and was sent ${SHAPE.rows}`);
	for (const [i, line] of lines.entries()) {
		const { index } = JSON.parse(line) as { index: number };
		if (index !== i) throw new Error(`row ${i} of the server's export is row ${index}`);
	}
}
