import type { Tracker } from './tracker.ts';

const DAY_MS = 24 * 3600_000;
/** How often it is looked for runs that are due. */
const LOOK_MS = 60_000;

/**
 * Deletes runs whose end is long ago, as a user deletes them. A run that never said that it ended did so with its last sign of life: a device that comes
 * back later than that is told that its run was deleted, and keeps what it has.
 */
export class Retention {
	readonly #tracker: Tracker;
	readonly #keepMs: number;
	#nextMs = 0;

	constructor(tracker: Tracker, keepDays: number) {
		this.#tracker = tracker;
		this.#keepMs = keepDays * DAY_MS;
	}

	/** Deletes one run, if one is due. Returns whether it did. */
	async deleteOne(): Promise<boolean> {
		const nowMs = this.#tracker.nowMs();
		if (nowMs < this.#nextMs) return false;
		const run = this.#tracker.meta.endedBefore(nowMs - this.#keepMs);
		if (run) await this.#tracker.deleteRun(String(run.id));
		else this.#nextMs = nowMs + LOOK_MS;
		return run !== undefined;
	}
}
