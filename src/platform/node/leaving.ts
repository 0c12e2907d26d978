import { isMainThread } from 'node:worker_threads';

/**
 * Calls back before the process ends, as far as a process can know: `exit` comes after `process.exit()`, an uncaught exception, and the last of its work; a signal
 * comes first to whoever listens. SIGKILL tells nobody.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A loop that has not let others run for so long does not hear signals. */
const DEAF_MS = 500;

const listeners = new Set<() => void>();
let isWatching = false;
let isHearing = false;
/** When a turn of the event loop was asked for that has not come yet. */
let askedMs: number | undefined;

/** Returns what ends it. */
export function beforeLeaving(listener: () => void): () => void {
	listeners.add(listener);
	if (!isWatching) {
		isWatching = true;
		process.on('exit', callAll);
		hear(true);
	}
	return () => void listeners.delete(listener);
}

/**
 * To be called now and then by the thread that logs. Who listens to SIGINT takes from the user the way to end a loop that never lets anybody run (Ctrl-C would be heard
 * when it is over): in such a loop nobody listens, and the signal ends the process as it would without us. What is lost then is less than a batch.
 */
export function noteActivity(nowMs: number): void {
	if (askedMs === undefined) {
		askedMs = nowMs;
		setImmediate(() => {
			askedMs = undefined;
			hear(true);
		}).unref();
	} else if (nowMs - askedMs > DEAF_MS) hear(false);
}

function hear(shouldHear: boolean): void {
	// Threads have no signals of their own.
	if (!isWatching || !isMainThread || shouldHear === isHearing) return;
	isHearing = shouldHear;
	for (const signal of SIGNALS) {
		if (shouldHear) process.on(signal, onSignal);
		else process.off(signal, onSignal);
	}
}

function onSignal(signal: NodeJS.Signals): void {
	callAll();
	// Without us the signal would have ended the process; where the program listens too, that is for it to decide.
	if (process.listenerCount(signal) > 1) return;
	hear(false);
	process.kill(process.pid, signal);
}

function callAll(): void {
	for (const listener of listeners) listener();
}
