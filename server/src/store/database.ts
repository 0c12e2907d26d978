import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A start that cannot succeed; the message is one line for the person who started it. */
export class StartError extends Error {}

/** Raised when the tables change; a data folder of a newer format is refused. */
const FORMAT_VERSION = 1;

const TABLES = `
CREATE TABLE IF NOT EXISTS info (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS projects (
	id INTEGER PRIMARY KEY, entity TEXT NOT NULL, name TEXT NOT NULL, created_ms INTEGER NOT NULL, UNIQUE (entity, name)
);
CREATE TABLE IF NOT EXISTS runs (
	id INTEGER PRIMARY KEY, project INTEGER NOT NULL REFERENCES projects, name TEXT NOT NULL, display_name TEXT NOT NULL,
	config TEXT NOT NULL DEFAULT '{}', notes TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '[]', description TEXT,
	group_name TEXT, job_type TEXT, host TEXT, program TEXT, repo TEXT, commit_sha TEXT, sweep TEXT,
	state TEXT NOT NULL, exit_code INTEGER, is_stopped INTEGER NOT NULL DEFAULT 0, colour INTEGER NOT NULL, gen INTEGER NOT NULL DEFAULT 0,
	created_ms INTEGER NOT NULL, heartbeat_ms INTEGER NOT NULL, finished_ms INTEGER,
	sent_summary TEXT, UNIQUE (project, name)
);
-- Who wrote: '' for official clients. stored = records that the writer has on its device, as it told last.
CREATE TABLE IF NOT EXISTS writers (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, gen INTEGER NOT NULL, name TEXT NOT NULL, started_ms INTEGER NOT NULL,
	stored INTEGER NOT NULL DEFAULT 0, summary TEXT NOT NULL DEFAULT '{}', summary_up_to INTEGER NOT NULL DEFAULT -1, conflicts INTEGER NOT NULL DEFAULT 0,
	UNIQUE (run, gen, name)
);
CREATE TABLE IF NOT EXISTS cursors (writer INTEGER NOT NULL, file TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (writer, file)) WITHOUT ROWID;
-- The truth: each line as it came. Everything below is an index over it.
CREATE TABLE IF NOT EXISTS lines (
	writer INTEGER NOT NULL, file TEXT NOT NULL, idx INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (writer, file, idx)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL, gen INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (run, gen, key)
);
-- kind: 0 finite, 1 NaN, 2 Infinity, 3 -Infinity (SQLite would store NaN as NULL). started_ms and n: place of the record it came from.
CREATE TABLE IF NOT EXISTS points (
	series INTEGER NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL, kind INTEGER NOT NULL, time_ms REAL NOT NULL, runtime REAL NOT NULL,
	started_ms INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (series, step)
) WITHOUT ROWID;
-- What is no number: text, booleans, lists, media.
CREATE TABLE IF NOT EXISTS objects (
	series INTEGER NOT NULL, step INTEGER NOT NULL, json TEXT NOT NULL, time_ms REAL NOT NULL,
	started_ms INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (series, step)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS summaries (
	run INTEGER NOT NULL, gen INTEGER NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL, step INTEGER NOT NULL,
	started_ms INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run, gen, key)
) WITHOUT ROWID;
-- Counts kept with the lines, so that a list of runs reads no lines.
CREATE TABLE IF NOT EXISTS counts (
	run INTEGER NOT NULL, gen INTEGER NOT NULL, records INTEGER NOT NULL DEFAULT 0, last_step INTEGER NOT NULL DEFAULT -1, hidden INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (run, gen)
) WITHOUT ROWID;
-- sha256 is missing while a row names the file and its bytes have not come.
CREATE TABLE IF NOT EXISTS files (
	run INTEGER NOT NULL, path TEXT NOT NULL, sha256 TEXT, size INTEGER NOT NULL DEFAULT 0, uploaded_ms INTEGER, PRIMARY KEY (run, path)
) WITHOUT ROWID;
`;

export interface Database {
	sql: DatabaseSync;
	/** Random, made with the data folder: tells one server's data from another's. */
	serverId: string;
	/** Runs `work` in one transaction; an error undoes all of it. */
	transaction<T>(work: () => T): T;
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
	const sql = new DatabaseSync(join(dataDir, 'tidelog.db'));
	try {
		// Exclusive: a second server on the same folder gets "database is locked" instead of a share in the damage.
		sql.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;');
		sql.exec('BEGIN IMMEDIATE; COMMIT;');
	} catch (error) {
		sql.close();
		if (/locked|busy/i.test(String(error)))
			throw new StartError(`Another Tidelog server uses this data folder. Stop it, or give another folder with --data: ${dataDir}`);
		throw new StartError(`The database in the data folder cannot be opened (${error instanceof Error ? error.message : String(error)}): ${dataDir}`);
	}
	const version = (sql.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
	if (version > FORMAT_VERSION) {
		sql.close();
		throw new StartError(
			`The data folder has format ${version} and this server reads up to ${FORMAT_VERSION}: a newer server wrote it. Use that one: ${dataDir}`,
		);
	}
	sql.exec(TABLES);
	sql.exec(`PRAGMA user_version = ${FORMAT_VERSION}`);
	sql.prepare("INSERT OR IGNORE INTO info (key, value) VALUES ('serverId', ?)").run(randomBytes(8).toString('hex'));
	const { value: serverId } = sql.prepare("SELECT value FROM info WHERE key = 'serverId'").get() as { value: string };
	return {
		sql,
		serverId,
		transaction(work) {
			sql.exec('BEGIN IMMEDIATE');
			try {
				const result = work();
				sql.exec('COMMIT');
				return result;
			} catch (error) {
				sql.exec('ROLLBACK');
				throw error;
			}
		},
		close: () => sql.close(),
	};
}
