import type { RunUsage, Store } from '../core/store.ts';

/** What is kept of data that the server has: for the local dashboard, and for a server that was restored from a backup. */
const KEEP_BYTES = 200 * 10 ** 6;
const KEEP_FRACTION = 0.1;
/** Rows that are younger go last. */
const YOUNG_MS = 24 * 3_600_000;

/**
 * Deletes the oldest of what the server has, until what is stored fits into `keepBytes` (by default the smaller of 200 MB and a tenth of the quota): first bytes of
 * files, then rows of runs older than a day, then younger ones. What the server lacks is never deleted, however much it is.
 */
export async function pruneStore(store: Store, nowMs: number, quotaBytes: number | undefined, keepBytes?: number): Promise<void> {
	const keep = keepBytes ?? Math.min(KEEP_BYTES, KEEP_FRACTION * (quotaBytes ?? Number.POSITIVE_INFINITY));
	const usage = (await store.usage()).sort((a, b) => a.createdMs - b.createdMs);
	let excess = usage.reduce((sum, { all }) => sum + all, 0) - keep;
	const isYoung = ({ createdMs }: RunUsage) => nowMs - createdMs < YOUNG_MS;
	const turns = [
		...usage.map((run) => ({ run, what: 'files' as const })),
		...usage.filter((run) => !isYoung(run)).map((run) => ({ run, what: 'rows' as const })),
		...usage.filter(isYoung).map((run) => ({ run, what: 'rows' as const })),
	];
	for (const { run, what } of turns) {
		if (excess <= 0) return;
		if (run[what] === 0) continue;
		await store.prune(run.run, what);
		excess -= run[what];
	}
}
