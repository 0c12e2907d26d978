import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Wrong codes before a new one is shown … */
const TRIES_PER_CODE = 5;
/** … and codes before the agent must be started again: 25 guesses at a million codes. */
const MAX_CODES = 5;
const MAX_TOKENS = 100;

interface Known {
	origin: string;
	/** SHA-256 of the token, hex: the file gives nobody access. */
	hash: string;
}

/** Who may read: by a code that a person reads off the terminal once, and from then on by a token that belongs to one origin. */
export class PageKeys {
	readonly #file: string | undefined;
	readonly #onCode: (code: string) => void;
	#known: Known[];
	#code = newCode();
	#triesLeft = TRIES_PER_CODE;
	#codesLeft = MAX_CODES;

	/**
	 * @param file Where tokens are remembered, as hashes; in memory only when left out.
	 * @param onCode Called when another code than before is to be shown.
	 */
	constructor(file: string | undefined, onCode: (code: string) => void) {
		this.#file = file;
		this.#onCode = onCode;
		this.#known = file === undefined ? [] : readKnown(file);
	}

	/** Six digits. */
	get code(): string {
		return this.#code;
	}

	/** A token for this origin; the code is used up by it. */
	pair(origin: string, code: string): { token: string } | { refused: 'code' | 'too-many-tries' } {
		if (this.#codesLeft === 0) return { refused: 'too-many-tries' };
		if (!isSame(code.replace(/\D/g, ''), this.#code)) {
			this.#triesLeft--;
			if (this.#triesLeft === 0) {
				this.#codesLeft--;
				if (this.#codesLeft > 0) this.#renew();
			}
			return { refused: 'code' };
		}
		const token = randomBytes(32).toString('base64url');
		this.#known = [...this.#known, { origin, hash: hashOf(token) }].slice(-MAX_TOKENS);
		this.#keep();
		this.#codesLeft = MAX_CODES;
		this.#renew();
		return { token };
	}

	isKnown(origin: string, token: string): boolean {
		const hash = hashOf(token);
		return this.#known.some((known) => known.origin === origin && isSame(known.hash, hash));
	}

	#renew(): void {
		this.#triesLeft = TRIES_PER_CODE;
		this.#code = newCode();
		this.#onCode(this.#code);
	}

	/** Readable by this user alone; whole or as it was. */
	#keep(): void {
		if (this.#file === undefined) return;
		mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
		writeFileSync(`${this.#file}.new`, JSON.stringify(this.#known), { mode: 0o600 });
		renameSync(`${this.#file}.new`, this.#file);
	}
}

function newCode(): string {
	return String(randomInt(1_000_000)).padStart(6, '0');
}

function hashOf(token: string): string {
	return createHash('sha256').update(token).digest('hex');
}

function isSame(a: string, b: string): boolean {
	const [left, right] = [Buffer.from(a), Buffer.from(b)];
	return left.length === right.length && timingSafeEqual(left, right);
}

/** A file that is missing or damaged knows nobody: pages pair again. */
function readKnown(file: string): Known[] {
	try {
		const known = JSON.parse(readFileSync(file, 'utf8')) as Known[];
		return known.filter(({ origin, hash }) => typeof origin === 'string' && typeof hash === 'string').slice(-MAX_TOKENS);
	} catch {
		return [];
	}
}
