import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../scripts/check/built.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';
import { runPage } from './page-bench.ts';
import type { LoopTime, TrainSlowdownOptions, TrainSlowdownValues } from './pages/train-slowdown.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHAPE = { rounds: 10, steps: 500 };
/** The page chooses a step that takes this long to twice as long; later it may be disturbed. */
const STEP_US = 1000;

export const trainSlowdown: Bench = {
	name: 'train-slowdown',
	unit: 'µs/step',
	about: 'log() of 5 scalars a step of a tfjs training in a page, and tasks that logging causes on its thread; sent to a server on this machine',
	async measure() {
		ensureBuilt(ROOT, ['sdk']);
		let server: ServerProcess | undefined;
		try {
			const { value, browser } = await runPage<TrainSlowdownOptions, TrainSlowdownValues>('train-slowdown', async (origin) => {
				server = await startServerProcess(origin);
				return { server: server.url, ...SHAPE };
			});
			const perStep = value.log.map((log, step) => log + (value.tasks[step] ?? Number.NaN));
			const median = medianOf(perStep);
			const p99 = quantile(perStep, 0.99);
			const [stepWith, stepWithout] = [rounds(value.with, 'step'), rounds(value.without, 'step')];
			const stepUs = medianOf(stepWithout);
			if (stepUs < STEP_US / 2 || stepUs > STEP_US * 4)
				throw new Error(`a step took ${Math.round(stepUs)} µs, and one of 1 to 2 ms was to be measured`);
			return {
				median,
				p99,
				samples: perStep.length,
				samplesAre: `steps, in ${SHAPE.rounds} rounds of ${SHAPE.steps} in turn with as many without logging; a round before does not count; the clock has steps of 5 µs`,
				parts: {
					mean: mean(perStep),
					most: Math.max(...perStep),
					'log() alone, median': medianOf(value.log),
					'log() alone, p99': quantile(value.log, 0.99),
					'log() alone, mean': mean(value.log),
					'tasks alone, mean': mean(value.tasks),
					'empty call, mean': mean(value.empty),
					'tasks a step': value.taskCount / perStep.length,
					'wait for a turn, more by': medianOf(rounds(value.with, 'turn')) - medianOf(rounds(value.without, 'turn')),
					'step without logging': stepUs,
					'spread without logging': spreadOf(stepWithout),
					'step with logging': medianOf(stepWith),
					'spread with logging': spreadOf(stepWith),
					'examples a step': value.batchSize,
				},
				limits: [
					{ what: 'median µs/step', limit: 20, value: median, is: 'at most' },
					{ what: 'p99 µs/step', limit: 300, value: p99, is: 'at most' },
				],
				browser,
			};
		} finally {
			await server?.close();
		}
	},
};

const rounds = (times: readonly LoopTime[], part: keyof LoopTime) => times.map((time) => time[part]);

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
