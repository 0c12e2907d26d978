import { randomBytes } from 'node:crypto';
import type { TokenRow, TokenStore } from '../store/token-store.ts';
import { hashSecret, isSameHash, newSecret, type TokenKind } from './secrets.ts';

export interface TokenWish {
	kind: TokenKind;
	name?: string;
	/** Ingest tokens need both; others have neither. */
	project?: string;
	origins?: readonly string[];
	/** Milliseconds from now; an ingest token without one ends after 90 days, the others never. */
	lifetimeMs?: number;
	perMinute?: number;
}

const DAY_MS = 24 * 3600_000;
const INGEST_LIFETIME_MS = 90 * DAY_MS;
/** A page sends at most ten requests a second; a public token serves many pages. */
const PER_MINUTE: Record<TokenKind, number> = { ingest: 6_000, api: 60_000, read: 6_000 };
const ORIGIN = /^https?:\/\/[^/\s?#@*]+$/;

/** The tokens of a server, kept in memory for as long as nobody changes the store. */
export class Tokens {
	readonly #store: TokenStore;
	readonly #nowMs: () => number;
	#known: TokenRow[] = [];
	#version: number | undefined;

	constructor(store: TokenStore, nowMs: () => number) {
		this.#store = store;
		this.#nowMs = nowMs;
	}

	/** Those that are neither revoked nor expired. */
	live(): TokenRow[] {
		const version = this.#store.version();
		if (version !== this.#version) {
			this.#known = this.#store.all();
			this.#version = version;
		}
		const now = this.#nowMs();
		return this.#known.filter(({ revokedMs, expiresMs }) => revokedMs === undefined && (expiresMs === undefined || expiresMs > now));
	}

	find(secret: string): TokenRow | undefined {
		const hash = hashSecret(secret);
		let found: TokenRow | undefined;
		// All of them, whichever it is: the time says nothing.
		for (const token of this.live()) if (isSameHash(token.hash, hash)) found = token;
		return found;
	}

	/** Whether an API key exists: from then on everybody needs a token. */
	hasApiKey(): boolean {
		return this.live().some(({ kind }) => kind === 'api');
	}

	/** Whether a token that may be used from pages of `origin` exists. */
	namesOrigin(origin: string): boolean {
		return this.live().some(({ origins }) => origins.includes(origin));
	}

	all(): TokenRow[] {
		return this.#store.all();
	}

	/**
	 * Makes a token. The secret is in the answer and nowhere else.
	 * @throws Error with a message for whoever asked.
	 */
	create({ kind, name = '', project, origins = [], lifetimeMs, perMinute = PER_MINUTE[kind] }: TokenWish): { token: TokenRow; secret: string } {
		if (kind === 'ingest' && (!project || origins.length === 0)) {
			throw new Error('An ingest token needs --project and --origin: it is for one project and for pages of certain origins.');
		}
		if (kind !== 'ingest' && (project !== undefined || origins.length > 0)) {
			throw new Error('Only ingest tokens are bound to a project and to origins.');
		}
		const wrong = origins.find((origin) => !ORIGIN.test(origin) || new URL(origin).origin !== origin);
		if (wrong !== undefined) throw new Error(`"${wrong}" is no origin as browsers send them, such as https://example.org or http://127.0.0.1:8421.`);
		const secret = newSecret(kind);
		const nowMs = this.#nowMs();
		const life = lifetimeMs ?? (kind === 'ingest' ? INGEST_LIFETIME_MS : undefined);
		const token: TokenRow = {
			id: randomBytes(4).toString('hex'),
			kind,
			hash: hashSecret(secret),
			name,
			project,
			origins,
			createdMs: nowMs,
			expiresMs: life === undefined ? undefined : nowMs + life,
			perMinute,
		};
		this.#store.add(token);
		return { token, secret };
	}

	revoke(id: string): boolean {
		return this.#store.revoke(id, this.#nowMs());
	}
}
