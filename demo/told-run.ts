import type { Run, TfjsCallbacks, TfjsLogs } from 'tidelog';
import { Image } from 'tidelog/media';
import type { LoggedRecord, Sample } from './messages.ts';

/** A run whose page hears of each record right after `log()` returned. */
export class ToldRun {
	readonly #run: Run;
	readonly #tell: (record: LoggedRecord) => void;
	#nextStep = 0;

	constructor(run: Run, tell: (record: LoggedRecord) => void) {
		this.#run = run;
		this.#tell = tell;
	}

	log(data: Record<string, number>): void {
		this.#run.log(data);
		this.#told(data, true);
	}

	/** Digits with what the network takes them for; they join the row that is logged next. */
	logSamples(samples: readonly Sample[]): void {
		const images = samples.map(
			({ pixels, width, height, label, prediction, fraction }) =>
				new Image(
					{ data: Float32Array.from(pixels, (byte) => byte / 255), width, height, channels: 1 },
					{ caption: `${label} → ${prediction} (${fraction.toFixed(2)})` },
				),
		);
		this.#run.log({ 'val/samples': images }, { commit: false });
		this.#told({ 'val/samples': images.length }, false);
	}

	/** `run.tfjs()`, told: what it logs for a batch and an epoch is part of its contract, so that it can be told without looking inside. */
	tfjs(): TfjsCallbacks {
		const callbacks = this.#run.tfjs({ updateFreq: 'batch' });
		return {
			onBatchEnd: (batch, logs = {}) => {
				callbacks.onBatchEnd(batch, logs);
				this.#told(
					renamed(logs, (metric) => (metric === 'batch' || metric === 'size' ? undefined : `train/${metric}`)),
					true,
				);
			},
			onEpochEnd: (epoch, logs = {}) => {
				callbacks.onEpochEnd(epoch, logs);
				const metrics = renamed(logs, (metric) => (metric.startsWith('val_') ? `val/${metric.slice(4)}` : `epoch/${metric}`));
				this.#told({ epoch, ...metrics }, true);
			},
		};
	}

	#told(data: Record<string, number>, isCommitted: boolean): void {
		this.#tell({ run: this.#run.id, n: this.#run.status.accepted - 1, step: this.#nextStep, data });
		if (isCommitted) this.#nextStep++;
	}
}

function renamed(logs: TfjsLogs, name: (metric: string) => string | undefined): Record<string, number> {
	const row: Record<string, number> = {};
	for (const [metric, value] of Object.entries(logs)) {
		const key = name(metric);
		if (key !== undefined) row[key] = value;
	}
	return row;
}
