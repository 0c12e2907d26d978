import type { Log } from './operation/log.ts';
import type { Retention } from './retention.ts';
import type { Tracker } from './tracker.ts';

const IDLE_MS = 250;
/** After an error, such as a full disk. */
const PAUSE_MS = 10_000;

/** Does what can wait for as long as the server runs: slice after slice, with requests between, while there is something to do. */
export class Maintenance {
	readonly #tracker: Tracker;
	readonly #log: Log;
	readonly #retention: Retention | undefined;
	#timer: NodeJS.Timeout;
	#isEnded = false;

	constructor(tracker: Tracker, log: Log, retention?: Retention) {
		this.#tracker = tracker;
		this.#log = log;
		this.#retention = retention;
		this.#timer = setTimeout(this.#step, IDLE_MS);
	}

	end(): void {
		this.#isEnded = true;
		clearTimeout(this.#timer);
	}

	readonly #step = async (): Promise<void> => {
		let waitMs = IDLE_MS;
		try {
			if (this.#tracker.maintain() || (await this.#retention?.deleteOne())) waitMs = 0;
		} catch (error) {
			waitMs = PAUSE_MS;
			this.#log.error(
				`what can wait (sealing history, deleting old runs) failed; nothing is lost, and it is tried again in ${PAUSE_MS / 1000} s`,
				{},
				error,
			);
		}
		if (!this.#isEnded) this.#timer = setTimeout(this.#step, waitMs);
	};
}
