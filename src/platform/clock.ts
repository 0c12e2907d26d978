/**
 * Time and timers as the rest of the SDK sees them, so that tests can pass their own. Only src/platform touches the real ones.
 */
export interface Clock {
	/** Wall clock, milliseconds since the epoch. */
	nowMs(): number;
	/** Milliseconds on a clock that never goes backwards. */
	monotonicMs(): number;
	/** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
	/** 0 ≤ x < 1. */
	random(): number;
}

export const systemClock: Clock = {
	nowMs: () => Date.now(),
	monotonicMs: () => performance.now(),
	random: () => Math.random(),
	sleep: (ms, signal) =>
		new Promise((resolve) => {
			if (signal?.aborted) return resolve();
			const done = () => {
				clearTimeout(timer);
				signal?.removeEventListener('abort', done);
				resolve();
			};
			const timer = setTimeout(done, ms);
			signal?.addEventListener('abort', done);
		}),
};
