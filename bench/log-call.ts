import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../scripts/check/built.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';
import { runPage } from './page-bench.ts';
import type { LogCallOptions, LogCallValues } from './pages/log-call.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHAPE: LogCallOptions = { rounds: 9, blocks: 200, callsPerBlock: 100 };

export const logCall: Bench = {
	name: 'log-call',
	unit: 'µs',
	about: "log() of 10 scalars on the caller's thread, flushes included, mean over blocks of 100 calls; beside it one postMessage a call",
	async measure() {
		ensureBuilt(ROOT, ['sdk']);
		const { value, browser } = await runPage<LogCallOptions, LogCallValues>('log-call', () => SHAPE);
		const median = medianOf(value.log.map(medianOf));
		const p99 = quantile(value.log.flat(), 0.99);
		const baselineRounds = value.postMessage.map(medianOf);
		const baseline = medianOf(baselineRounds);
		return {
			median,
			p99,
			samples: value.log.flat().length,
			samplesAre: `${SHAPE.rounds} rounds in turn with the baseline, each ${SHAPE.blocks} blocks of ${SHAPE.callsPerBlock} calls; a round before does not count`,
			baseline: { what: 'one postMessage a call', median: baseline, spread: spreadOf(baselineRounds) },
			parts: {
				'empty call': medianOf(value.empty.map(medianOf)),
				'postMessage p99': quantile(value.postMessage.flat(), 0.99),
				'first block of the page': value.firstBlock,
			},
			limits: [
				{ what: 'median µs', limit: 3, value: median, is: 'at most' },
				{ what: 'p99 of blocks µs', limit: 12, value: p99, is: 'at most' },
				{ what: 'ratio to the baseline', limit: 0.3, value: median / baseline, is: 'at most' },
			],
			browser,
		};
	},
};
