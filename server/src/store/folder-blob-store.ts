import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BlobStore, BlobTooLargeError } from './blob-store.ts';

/** `blobs/<first two hex>/<sha256>` in the data folder: written beside, made durable, then given its name. */
export class FolderBlobStore implements BlobStore {
	readonly #folder: string;

	constructor(dataDir: string) {
		this.#folder = join(dataDir, 'blobs');
	}

	async put(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ sha256: string; size: number }> {
		await mkdir(this.#folder, { recursive: true });
		const temporary = join(this.#folder, `incoming-${randomBytes(8).toString('hex')}`);
		const hash = createHash('sha256');
		let size = 0;
		const file = await open(temporary, 'wx');
		try {
			for await (const bytes of body) {
				size += bytes.length;
				if (size > maxBytes) throw new BlobTooLargeError(`The file is larger than ${maxBytes} bytes.`);
				hash.update(bytes);
				await file.write(bytes);
			}
			await file.sync();
			await file.close();
			const sha256 = hash.digest('hex');
			const path = this.#path(sha256);
			await mkdir(dirname(path), { recursive: true });
			await rename(temporary, path);
			const folder = await open(dirname(path), 'r');
			// Windows cannot sync a folder and need not; elsewhere the name itself must reach the disk.
			await folder.sync().catch(() => undefined);
			await folder.close();
			return { sha256, size };
		} catch (error) {
			await file.close().catch(() => undefined);
			await rm(temporary, { force: true });
			throw error;
		}
	}

	open(sha256: string, range?: { start: number; end: number }): ReadStream {
		return createReadStream(this.#path(sha256), range);
	}

	async size(sha256: string): Promise<number | undefined> {
		return (await stat(this.#path(sha256)).catch(() => undefined))?.size;
	}

	/** By a second name where the file system has such: blobs never change, so a copy costs nothing. */
	async copyTo(dataDir: string): Promise<void> {
		const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true }).catch(() => []);
		for (const { name } of entries.filter((entry) => entry.isFile() && /^[0-9a-f]{64}$/.test(entry.name))) {
			const to = pathIn(join(dataDir, 'blobs'), name);
			await mkdir(dirname(to), { recursive: true });
			try {
				await link(this.#path(name), to);
			} catch (error) {
				const { code } = error as NodeJS.ErrnoException;
				// Deleted since it was listed.
				if (code === 'EEXIST' || code === 'ENOENT') continue;
				await copyFile(this.#path(name), to);
			}
		}
	}

	async delete(sha256: string): Promise<void> {
		await rm(this.#path(sha256), { force: true });
	}

	#path(sha256: string): string {
		return pathIn(this.#folder, sha256);
	}
}

function pathIn(folder: string, sha256: string): string {
	return join(folder, sha256.slice(0, 2), sha256);
}
