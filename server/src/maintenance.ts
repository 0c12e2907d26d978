import type { Log } from './operation/log.ts';
import type { Tracker } from './tracker.ts';

const IDLE_MS = 250;
/** After an error, such as a full disk. */
const PAUSE_MS = 10_000;

/** Calls `tracker.maintain()` for as long as the server runs: slice after slice, with requests between, while there is something to do. */
export class Maintenance {
	readonly #tracker: Tracker;
	readonly #log: Log;
	#timer: NodeJS.Timeout;

	constructor(tracker: Tracker, log: Log) {
		this.#tracker = tracker;
		this.#log = log;
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
			this.#log.error(`history could not be sealed; nothing is lost, and it is tried again in ${PAUSE_MS / 1000} s`, {}, error);
		}
		this.#timer = setTimeout(this.#step, waitMs);
	};
}
