import type { Tracker } from './tracker.ts';

const IDLE_MS = 250;
/** After an error, such as a full disk. */
const PAUSE_MS = 10_000;

/** Calls `tracker.maintain()` for as long as the server runs: slice after slice, with requests between, while there is something to do. */
export class Maintenance {
	readonly #tracker: Tracker;
	#timer: NodeJS.Timeout;

	constructor(tracker: Tracker) {
		this.#tracker = tracker;
		this.#timer = setTimeout(this.#step, IDLE_MS);
	}

	end(): void {
		clearTimeout(this.#timer);
	}

	readonly #step = (): void => {
		let waitMs = IDLE_MS;
		try {
			if (this.#tracker.maintain()) waitMs = 0;
		} catch (error) {
			waitMs = PAUSE_MS;
			console.error(
				`History could not be sealed; nothing is lost, and it is tried again in ${PAUSE_MS / 1000} s (${error instanceof Error ? error.message : String(error)}).`,
			);
		}
		this.#timer = setTimeout(this.#step, waitMs);
	};
}
