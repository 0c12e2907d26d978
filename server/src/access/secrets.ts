import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** `api`: everything. `read`: looking only. `ingest`: writing runs of one project from pages of certain origins. */
export type TokenKind = 'api' | 'ingest' | 'read';

export const PREFIXES: Record<TokenKind, string> = { api: 'tlk-', ingest: 'tli-', read: 'tlr-' };

const LENGTH = 40;
/** W&B's clients up to 0.25 look only at what follows the first `-`, and want exactly 40 characters there. */
const SECRET = /^(?:tl[kir]-)?([a-z0-9]{40})$/;

/** A prefix and 40 random characters of `[a-z0-9]`: 206 bits. */
export function newSecret(kind: TokenKind): string {
	let text = '';
	while (text.length < LENGTH) {
		// 252 is the largest multiple of 36 in a byte: dropping the rest keeps all letters equally likely.
		for (const byte of randomBytes(LENGTH)) if (byte < 252 && text.length < LENGTH) text += (byte % 36).toString(36);
	}
	return PREFIXES[kind] + text;
}

/** What an `Authorization` header carries: a secret of our form, another text (W&B's clients send the key of some other server), or nothing. */
export function readAuthorization(header: string | undefined): { secret?: string; isOurs: boolean } {
	const base64 = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1];
	const text = base64 === undefined ? '' : Buffer.from(base64, 'base64').toString('utf8');
	const given = text.startsWith('api:') ? text.slice(4) : '';
	return SECRET.test(given) ? { secret: given, isOurs: given.startsWith('tl') && given.length > LENGTH } : { isOurs: false };
}

/** What is kept of a secret, with or without its prefix. Plain sha-256: there is nothing to guess in 206 random bits. */
export function hashSecret(secret: string): Buffer {
	return createHash('sha256').update(secret.slice(-LENGTH)).digest();
}

/** The same for a run's key. */
export function hashRunKey(key: string): Buffer {
	return createHash('sha256').update(key).digest();
}

export function isSameHash(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && timingSafeEqual(a, b);
}
