import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TokenKind } from '../access/secrets.ts';
import { copyDatabase } from './database.ts';
import type { TokenRow, TokenStore } from './token-store.ts';

const TOKENS_FILE = 'tokens.db';

const TABLE = `CREATE TABLE IF NOT EXISTS tokens (
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, project TEXT, origins TEXT NOT NULL,
	created_ms INTEGER NOT NULL, expires_ms INTEGER, revoked_ms INTEGER, per_minute INTEGER NOT NULL
)`;

/** `tokens.db` in the data folder. A file of its own, since a running server holds `tidelog.db` alone: so a token can be made and revoked while it runs. */
export class SqliteTokenStore implements TokenStore {
	readonly #sql: DatabaseSync;
	readonly #version;
	/** `data_version` counts the changes of others only. */
	#own = 0;

	constructor(dataDir: string) {
		this.#sql = new DatabaseSync(join(dataDir, TOKENS_FILE));
		this.#sql.exec(`PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${TABLE}`);
		this.#version = this.#sql.prepare('PRAGMA data_version');
	}

	version(): number {
		return (this.#version.get() as { data_version: number }).data_version * 65_536 + this.#own;
	}

	all(): TokenRow[] {
		return this.#sql
			.prepare('SELECT * FROM tokens ORDER BY created_ms, id')
			.all()
			.map((row) => ({
				id: String(row.id),
				kind: String(row.kind) as TokenKind,
				hash: row.hash as Uint8Array,
				name: String(row.name),
				project: row.project === null ? undefined : String(row.project),
				origins: JSON.parse(String(row.origins)) as string[],
				createdMs: Number(row.created_ms),
				expiresMs: row.expires_ms === null ? undefined : Number(row.expires_ms),
				revokedMs: row.revoked_ms === null ? undefined : Number(row.revoked_ms),
				perMinute: Number(row.per_minute),
			}));
	}

	add({ id, kind, hash, name, project, origins, createdMs, expiresMs, perMinute }: TokenRow): void {
		this.#own++;
		this.#sql
			.prepare('INSERT INTO tokens (id, kind, hash, name, project, origins, created_ms, expires_ms, per_minute) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
			.run(id, kind, hash, name, project ?? null, JSON.stringify(origins), createdMs, expiresMs ?? null, perMinute);
	}

	revoke(id: string, nowMs: number): boolean {
		this.#own++;
		return this.#sql.prepare('UPDATE tokens SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL').run(nowMs, id).changes > 0;
	}

	copyTo(dataDir: string): Promise<void> {
		return copyDatabase(this.#sql, join(dataDir, TOKENS_FILE));
	}

	close(): void {
		this.#sql.close();
	}
}
