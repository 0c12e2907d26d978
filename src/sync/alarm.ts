import type { Clock } from '../platform/clock.ts';

/** A sleep that somebody else may end. A ring that comes while nobody sleeps ends the next sleep at once: no news is missed. */
export class Alarm {
	readonly #clock: Clock;
	#bell = new AbortController();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	ring(): void {
		this.#bell.abort();
	}

	/** Forgets rings so far: what they told of is looked at from here on. */
	reset(): void {
		this.#bell = new AbortController();
	}

	async sleep(ms: number): Promise<void> {
		await this.#clock.sleep(ms, this.#bell.signal);
		this.reset();
	}
}
