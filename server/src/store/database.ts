import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { migrate } from './migrate.ts';
import { FORMAT_VERSION, TABLES } from './schema.ts';

export const DATABASE_FILE = 'tidelog.db';

/** A start that cannot succeed; the message is one line for the person who started it. */
export class StartError extends Error {}

/** The data folder is held by a server that runs. */
export class InUseError extends StartError {}

export interface Database {
	sql: DatabaseSync;
	/** Random, made with the data folder: tells one server's data from another's. */
	serverId: string;
	/** Runs `work` in one transaction; an error undoes all of it. */
	transaction<T>(work: () => T): T;
	/** Calls back at the end of each transaction. */
	onEnd(listener: (isCommitted: boolean) => void): void;
	/** Writes the state at the end of the copying to a database file, while others read and write. */
	copyTo(path: string): Promise<void>;
	close(): void;
}

/**
 * Opens or makes the database in `dataDir`.
 *
 * Durability: WAL with synchronous=NORMAL survives the death of this process at any moment, since every commit is in the
 * operating system's hands before an answer leaves; FULL survives the power cut too, and an acknowledgement means "not lost even
 * with your device", so FULL it is.
 *
 * @throws StartError when the folder cannot be written, belongs to another running server, or has a newer format.
 */
export function openDatabase(dataDir: string): Database {
	try {
		mkdirSync(dataDir, { recursive: true });
		accessSync(dataDir, constants.W_OK);
		if (!statSync(dataDir).isDirectory()) throw new Error('it is not a folder');
	} catch (error) {
		throw new StartError(
			`The data folder cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}). Give another with --data: ${dataDir}`,
		);
	}
	const sql = holdDatabase(dataDir);
	const version = (sql.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
	if (version > FORMAT_VERSION) {
		sql.close();
		throw new StartError(
			`The data folder has format ${version} and this server reads up to ${FORMAT_VERSION}: a newer server wrote it. Use that one: ${dataDir}`,
		);
	}
	try {
		migrate(sql, join(dataDir, DATABASE_FILE), version);
		sql.exec(TABLES);
		sql.exec(`PRAGMA user_version = ${FORMAT_VERSION}`);
	} catch (error) {
		sql.close();
		const reason = error instanceof Error ? error.message : String(error);
		throw new StartError(`The data folder could not be brought from format ${version} to ${FORMAT_VERSION}; it is as it was (${reason}): ${dataDir}`);
	}
	sql.prepare("INSERT OR IGNORE INTO info (key, value) VALUES ('serverId', ?)").run(randomBytes(8).toString('hex'));
	const { value: serverId } = sql.prepare("SELECT value FROM info WHERE key = 'serverId'").get() as { value: string };
	const listeners: ((isCommitted: boolean) => void)[] = [];
	return {
		sql,
		serverId,
		transaction(work) {
			sql.exec('BEGIN IMMEDIATE');
			try {
				const result = work();
				sql.exec('COMMIT');
				for (const listener of listeners) listener(true);
				return result;
			} catch (error) {
				// A commit that failed (the disk is full) may have ended the transaction by itself.
				if (sql.isTransaction) sql.exec('ROLLBACK');
				for (const listener of listeners) listener(false);
				throw error;
			}
		},
		onEnd: (listener) => void listeners.push(listener),
		copyTo: (path) => copyDatabase(sql, path),
		close: () => sql.close(),
	};
}

/**
 * Opens the database of a data folder as it is, whatever its format, and holds it until it is closed.
 * @throws InUseError when a server holds it; StartError when it cannot be opened.
 */
export function holdDatabase(dataDir: string): DatabaseSync {
	const sql = new DatabaseSync(join(dataDir, DATABASE_FILE));
	try {
		// Exclusive: a second server on the same folder gets "database is locked" instead of a share in the damage.
		sql.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;');
		sql.exec('BEGIN IMMEDIATE; COMMIT;');
		return sql;
	} catch (error) {
		sql.close();
		if (/locked|busy/i.test(String(error)))
			throw new InUseError(`Another Tidelog server uses this data folder. Stop it, or give another folder with --data: ${dataDir}`);
		throw new StartError(`The database in the data folder cannot be opened (${error instanceof Error ? error.message : String(error)}): ${dataDir}`);
	}
}

/** Writes the state at the end of the copying to a database file, while others read and write. */
export async function copyDatabase(sql: DatabaseSync, path: string): Promise<void> {
	await backup(sql, path, { rate: 1_000 });
}
