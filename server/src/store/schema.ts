/** Raised when the tables change; a data folder of a newer format is refused, one of an older format is brought up to date (migrate.ts). */
export const FORMAT_VERSION = 2;

export const TABLES = `
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
-- Runs that were deleted: their senders are told so, instead of making them anew, and their ids go to no other run.
CREATE TABLE IF NOT EXISTS tombstones (
	run INTEGER PRIMARY KEY, project INTEGER NOT NULL, name TEXT NOT NULL, deleted_ms INTEGER NOT NULL, UNIQUE (project, name)
);
-- Who wrote: '' for official clients. stored = history records that the writer has on its device, as it told last; heard_ms by the server's clock.
CREATE TABLE IF NOT EXISTS writers (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, gen INTEGER NOT NULL, name TEXT NOT NULL, started_ms INTEGER NOT NULL,
	stored INTEGER NOT NULL DEFAULT 0, conflicts INTEGER NOT NULL DEFAULT 0, heard_ms INTEGER NOT NULL DEFAULT 0, UNIQUE (run, gen, name)
);
-- hash: over the lines below next, for writers whose lines are never rewritten.
CREATE TABLE IF NOT EXISTS cursors (
	writer INTEGER NOT NULL, file TEXT NOT NULL, next INTEGER NOT NULL, hash TEXT NOT NULL DEFAULT '', PRIMARY KEY (writer, file)
) WITHOUT ROWID;
-- The truth: each line as it came.
CREATE TABLE IF NOT EXISTS lines (
	writer INTEGER NOT NULL, file TEXT NOT NULL, idx INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (writer, file, idx)
) WITHOUT ROWID;
-- What meta lines have said, one a path: kind is config, summary, info or metric. value is NULL where the edit takes the path away.
CREATE TABLE IF NOT EXISTS edits (
	run INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, started_ms INTEGER NOT NULL, writer TEXT NOT NULL, n INTEGER NOT NULL, value TEXT,
	PRIMARY KEY (run, kind, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alerts (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, level TEXT NOT NULL, time_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS alerts_of_run ON alerts (run, title);
-- sha256 is missing while a row names the file and its bytes have not come.
CREATE TABLE IF NOT EXISTS files (
	run INTEGER NOT NULL, path TEXT NOT NULL, sha256 TEXT, size INTEGER NOT NULL DEFAULT 0, uploaded_ms INTEGER, PRIMARY KEY (run, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_content ON files (sha256);

-- Config and summary of runs, to filter and sort by (run-values.ts). Made anew from them for each run that run_kv_fresh lacks.
CREATE TABLE IF NOT EXISTS run_kv (
	project INTEGER NOT NULL, key TEXT NOT NULL, run INTEGER NOT NULL, value, PRIMARY KEY (project, key, run)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS run_kv_of_run ON run_kv (run);
CREATE TABLE IF NOT EXISTS run_kv_fresh (run INTEGER PRIMARY KEY);
CREATE TRIGGER IF NOT EXISTS run_kv_after_update AFTER UPDATE OF config, sent_summary, gen ON runs BEGIN
	DELETE FROM run_kv_fresh WHERE run = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS run_kv_after_edit AFTER INSERT ON edits BEGIN
	DELETE FROM run_kv_fresh WHERE run = NEW.run;
END;
CREATE TRIGGER IF NOT EXISTS run_kv_after_delete AFTER DELETE ON runs BEGIN
	DELETE FROM run_kv_fresh WHERE run = OLD.id;
	DELETE FROM run_kv WHERE run = OLD.id;
END;

-- What follows is an index over the history lines, and can be made anew from them, but for the steps that the server gave to lines without one.

-- Columns n, step, time (ms), runtime (s) of a writer's history lines, in blocks (segments.ts). owner = writer.
CREATE TABLE IF NOT EXISTS stamps (
	id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, writer INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS stamps_of_owner ON stamps (owner);
-- fold: MetricFold of the values that are not hidden. type: of the first media value.
CREATE TABLE IF NOT EXISTS series (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL, gen INTEGER NOT NULL, key TEXT NOT NULL, fold TEXT, has_numbers INTEGER NOT NULL DEFAULT 0,
	has_objects INTEGER NOT NULL DEFAULT 0, type TEXT, UNIQUE (run, gen, key)
);
-- Columns step, n, value of a series' numbers, hidden ones too, in blocks of one writer. owner = series.
CREATE TABLE IF NOT EXISTS points (
	id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, writer INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS points_of_owner ON points (owner);
-- What is no number (text, booleans, lists, media): the latest of each step.
CREATE TABLE IF NOT EXISTS objects (
	series INTEGER NOT NULL, step INTEGER NOT NULL, writer INTEGER NOT NULL, n INTEGER NOT NULL, time_ms REAL NOT NULL, json TEXT NOT NULL,
	PRIMARY KEY (series, step)
) WITHOUT ROWID;
-- Counts kept with the lines, so that a list of runs reads no lines.
CREATE TABLE IF NOT EXISTS counts (
	run INTEGER NOT NULL, gen INTEGER NOT NULL, records INTEGER NOT NULL, last_step INTEGER NOT NULL, hidden INTEGER NOT NULL, PRIMARY KEY (run, gen)
) WITHOUT ROWID;
`;
