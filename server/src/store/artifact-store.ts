import { RequestError } from '../request-error.ts';
import { ARTIFACT_TABLES } from './artifact-tables.ts';
import type { Database } from './database.ts';
import type { ProjectRow, RunRow } from './meta-store.ts';

export interface CollectionRow {
	id: number;
	project: number;
	type: string;
	name: string;
	created_ms: number;
}

export interface ArtifactRow {
	id: number;
	collection: number;
	/** Hex, over paths and their digests, as the client tells it. */
	digest: string;
	/** Missing until it is committed. */
	version: number | null;
	run: number | null;
	description: string | null;
	metadata: string | null;
	wanted_aliases: string;
	history_step: number | null;
	ttl_s: number | null;
	client_id: string | null;
	sequence_client_id: string | null;
	size: number;
	file_count: number;
	created_ms: number;
	updated_ms: number;
	is_deleted: number;
}

export interface NewArtifact {
	type: string;
	collection: string;
	digest: string;
	run: RunRow | undefined;
	description: string | null;
	metadata: string | null;
	aliases: readonly string[];
	historyStep: number | null;
	ttlS: number | null;
	clientId: string | null;
	sequenceClientId: string | null;
	/** Whether a committed version of the same content is given back instead. */
	isDeduplicated: boolean;
}

export interface ManifestEntry {
	path: string;
	/** Base64. */
	digest: string;
	size: number;
	/** Artifact whose upload brought the bytes. */
	birth: number | undefined;
	isReference: boolean;
}

export interface ArtifactFile {
	path: string;
	md5: string;
	sha256: string | null;
	size: number;
}

/** Path under which an artifact keeps its manifest. */
export const MANIFEST = '';

/** Artifacts: collections, their versions and aliases, files by path. Every call is one transaction, or part of the caller's. */
export class ArtifactStore {
	readonly #sql: Database['sql'];

	constructor(database: Pick<Database, 'sql'>) {
		this.#sql = database.sql;
		this.#sql.exec(ARTIFACT_TABLES);
	}

	/** The new artifact, not yet committed, or a committed one of the same content. */
	create(project: ProjectRow, wanted: NewArtifact, nowMs: number): ArtifactRow {
		const collection = this.collection(project.id, wanted.collection) ?? this.#newCollection(project, wanted, nowMs);
		if (collection.type !== wanted.type) {
			throw new RequestError(
				409,
				`Artifact "${wanted.collection}" is of type "${collection.type}" and cannot get a version of type "${wanted.type}".`,
			);
		}
		const same = wanted.isDeduplicated
			? (this.#one(
					'SELECT * FROM artifacts WHERE collection = ? AND digest = ? AND version IS NOT NULL AND is_deleted = 0',
					collection.id,
					wanted.digest,
				) as ArtifactRow | undefined)
			: undefined;
		if (same) {
			for (const alias of wanted.aliases) this.setAlias(same, alias);
			return same;
		}
		const { lastInsertRowid } = this.#sql
			.prepare(
				`INSERT INTO artifacts (collection, digest, run, description, metadata, wanted_aliases, history_step, ttl_s, client_id, sequence_client_id, created_ms, updated_ms)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			)
			.run(
				collection.id,
				wanted.digest,
				wanted.run?.id ?? null,
				wanted.description,
				wanted.metadata,
				JSON.stringify(wanted.aliases),
				wanted.historyStep,
				wanted.ttlS,
				wanted.clientId,
				wanted.sequenceClientId,
				nowMs,
				nowMs,
			);
		return this.artifact(Number(lastInsertRowid)) as ArtifactRow;
	}

	/**
	 * Gives the next version, `latest` and the aliases asked for. Committing again changes nothing.
	 * @throws RequestError 400 when bytes of an entry have not arrived; nothing is changed then.
	 */
	commit(artifact: ArtifactRow, entries: readonly ManifestEntry[], nowMs: number): ArtifactRow {
		if (artifact.version !== null) return artifact;
		for (const { path, digest, birth, isReference } of entries) {
			if (isReference) continue;
			const own = this.file(artifact, path);
			if (own?.sha256 && own.md5 === digest) continue;
			const from = this.#one(
				'SELECT sha256, size FROM artifact_files WHERE artifact = ? AND md5 = ? AND path <> ? AND sha256 IS NOT NULL LIMIT 1',
				birth ?? artifact.id,
				digest,
				MANIFEST,
			) as { sha256: string; size: number } | undefined;
			if (!from) throw new RequestError(400, `The bytes of "${path}" have not arrived: artifact ${artifact.id} cannot be committed.`);
			this.putFile(artifact, { path, md5: digest, ...from });
		}
		const { next } = this.#one('SELECT COALESCE(MAX(version), -1) + 1 AS next FROM artifacts WHERE collection = ?', artifact.collection) as {
			next: number;
		};
		this.#sql.prepare('UPDATE artifacts SET version = ?, size = ?, file_count = ?, updated_ms = ? WHERE id = ?').run(
			next,
			entries.reduce((sum, { size }) => sum + size, 0),
			entries.length,
			nowMs,
			artifact.id,
		);
		for (const alias of new Set(['latest', ...(JSON.parse(artifact.wanted_aliases) as string[])])) this.setAlias(artifact, alias);
		return this.artifact(artifact.id) as ArtifactRow;
	}

	artifact(id: number): ArtifactRow | undefined {
		return this.#one('SELECT * FROM artifacts WHERE id = ? AND is_deleted = 0', id) as ArtifactRow | undefined;
	}

	byClientId(clientId: string): ArtifactRow | undefined {
		return this.#one('SELECT * FROM artifacts WHERE client_id = ? AND is_deleted = 0 ORDER BY version IS NULL, id LIMIT 1', clientId) as
			| ArtifactRow
			| undefined;
	}

	/** By an alias, or a version such as `v3`. */
	named(collection: CollectionRow, alias: string): ArtifactRow | undefined {
		const found = this.#one('SELECT artifact FROM artifact_aliases WHERE collection = ? AND alias = ?', collection.id, alias) as
			| { artifact: number }
			| undefined;
		if (found) return this.artifact(found.artifact);
		const version = /^v(\d+)$/.exec(alias)?.[1];
		if (version === undefined) return undefined;
		return this.#one('SELECT * FROM artifacts WHERE collection = ? AND version = ? AND is_deleted = 0', collection.id, Number(version)) as
			| ArtifactRow
			| undefined;
	}

	/** Committed ones, newest first. */
	versions(collection: CollectionRow): ArtifactRow[] {
		const sql = 'SELECT * FROM artifacts WHERE collection = ? AND version IS NOT NULL AND is_deleted = 0 ORDER BY version DESC';
		return this.#all(sql, collection.id) as unknown as ArtifactRow[];
	}

	collection(project: number, name: string): CollectionRow | undefined {
		return this.#one('SELECT * FROM artifact_collections WHERE project = ? AND name = ?', project, name) as CollectionRow | undefined;
	}

	collectionById(id: number): CollectionRow {
		return this.#one('SELECT * FROM artifact_collections WHERE id = ?', id) as unknown as CollectionRow;
	}

	/** Of one type, or all. */
	collections(project: number, type?: string): CollectionRow[] {
		const all = this.#all('SELECT * FROM artifact_collections WHERE project = ? ORDER BY name', project) as unknown as CollectionRow[];
		return type === undefined ? all : all.filter((collection) => collection.type === type);
	}

	aliases(artifact: ArtifactRow): string[] {
		const sql = 'SELECT alias FROM artifact_aliases WHERE artifact = ? ORDER BY alias';
		return (this.#all(sql, artifact.id) as { alias: string }[]).map(({ alias }) => alias);
	}

	/** Moves an alias here from whatever version of the collection has it. */
	setAlias(artifact: ArtifactRow, alias: string): void {
		this.#sql
			.prepare('INSERT OR REPLACE INTO artifact_aliases (collection, alias, artifact) VALUES (?, ?, ?)')
			.run(artifact.collection, alias, artifact.id);
	}

	removeAlias(artifact: ArtifactRow, alias: string): void {
		this.#sql.prepare('DELETE FROM artifact_aliases WHERE artifact = ? AND alias = ?').run(artifact.id, alias);
	}

	update(artifact: ArtifactRow, { description, metadata }: { description?: string | null; metadata?: string | null }, nowMs: number): void {
		const sql = 'UPDATE artifacts SET description = COALESCE(?, description), metadata = COALESCE(?, metadata), updated_ms = ? WHERE id = ?';
		this.#sql.prepare(sql).run(description ?? null, metadata ?? null, nowMs, artifact.id);
	}

	/** Its number is given to no other. Returns the blobs that it had. */
	remove(artifact: ArtifactRow): string[] {
		const blobs = this.files(artifact).flatMap(({ sha256 }) => (sha256 ? [sha256] : []));
		const manifest = this.file(artifact, MANIFEST)?.sha256;
		for (const table of ['artifact_aliases', 'artifact_files', 'artifact_uses'])
			this.#sql.prepare(`DELETE FROM ${table} WHERE artifact = ?`).run(artifact.id);
		this.#sql.prepare('UPDATE artifacts SET is_deleted = 1 WHERE id = ?').run(artifact.id);
		return manifest ? [...blobs, manifest] : blobs;
	}

	files(artifact: ArtifactRow): ArtifactFile[] {
		const sql = "SELECT path, md5, sha256, size FROM artifact_files WHERE artifact = ? AND path <> '' ORDER BY path";
		return this.#all(sql, artifact.id) as unknown as ArtifactFile[];
	}

	file(artifact: ArtifactRow, path: string): ArtifactFile | undefined {
		return this.#one('SELECT path, md5, sha256, size FROM artifact_files WHERE artifact = ? AND path = ?', artifact.id, path) as
			| ArtifactFile
			| undefined;
	}

	putFile(artifact: ArtifactRow, { path, md5, sha256, size }: ArtifactFile): void {
		const sql = 'INSERT OR REPLACE INTO artifact_files (artifact, path, md5, sha256, size) VALUES (?, ?, ?, ?, ?)';
		this.#sql.prepare(sql).run(artifact.id, path, md5, sha256, size);
	}

	use(artifact: ArtifactRow, run: RunRow): void {
		this.#sql.prepare('INSERT OR IGNORE INTO artifact_uses (artifact, run) VALUES (?, ?)').run(artifact.id, run.id);
	}

	usedBy(artifact: ArtifactRow): number[] {
		return (this.#all('SELECT run FROM artifact_uses WHERE artifact = ? ORDER BY run', artifact.id) as { run: number }[]).map(({ run }) => run);
	}

	inputs(run: RunRow): ArtifactRow[] {
		const sql = 'SELECT artifacts.* FROM artifacts JOIN artifact_uses ON artifact = artifacts.id WHERE artifact_uses.run = ? ORDER BY artifacts.id';
		return this.#all(sql, run.id) as unknown as ArtifactRow[];
	}

	outputs(run: RunRow): ArtifactRow[] {
		return this.#all(
			'SELECT * FROM artifacts WHERE run = ? AND version IS NOT NULL AND is_deleted = 0 ORDER BY id',
			run.id,
		) as unknown as ArtifactRow[];
	}

	projectOf({ project }: CollectionRow): ProjectRow {
		const row = this.#one('SELECT id, entity, name, created_ms AS createdMs FROM projects WHERE id = ?', project);
		return { ...(row as unknown as ProjectRow) };
	}

	#newCollection(project: ProjectRow, { type, collection }: NewArtifact, nowMs: number): CollectionRow {
		this.#sql
			.prepare('INSERT INTO artifact_collections (project, type, name, created_ms) VALUES (?, ?, ?, ?)')
			.run(project.id, type, collection, nowMs);
		return this.collection(project.id, collection) as CollectionRow;
	}

	#one(sql: string, ...values: (string | number)[]) {
		return this.#sql.prepare(sql).get(...values) as object | undefined;
	}

	#all(sql: string, ...values: (string | number)[]) {
		return this.#sql.prepare(sql).all(...values) as object[];
	}
}
