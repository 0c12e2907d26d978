import { init } from 'tidelog';

export interface SyncThroughputOptions {
	server: string;
	rounds: number;
	rows: number;
}

export interface SyncThroughputValues {
	/** Rows a second from the local store to the server's acknowledgement, one number a round. */
	rowsPerSecond: number[];
	/** Runs that were sent, the one that does not count too; for the check at the server. */
	runs: string[];
}

export async function measure({ server, rounds, rows }: SyncThroughputOptions): Promise<SyncThroughputValues> {
	const rowsPerSecond: number[] = [];
	const runs: string[] = [];
	for (let round = 0; round <= rounds; round++) {
		const errors: string[] = [];
		const run = init({ project: 'bench', name: `sync-throughput ${round}`, server, onError: (error) => errors.push(error.message) });
		run.pauseSync();
		for (let i = 0; i < rows; i++) {
			run.log(row(i));
			if (i % 1000 === 999) await run.flush();
		}
		await run.flush();
		const sentBefore = run.status.synced;
		const startMs = performance.now();
		run.resumeSync();
		await run.synced();
		const tookMs = performance.now() - startMs;
		if (sentBefore > 0 || run.status.synced !== rows || errors.length > 0) {
			throw new Error(`${sentBefore} rows went before the clock started, ${run.status.synced} of ${rows} arrived; ${errors.join('; ')}`);
		}
		await run.finish();
		runs.push(run.id);
		// The first opens the server's files and compiles both sides.
		if (round > 0) rowsPerSecond.push((rows * 1000) / tookMs);
	}
	return { rowsPerSecond, runs };
}

/** `index` lets the server's export be checked for order and gaps. */
function row(i: number): Record<string, number> {
	const x = i / 1000;
	return {
		index: i,
		loss: 2 / (1 + x),
		acc: 1 - 1 / (1 + x),
		'val/loss': 2.1 / (1 + x),
		'val/acc': 0.98 - 1 / (1 + x),
		lr: 0.001 / (1 + x / 10),
		'grad/norm': Math.sin(x),
		'grad/max': Math.cos(x),
		'samples/s': 31250.5 + x,
		temperature: 0.7 * x,
	};
}
