import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../scripts/check/built.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';
import { runPage } from './page-bench.ts';
import type { ImageLogOptions, ImageLogValues } from './pages/image-log.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHAPE: ImageLogOptions = { rounds: 7, calls: 20, sides: [256, 1024] };

export const imageLog: Bench = {
	name: 'image-log',
	unit: 'ms',
	about: 'log() of a 256² canvas, time on the caller’s thread; beside it canvas.toBlob, likewise',
	async measure() {
		ensureBuilt(ROOT, ['sdk']);
		const { value, browser } = await runPage<ImageLogOptions, ImageLogValues>('image-log', () => SHAPE);
		const of = (side: number) => value[side] as ImageLogValues[number];
		const { log, toBlob } = of(256);
		const median = medianOf(log.map(medianOf));
		const rounds = toBlob.map(medianOf);
		return {
			median,
			p99: quantile(log.flat(), 0.99),
			samples: log.flat().length,
			samplesAre: `${SHAPE.rounds} rounds in turn with the baseline, each ${SHAPE.calls} calls; a round before does not count`,
			baseline: { what: 'canvas.toBlob, until it returns', median: medianOf(rounds), spread: spreadOf(rounds) },
			parts: {
				'log() of 1024²': medianOf(of(1024).log.map(medianOf)),
				'log() of 1024² p99': quantile(of(1024).log.flat(), 0.99),
				'toBlob of 1024²': medianOf(of(1024).toBlob.map(medianOf)),
			},
			limits: [{ what: 'median ms', limit: 1, value: median, is: 'at most' }],
			browser,
		};
	},
};
