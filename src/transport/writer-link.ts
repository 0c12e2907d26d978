import type { Clock } from '../platform/clock.ts';
import type { OpenedRun, RecordPort, RunSpec, WriterHost } from './messages.ts';

/** A started writer. */
export interface WriterThread {
	host: WriterHost;
	/** Opens a run; the port goes over to the writer. */
	open(spec: RunSpec, port: RecordPort): Promise<OpenedRun>;
	terminate(): void;
}

/** Starts a writer; `onFailure` is called when it dies or cannot be loaded. */
export type StartWriter = (onFailure: (reason: string) => void) => Promise<WriterThread>;

const PING_EVERY_MS = 5_000;
const PING_DEADLINE_MS = 20_000;
const RESTART_AFTER_MS = [0, 1_000, 5_000, 30_000] as const;

/**
 * The one writer of this context, shared by its runs. When it dies or stops answering it is started again; each run then opens itself
 * anew and sends again what was not confirmed.
 *
 * Every call has an end: it is repeated with the next writer when the one it was made to dies.
 */
export class WriterLink {
	readonly #start: StartWriter;
	readonly #clock: Clock;
	readonly #onRestart = new Set<(reason: string) => void>();
	#thread: Promise<WriterThread>;
	/** Aborts when the present writer is given up; its reason says why. */
	#life = new AbortController();
	#restarts = 0;
	/** Says whether anything waits for the writer; only then is it pinged. */
	readonly #isWaiting = new Set<() => boolean>();
	#isWatched = false;

	constructor(start: StartWriter, clock: Clock) {
		this.#start = start;
		this.#clock = clock;
		this.#thread = this.#launch(0);
	}

	/** `isWaiting` says whether the run waits for a confirmation; `onRestart` is called, with words for the user, when a new writer is there to be opened. */
	join(isWaiting: () => boolean, onRestart: (reason: string) => void): void {
		this.#isWaiting.add(isWaiting);
		this.#onRestart.add(onRestart);
		if (!this.#isWatched) void this.#watch();
	}

	leave(isWaiting: () => boolean, onRestart: (reason: string) => void): void {
		this.#isWaiting.delete(isWaiting);
		this.#onRestart.delete(onRestart);
	}

	/** Opens a run at the present writer. Resolves when it is open there, with undefined when that writer has died (a restart opens it again). */
	async open(spec: RunSpec, port: RecordPort): Promise<OpenedRun | undefined> {
		const life = this.#life.signal;
		const thread = await this.#thread;
		if (life.aborted) return undefined;
		try {
			return await Promise.race([thread.open(spec, port), whenAborted(life).then(() => undefined)]);
		} catch (error) {
			throw new Error(
				`The run cannot be opened in the local store (${error instanceof Error ? error.message : String(error)}); its records are in memory.`,
				{
					cause: error,
				},
			);
		}
	}

	/** Calls the writer; a call that was under way when it died is made again to the next one. */
	async call<T>(use: (host: WriterHost) => Promise<T>): Promise<T> {
		for (;;) {
			const life = this.#life.signal;
			const thread = await this.#thread;
			if (life.aborted) continue;
			const died = Symbol('died');
			const result = await Promise.race([use(thread.host), whenAborted(life).then(() => died)]);
			if (result !== died) return result as T;
		}
	}

	async #launch(afterMs: number): Promise<WriterThread> {
		await this.#clock.sleep(afterMs);
		const life = this.#life;
		try {
			return await this.#start((reason) => {
				if (life === this.#life) this.#restart(reason);
			});
		} catch (error) {
			this.#restart(`the writer could not be started (${error instanceof Error ? error.message : String(error)})`);
			return this.#thread;
		}
	}

	#restart(reason: string): void {
		const previous = this.#thread;
		const afterMs = RESTART_AFTER_MS[Math.min(this.#restarts, RESTART_AFTER_MS.length - 1)] as number;
		this.#restarts++;
		const life = this.#life;
		this.#life = new AbortController();
		this.#thread = this.#launch(afterMs);
		// A writer that failed to start has nothing to end; its failure is what brought us here.
		previous.then((thread) => thread.terminate()).catch(() => undefined);
		life.abort(reason);
		for (const listener of this.#onRestart)
			listener(`The writer was started again: ${reason}. Records not yet in the store are sent to it again; nothing is lost.`);
	}

	/** Lasts as long as runs do: on the edge every run has a link of its own, and nothing of it may stay. */
	async #watch(): Promise<void> {
		this.#isWatched = true;
		while (this.#isWaiting.size > 0) {
			await this.#clock.sleep(PING_EVERY_MS);
			if (![...this.#isWaiting].some((isWaiting) => isWaiting())) continue;
			const life = this.#life;
			let hasAnswered = false;
			const ping = this.call((host) => host.ping()).then(() => {
				hasAnswered = true;
			});
			await Promise.race([ping, this.#clock.sleep(PING_DEADLINE_MS)]);
			// This thread itself may have been busy all the while: give an answer that lies in the queue its turn.
			if (!hasAnswered) await Promise.race([ping, this.#clock.sleep(1_000)]);
			if (!hasAnswered && life === this.#life) this.#restart(`the writer did not answer for ${PING_DEADLINE_MS / 1000} s`);
			if (hasAnswered) this.#restarts = 0;
		}
		this.#isWatched = false;
	}
}

function whenAborted(signal: AbortSignal): Promise<void> {
	if (signal.aborted) return Promise.resolve();
	return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
