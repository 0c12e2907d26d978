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

export function tfjsCallbacks(log: (data: Record<string, number>) => void, { updateFreq = 'batch' }: TfjsOptions): TfjsCallbacks {
	const every = updateFreq === 'batch' ? 1 : updateFreq === 'epoch' ? Number.POSITIVE_INFINITY : updateFreq;
	let batches = 0;
	return {
		onBatchEnd(_batch, logs) {
			// `batch` and `size` tell of the batch itself; no metrics.
			if (++batches % every === 0) log(renamed(logs, (metric) => metric !== 'batch' && metric !== 'size' && `train/${metric}`));
		},
		onEpochEnd(epoch, logs) {
			log({ epoch, ...renamed(logs, (metric) => (metric.startsWith('val_') ? `val/${metric.slice(4)}` : `epoch/${metric}`)) });
		},
	};
}

function renamed(logs: TfjsLogs | undefined, rename: (metric: string) => string | false): Record<string, number> {
	const row: Record<string, number> = {};
	for (const metric in logs) {
		const key = rename(metric);
		if (key) row[key] = logs[metric] as number;
	}
	return row;
}
