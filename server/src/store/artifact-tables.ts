/** Tables of artifacts. A collection holds versions (memberships) of artifacts, of which each is made in one collection, its sequence. */
export const ARTIFACT_TABLES = `
CREATE TABLE IF NOT EXISTS artifact_collections (
	id INTEGER PRIMARY KEY, project INTEGER NOT NULL REFERENCES projects, type TEXT NOT NULL, name TEXT NOT NULL, created_ms INTEGER NOT NULL,
	UNIQUE (project, name)
);
-- version is missing until the artifact is committed; aliases are those asked for, as a JSON list.
CREATE TABLE IF NOT EXISTS artifacts (
	id INTEGER PRIMARY KEY, collection INTEGER NOT NULL REFERENCES artifact_collections, digest TEXT NOT NULL, version INTEGER, run INTEGER,
	description TEXT, metadata TEXT, wanted_aliases TEXT NOT NULL DEFAULT '[]', history_step INTEGER, ttl_s INTEGER, client_id TEXT,
	sequence_client_id TEXT, size INTEGER NOT NULL DEFAULT 0, file_count INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
	is_deleted INTEGER NOT NULL DEFAULT 0, UNIQUE (collection, version)
);
CREATE INDEX IF NOT EXISTS artifacts_by_client_id ON artifacts (client_id);
CREATE INDEX IF NOT EXISTS artifacts_by_run ON artifacts (run);
CREATE TABLE IF NOT EXISTS artifact_aliases (
	collection INTEGER NOT NULL, alias TEXT NOT NULL, artifact INTEGER NOT NULL, PRIMARY KEY (collection, alias)
) WITHOUT ROWID;
-- path '' is the manifest. md5 is base64, as manifests have it.
CREATE TABLE IF NOT EXISTS artifact_files (
	artifact INTEGER NOT NULL, path TEXT NOT NULL, md5 TEXT NOT NULL, sha256 TEXT, size INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (artifact, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS artifact_files_by_content ON artifact_files (sha256);
CREATE TABLE IF NOT EXISTS artifact_uses (
	artifact INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (artifact, run)
) WITHOUT ROWID;
`;
