import { randomBytes } from 'node:crypto';
import { RequestError } from '../request-error.ts';
import type { BlobStore } from './blob-store.ts';
import type { Database } from './database.ts';
import type { RunRow } from './meta-store.ts';

/** An upload address is good for this long. */
const UPLOAD_TTL_MS = 24 * 3600_000;
/** Largest file taken. */
const MAX_FILE_BYTES = 5 * 2 ** 30;
const MAX_PATH_LENGTH = 1_024;

export interface StoredFile {
	path: string;
	sizeBytes: number;
	/** Missing while the bytes are still on the device that logged them. */
	uploadedMs: number | undefined;
	sha256: string | undefined;
}

/** Puts a blob that has come to its use, within a transaction. Returns the blob that had this place before, if any. */
type Keep = (blob: { sha256: string; size: number }) => string | undefined;

/** Files of runs: which there are, which are only named so far, and the bytes as they come. */
export class RunFiles {
	readonly #database: Database;
	readonly #blobs: BlobStore;
	readonly #nowMs: () => number;
	readonly #name;
	readonly #all;
	readonly #one;
	readonly #put;
	/** Upload addresses given out and not run out. They die with the process; a client asks for another then. */
	readonly #uploads = new Map<string, { run: number; path: string; untilMs: number } | { keep: Keep; untilMs: number }>();
	/** Uploads whose bytes are coming in. Their blob may be there already and in nobody's name yet. */
	#inFlight = 0;
	/** Blobs that may be nobody's. */
	readonly #orphans = new Set<string>();
	/** While blobs are deleted: the same bytes must not come in meanwhile. */
	#sweeping: Promise<unknown> | undefined;

	constructor(database: Database, blobs: BlobStore, nowMs: () => number) {
		this.#database = database;
		this.#blobs = blobs;
		this.#nowMs = nowMs;
		this.#name = database.sql.prepare('INSERT OR IGNORE INTO files (run, path) VALUES (?, ?)');
		this.#all = database.sql.prepare('SELECT path, sha256, size, uploaded_ms FROM files WHERE run = ? ORDER BY path');
		this.#one = database.sql.prepare('SELECT sha256, size AS sizeBytes FROM files WHERE run = ? AND path = ? AND sha256 IS NOT NULL');
		this.#put = database.sql.prepare(
			`INSERT INTO files (run, path, sha256, size, uploaded_ms) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET sha256 = excluded.sha256, size = excluded.size, uploaded_ms = excluded.uploaded_ms`,
		);
	}

	/** Notes a file that a row names; its bytes may have come or not. */
	name(run: RunRow, path: string): void {
		this.#name.run(run.id, path);
	}

	all(run: RunRow): StoredFile[] {
		const rows = this.#all.all(run.id) as { path: string; sha256: string | null; size: number; uploaded_ms: number | null }[];
		return rows.map(({ path, sha256, size, uploaded_ms }) => ({
			path,
			sizeBytes: size,
			uploadedMs: uploaded_ms ?? undefined,
			sha256: sha256 ?? undefined,
		}));
	}

	/** A file whose bytes are here. */
	find(run: RunRow, path: string): { sha256: string; sizeBytes: number } | undefined {
		return this.#one.get(run.id, path) as { sha256: string; sizeBytes: number } | undefined;
	}

	/** Gives the files of one run to another too, as far as `paths` names them. */
	copy(from: RunRow, to: RunRow, paths: ReadonlySet<string>): void {
		for (const { path, sha256, sizeBytes, uploadedMs } of this.all(from)) {
			if (paths.has(path)) this.#put.run(to.id, path, sha256 ?? null, sizeBytes, uploadedMs ?? null);
		}
	}

	/** Gives a secret token for each path; whoever has it may PUT the bytes. */
	openUploads(run: RunRow, paths: readonly string[]): { path: string; token: string }[] {
		const untilMs = this.#untilMs();
		return paths.map((path) => {
			checkPath(path);
			const token = randomBytes(24).toString('base64url');
			this.#uploads.set(token, { run: run.id, path, untilMs });
			return { path, token };
		});
	}

	/** The same for bytes that are no run's. */
	openUpload(keep: Keep): string {
		const token = randomBytes(24).toString('base64url');
		this.#uploads.set(token, { keep, untilMs: this.#untilMs() });
		return token;
	}

	/** Takes addresses away that have run out. Returns when a new one does. */
	#untilMs(): number {
		const now = this.#nowMs();
		for (const [token, upload] of this.#uploads) if (upload.untilMs < now) this.#uploads.delete(token);
		return now + UPLOAD_TTL_MS;
	}

	/** Takes the bytes of an upload. `runOf` finds its run, which may be gone by then. Returns the run, if it is a run's. */
	async upload(token: string, body: AsyncIterable<Uint8Array>, runOf: (id: number) => RunRow | undefined): Promise<RunRow | undefined> {
		const upload = this.#uploads.get(token);
		if (!upload) throw new RequestError(403, 'This upload address is not known or has run out; ask for another.');
		const found = () => {
			if ('keep' in upload) return undefined;
			const run = runOf(upload.run);
			if (!run) throw new RequestError(410, 'The run that this file belongs to was deleted.');
			return run;
		};
		found();
		while (this.#sweeping) await this.#sweeping;
		this.#inFlight++;
		try {
			const { sha256, size } = await this.#blobs.put(body, MAX_FILE_BYTES);
			this.#orphans.add(sha256);
			return this.#database.transaction(() => {
				const run = found();
				const before = 'keep' in upload ? upload.keep({ sha256, size }) : run && this.find(run, upload.path)?.sha256;
				if (before) this.#orphans.add(before);
				if (!run || 'keep' in upload) return undefined;
				this.#put.run(run.id, upload.path, sha256, size, this.#nowMs());
				return run;
			});
		} finally {
			this.#inFlight--;
			await this.sweep();
		}
	}

	/** Takes a file away; one that is not there is no error. */
	async remove(run: RunRow, path: string): Promise<void> {
		const sha256 = this.find(run, path)?.sha256;
		if (sha256) this.#orphans.add(sha256);
		this.#database.sql.prepare('DELETE FROM files WHERE run = ? AND path = ?').run(run.id, path);
		await this.sweep();
	}

	/** Notes that blobs may become nobody's; `sweep` looks. */
	releaseBlobs(blobs: readonly string[]): void {
		for (const sha256 of blobs) this.#orphans.add(sha256);
	}

	/** Notes that the run's blobs may become nobody's; call before the run is deleted, and `sweep` after. */
	release(run: RunRow): void {
		for (const { sha256 } of this.all(run)) if (sha256) this.#orphans.add(sha256);
	}

	/** Deletes blobs that no run and no artifact has any more. */
	async sweep(): Promise<void> {
		if (this.#inFlight > 0 || this.#orphans.size === 0) return;
		const isUsed = this.#database.sql.prepare(
			'SELECT 1 FROM files WHERE sha256 = ?1 UNION ALL SELECT 1 FROM artifact_files WHERE sha256 = ?1 LIMIT 1',
		);
		const unused = [...this.#orphans].filter((sha256) => isUsed.get(sha256) === undefined);
		this.#orphans.clear();
		const sweeping = Promise.all(unused.map((sha256) => this.#blobs.delete(sha256)));
		this.#sweeping = sweeping;
		try {
			await sweeping;
		} finally {
			if (this.#sweeping === sweeping) this.#sweeping = undefined;
		}
	}
}

/** @throws RequestError 400 for a path that is too long or leaves the run's folder. */
function checkPath(path: string): void {
	const isInside =
		path !== '' &&
		path.length <= MAX_PATH_LENGTH &&
		!path.startsWith('/') &&
		!path.includes('\\') &&
		!path.includes('\0') &&
		!path.split('/').some((part) => part === '..' || part === '.');
	if (!isInside)
		throw new RequestError(
			400,
			`A file of a run must have a relative path of at most ${MAX_PATH_LENGTH} characters without "..", but was "${path.slice(0, 100)}".`,
		);
}
