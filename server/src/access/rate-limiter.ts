/** Least time over which a limit is an average: short bursts are no abuse. */
const BURST_MS = 10_000;
/** Buckets from which full ones are thrown out. */
const SWEEP_FROM = 1_000;

/** A bucket for each name that fills up evenly; each request takes one. Times are milliseconds. */
export class RateLimiter {
	readonly #buckets = new Map<string, { left: number; atMs: number }>();
	readonly #nowMs: () => number;

	constructor(nowMs: () => number) {
		this.#nowMs = nowMs;
	}

	/** Takes one from the bucket of `name`, or returns how long to wait until there is one. */
	take(name: string, perMinute: number): number | undefined {
		const now = this.#nowMs();
		const most = Math.max(1, (perMinute * BURST_MS) / 60_000);
		if (this.#buckets.size >= SWEEP_FROM && !this.#buckets.has(name)) this.#sweep(now);
		const known = this.#buckets.get(name) ?? { left: most, atMs: now };
		const left = Math.min(most, known.left + (Math.max(0, now - known.atMs) * perMinute) / 60_000);
		if (left < 1) {
			this.#buckets.set(name, { left, atMs: now });
			return ((1 - left) * 60_000) / perMinute;
		}
		this.#buckets.set(name, { left: left - 1, atMs: now });
		return undefined;
	}

	/** After {@link BURST_MS} any bucket is full, which is what an unknown one is too. */
	#sweep(nowMs: number): void {
		for (const [name, { atMs }] of this.#buckets) if (nowMs - atMs >= BURST_MS) this.#buckets.delete(name);
	}
}
