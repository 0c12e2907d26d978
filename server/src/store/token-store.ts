import type { TokenKind } from '../access/secrets.ts';

/** Tokens by which clients say who they are. Contract: what one process adds or revokes, others see at their next `version()`. */
export interface TokenStore {
	/** Another number after each change by whoever uses the same store. Cheap: it is asked at each request. */
	version(): number;
	/** Oldest first, revoked ones too. */
	all(): TokenRow[];
	add(token: TokenRow): void;
	/** Returns false when there is no such token, or it is revoked already. */
	revoke(id: string, nowMs: number): boolean;
	/** Puts all of them into another data folder, which has none. */
	copyTo(dataDir: string): Promise<void>;
	close(): void;
}

export interface TokenRow {
	/** 8 characters of `[0-9a-f]`, to name it by; no secret. */
	id: string;
	kind: TokenKind;
	/** sha-256 of the secret's 40 characters. */
	hash: Uint8Array;
	/** For people. */
	name: string;
	/** Ingest tokens: the one project that it may write to. */
	project?: string | undefined;
	/** Ingest tokens: origins whose pages may use it, exactly as browsers send them. */
	origins: readonly string[];
	createdMs: number;
	expiresMs?: number | undefined;
	revokedMs?: number | undefined;
	/** Most requests a minute. */
	perMinute: number;
}
