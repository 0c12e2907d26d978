import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../scripts/check/built.ts';
import type { Bench } from './bench.ts';
import { runPage } from './page-bench.ts';
import type { HeapFlatOptions, HeapFlatValues } from './pages/heap-flat.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHAPE = { calls: 1_000_000, callsPerSecond: 20_000, measureEvery: 100_000 };
/** The memory of page and workers is told at once; otherwise whenever the next garbage collection happens to come. */
const FLAGS = ['--enable-blink-features=ForceEagerMeasureMemory'];

export const heapFlat: Bench = {
	name: 'heap-flat',
	unit: 'MB',
	about: 'growth of page and worker heap after GC from the 100,000th to the 1,000,000th log() of 10 scalars, 20,000 a second, no server in reach',
	async measure() {
		ensureBuilt(ROOT, ['sdk']);
		const { value, browser } = await runPage<HeapFlatOptions, HeapFlatValues>(
			'heap-flat',
			async () => ({ server: await addressOfNobody(), ...SHAPE }),
			FLAGS,
		);
		const both = value.page.map((megabytes, i) => megabytes + (value.worker[i] ?? Number.NaN));
		const growth = growthOf(both);
		return {
			median: growth,
			// The bad end: the most that there was at any time.
			p99: Math.max(...both) - (both[0] ?? Number.NaN),
			samples: both.length,
			samplesAre: `one each ${SHAPE.measureEvery} calls of one run, all stored and none sent; the median is the last less the first, p99 the most less the first`,
			parts: {
				'growth of the page': growthOf(value.page),
				'growth of the worker': growthOf(value.worker),
				'page and worker at the first': both[0] ?? Number.NaN,
				'most records on their way': value.mostPending,
				'calls a second': value.callsPerSecond,
			},
			limits: [{ what: 'growth MB', limit: 8, value: growth, is: 'at most' }],
			browser,
		};
	},
};

const growthOf = (megabytes: readonly number[]) => (megabytes.at(-1) ?? Number.NaN) - (megabytes[0] ?? Number.NaN);

/** An address of this machine where nobody listens. */
async function addressOfNobody(): Promise<string> {
	const server = createServer().listen(0, '127.0.0.1');
	await new Promise((resolve) => server.once('listening', resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return `http://127.0.0.1:${port}`;
}
