/** The package in Node, Deno and Bun. */
import { createInit, type Init } from './init.ts';
import { nodePlatform } from './platform/node/index.ts';
import type { Run } from './run.ts';

export * from './api.ts';

const begin = createInit(nodePlatform);
/** With `reinit: 'return_previous'` a run is given out again. */
const sampled = new WeakSet<Run>();

export const init: Init = (options) => {
	const run = begin(options);
	const { system, mode } = options;
	if (system && mode !== 'disabled' && !sampled.has(run)) {
		sampled.add(run);
		// Loaded for those who want it.
		void import('./platform/node/sample-machine.ts').then(({ sampleMachine }) => sampleMachine(run, system));
	}
	return run;
};
