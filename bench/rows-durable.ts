import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../scripts/check/built.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';
import { runPage } from './page-bench.ts';
import type { RowsDurableOptions, RowsDurableValues } from './pages/rows-durable.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHAPE: RowsDurableOptions = { rounds: 7, rows: 50_000, rowsPerWrite: 1_000 };

export const rowsDurable: Bench = {
	name: 'rows-durable',
	unit: 'rows/s',
	about: 'rows of 10 keys from log() to committed in IndexedDB, a strict flush at the end; beside it raw packed writes of the same bytes',
	async measure() {
		ensureBuilt(ROOT, ['sdk']);
		const { value, browser } = await runPage<RowsDurableOptions, RowsDurableValues>('rows-durable', () => SHAPE);
		const median = medianOf(value.log);
		const baseline = medianOf(value.raw);
		return {
			median,
			// The slowest: for a rate, the bad end is the low one.
			p99: quantile(value.log, 0.01),
			samples: value.log.length,
			samplesAre: `${SHAPE.rounds} rounds in turn with the baseline, each ${SHAPE.rows} rows; a round before does not count`,
			baseline: { what: `packed writes of ${SHAPE.rowsPerWrite} rows`, median: baseline, spread: spreadOf(value.raw) },
			parts: { 'bytes a row in the store': value.bytesPerRow },
			limits: [
				{ what: 'median rows/s', limit: 100_000, value: median, is: 'at least' },
				{ what: 'ratio to the baseline', limit: 0.35, value: median / baseline, is: 'at least' },
			],
			browser,
		};
	},
};
