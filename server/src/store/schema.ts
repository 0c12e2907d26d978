/** Raised when the tables change; a data folder of a newer format is refused, one of an older format is brought up to date (migrate.ts). */
export const FORMAT_VERSION = 3;

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
-- The truth: each line as it came, in pieces of lines beside each other (line-log.ts). Ids are never used twice: readers know by them what they have seen.
CREATE TABLE IF NOT EXISTS lines (
	id INTEGER PRIMARY KEY AUTOINCREMENT, writer INTEGER NOT NULL, file TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, size INTEGER NOT NULL,
	form INTEGER NOT NULL, steps BLOB, body NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS lines_by_place ON lines (writer, file, first);
CREATE INDEX IF NOT EXISTS lines_not_packed ON lines (writer, file, first) WHERE form < 2;
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

-- What follows is an index over the history lines, and can be made anew from them, but for the steps that the server gave to lines without one. It is
-- behind the lines: those that came since are read again when a run is opened (run-index.ts).

-- sealed: lines of pieces up to this id are in the index, counted: in records, last_step and stamps. is_open: there are others.
CREATE TABLE IF NOT EXISTS counts (
	run INTEGER NOT NULL, gen INTEGER NOT NULL, records INTEGER NOT NULL, last_step INTEGER NOT NULL, sealed INTEGER NOT NULL, counted INTEGER NOT NULL,
	is_open INTEGER NOT NULL, PRIMARY KEY (run, gen)
) WITHOUT ROWID;
-- Runs and writers (kind) that were deleted and whose series and lines are not taken away yet (graves.ts).
CREATE TABLE IF NOT EXISTS graves (kind TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_runs ON counts (run, gen) WHERE is_open = 1;
-- Columns n, step, time (ms), runtime (s) of a writer's history lines, in blocks (segments.ts). owner = writer.
CREATE TABLE IF NOT EXISTS stamps (
	id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS stamps_of_owner ON stamps (owner);
-- fold: MetricFold of the values that are not hidden. hidden: how many are. type: of the first media value. sealed: as in counts, for this series.
-- loose: points (points.ts) that are in no leaf.
CREATE TABLE IF NOT EXISTS series (
	id INTEGER PRIMARY KEY, run INTEGER NOT NULL, gen INTEGER NOT NULL, key TEXT NOT NULL, fold TEXT, has_numbers INTEGER NOT NULL DEFAULT 0,
	has_objects INTEGER NOT NULL DEFAULT 0, type TEXT, hidden INTEGER NOT NULL DEFAULT 0, sealed INTEGER NOT NULL DEFAULT 0, loose BLOB, UNIQUE (run, gen, key)
);
-- Up to 8 leaves (leaves.ts) of a series beside each other: their heads and sums. start: of the first leaf.
CREATE TABLE IF NOT EXISTS spans (
	series INTEGER NOT NULL, start INTEGER NOT NULL, heads BLOB NOT NULL, sums BLOB NOT NULL, PRIMARY KEY (series, start)
);
-- Points of a leaf.
CREATE TABLE IF NOT EXISTS leaves (series INTEGER NOT NULL, start INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (series, start));
-- What is no number (text, booleans, lists, media): the latest of each step.
CREATE TABLE IF NOT EXISTS objects (
	series INTEGER NOT NULL, step INTEGER NOT NULL, writer INTEGER NOT NULL, n INTEGER NOT NULL, time_ms REAL NOT NULL, json TEXT NOT NULL,
	PRIMARY KEY (series, step)
) WITHOUT ROWID;
`;
