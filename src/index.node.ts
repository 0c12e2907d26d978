/** The package in Node, Deno and Bun. */
import { createInit, type Init } from './init.ts';
import { nodePlatform } from './platform/node/index.ts';
import { isNotebook } from './platform/node/notebook.ts';
import type { Run } from './run.ts';

export * from './api.ts';

const begin = createInit(nodePlatform);
/** A cell that is run again begins its run again, and the one before is finished, as W&B has it in notebooks. */
const reinit = isNotebook() ? 'finish_previous' : undefined;
/** With `reinit: 'return_previous'` a run is given out again. */
const sampled = new WeakSet<Run>();

export const init: Init = (options) => {
	const run = begin(reinit ? { reinit, ...options } : options);
	const { system, mode } = options;
	if (system && mode !== 'disabled' && !sampled.has(run)) {
		sampled.add(run);
		// Loaded for those who want it.
		void import('./platform/node/sample-machine.ts').then(({ sampleMachine }) => sampleMachine(run, system));
	}
	return run;
};
