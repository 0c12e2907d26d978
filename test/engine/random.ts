/** Seeded randomness: the same seed gives the same numbers on every machine (mulberry32). */
export class Random {
	#state: number;

	constructor(seed: number) {
		// Neighbouring seeds would begin alike.
		this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
		for (let i = 0; i < 4; i++) this.next();
	}

	/** 0 ≤ x < 1. */
	readonly next = (): number => {
		this.#state = (this.#state + 0x6d2b79f5) | 0;
		let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};

	/** A whole number, both ends included. */
	int(from: number, to: number): number {
		return from + Math.floor(this.next() * (to - from + 1));
	}

	chance(fraction: number): boolean {
		return this.next() < fraction;
	}

	pick<T>(items: readonly T[]): T {
		return items[Math.floor(this.next() * items.length)] as T;
	}

	/** One of the names, each as often as its weight says. */
	weighted<Name extends string>(weights: Record<Name, number>): Name {
		const entries = Object.entries(weights) as [Name, number][];
		let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
		for (const [name, weight] of entries) {
			left -= weight;
			if (left < 0) return name;
		}
		return (entries[0] as [Name, number])[0];
	}
}
