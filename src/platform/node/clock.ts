import { type Clock, systemClock } from '../clock.ts';

/** Timers that do not keep the process alive: a script ends when its own work is done. */
export const nodeClock: Clock = {
	...systemClock,
	sleep: (ms, signal) =>
		new Promise((resolve) => {
			if (signal?.aborted) return resolve();
			const done = () => {
				clearTimeout(timer);
				signal?.removeEventListener('abort', done);
				resolve();
			};
			const timer = setTimeout(done, ms);
			timer.unref();
			signal?.addEventListener('abort', done);
		}),
};
