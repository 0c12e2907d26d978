/** How often `run.tfjs()` logs while an epoch runs: after each batch (default), each n-th batch, or only at the end of epochs. */
export interface TfjsOptions {
	updateFreq?: 'batch' | 'epoch' | number;
}

/** What tfjs hands to a callback: numbers by metric name, `batch` and `size` among them (tfjs-layers 4.22, base_callbacks.ts). */
export type TfjsLogs = { [metric: string]: number };

/** Plain callbacks, as `model.fit` and `model.fitDataset` take them (tfjs-layers 4.22, CustomCallbackArgs). */
export interface TfjsCallbacks {
	onBatchEnd(batch: number, logs?: TfjsLogs): void;
	onEpochEnd(epoch: number, logs?: TfjsLogs): void;
}

/** Told by tfjs about the batch itself; no metrics. */
const NOT_METRICS = new Set(['batch', 'size']);
const VALIDATION = 'val_';

export function tfjsCallbacks(log: (data: Record<string, number>) => void, { updateFreq = 'batch' }: TfjsOptions): TfjsCallbacks {
	const every = updateFreq === 'batch' ? 1 : updateFreq === 'epoch' ? Number.POSITIVE_INFINITY : updateFreq;
	let batches = 0;
	return {
		onBatchEnd(_batch, logs = {}) {
			batches++;
			if (batches % every !== 0) return;
			const row: Record<string, number> = {};
			for (const [metric, value] of Object.entries(logs)) if (!NOT_METRICS.has(metric)) row[`train/${metric}`] = value;
			log(row);
		},
		onEpochEnd(epoch, logs = {}) {
			const row: Record<string, number> = { epoch };
			for (const [metric, value] of Object.entries(logs)) {
				if (metric.startsWith(VALIDATION)) row[`val/${metric.slice(VALIDATION.length)}`] = value;
				else row[`epoch/${metric}`] = value;
			}
			log(row);
		},
	};
}
