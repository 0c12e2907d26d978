import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/platform/clock.ts';

/** Turns of the event loop without a request under way, after which nothing but timers can go on. */
const CALM_TURNS = 4;

/**
 * A clock whose sleepers never wait in real time: time moves on to the next timer when nothing else is running. What runs outside of
 * promises (the server in this process) counts as running by {@link busy}.
 */
export class VirtualClock implements Clock {
	readonly random: () => number;
	/** Requests that a server in this process works on. */
	busy = 0;
	#nowMs: number;
	readonly #startMs: number;
	readonly #timers = new Set<{ atMs: number; fire: () => void }>();

	constructor(random: () => number, startMs = Date.UTC(2026, 0, 1)) {
		this.random = random;
		this.#nowMs = startMs;
		this.#startMs = startMs;
	}

	readonly nowMs = (): number => Math.floor(this.#nowMs);
	readonly monotonicMs = (): number => this.#nowMs - this.#startMs;

	sleep(ms: number, signal?: AbortSignal): Promise<void> {
		return new Promise((resolve) => {
			if (signal?.aborted) return resolve();
			const timer = {
				atMs: this.#nowMs + Math.max(0, ms),
				fire: () => {
					this.#timers.delete(timer);
					signal?.removeEventListener('abort', timer.fire);
					resolve();
				},
			};
			this.#timers.add(timer);
			signal?.addEventListener('abort', timer.fire);
		});
	}

	/** Lets everything run that does not wait for time. */
	async settle(): Promise<void> {
		for (let calm = 0; calm < CALM_TURNS; ) {
			await turn();
			calm = this.busy > 0 ? 0 : calm + 1;
		}
	}

	/** Lets `ms` pass. */
	async advance(ms: number): Promise<void> {
		await this.#passUntil(() => false, this.#nowMs + ms);
	}

	/** Lets time pass until `isOver`. Returns false when `limitMs` have passed before. */
	until(isOver: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
		return this.#passUntil(isOver, this.#nowMs + limitMs);
	}

	/** Lets time pass until the promise has settled. @throws when it does not within `limitMs`, or with its own error. */
	async wait<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
		let isSettled = false;
		const settled = () => {
			isSettled = true;
		};
		promise.then(settled, settled);
		if (!(await this.until(() => isSettled, limitMs))) throw new Error(`Nothing came of it within ${limitMs / 1000} s of virtual time.`);
		return promise;
	}

	async #passUntil(isOver: () => boolean | Promise<boolean>, endMs: number): Promise<boolean> {
		for (;;) {
			await this.settle();
			if (await isOver()) return true;
			let next: { atMs: number; fire: () => void } | undefined;
			for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
			if (next === undefined || next.atMs > endMs) {
				this.#nowMs = endMs;
				return false;
			}
			this.#nowMs = Math.max(this.#nowMs, next.atMs);
			next.fire();
		}
	}
}

/** The clock of one page: what sleeps by it never wakes once the page is dead. Its wall clock may be wrong. */
export class PageClock implements Clock {
	readonly #clock: VirtualClock;
	readonly #skewMs: number;
	readonly #startMs: number;
	#isDead = false;

	constructor(clock: VirtualClock, skewMs = 0) {
		this.#clock = clock;
		this.#skewMs = skewMs;
		this.#startMs = clock.monotonicMs();
	}

	readonly nowMs = () => this.#clock.nowMs() + this.#skewMs;
	readonly monotonicMs = () => this.#clock.monotonicMs() - this.#startMs;
	readonly random = () => this.#clock.random();

	async sleep(ms: number, signal?: AbortSignal): Promise<void> {
		await this.#clock.sleep(ms, signal);
		if (this.#isDead) await new Promise(() => undefined);
	}

	die(): void {
		this.#isDead = true;
	}
}
