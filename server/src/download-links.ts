import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** A download address is good for this long. */
const LINK_TTL_MS = 24 * 3600_000;

/**
 * Addresses that are their own right: W&B's client fetches some of them without its key. Each names one blob and is signed with a secret that dies
 * with the process; a client asks for another then.
 */
export class DownloadLinks {
	readonly #secret = randomBytes(32);
	readonly #nowMs: () => number;

	constructor(nowMs: () => number) {
		this.#nowMs = nowMs;
	}

	/** Path of the address; `name` is for people and for the type. */
	pathOf(sha256: string, name: string): string {
		const until = this.#nowMs() + LINK_TTL_MS;
		const file = encodeURIComponent(name.split('/').at(-1) ?? '');
		return `/downloads/${sha256}.${until}.${this.#sign(sha256, String(until))}/${file}`;
	}

	/** The blob that a token names; undefined when it is forged or has run out. */
	find(token: string): string | undefined {
		const [sha256 = '', until = '', signature = ''] = token.split('.');
		const given = Buffer.from(signature);
		const right = Buffer.from(this.#sign(sha256, until));
		if (given.length !== right.length || !timingSafeEqual(given, right) || Number(until) < this.#nowMs()) return undefined;
		return sha256;
	}

	#sign(sha256: string, until: string): string {
		return createHmac('sha256', this.#secret).update(`${sha256}.${until}`).digest('base64url');
	}
}
