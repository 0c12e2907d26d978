import { Sampler } from '../../../agent/src/sampler/sampler.ts';
import type { SystemSink } from '../../agent.ts';

/** Samples this machine and process into the run until it is finished. Keeps the process no longer alive. */
export function sampleMachine(run: SystemSink, { intervalMs, nvidiaSmi }: { intervalMs?: number; nvidiaSmi?: string }): void {
	const sampler = new Sampler({
		...(intervalMs === undefined ? {} : { intervalMs }),
		...(nvidiaSmi === undefined ? {} : { nvidiaSmi: { path: nvidiaSmi } }),
		isOwnProcess: true,
		onSample: ({ values, timestampMs }) => {
			if (run.isFinished) sampler.stop();
			else run.logSystem(values, timestampMs);
		},
		onNotice: (message) => {
			// Most machines have none: that is no news where GPUs were not asked for in particular.
			if (sampler.smi?.state !== 'absent') console.warn(`[tidelog] ${message}`);
		},
	});
	sampler.start();
	process.once('exit', () => sampler.stop());
}
