import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobStore } from './store/blob-store.ts';
import { DATABASE_FILE, type Database } from './store/database.ts';
import type { TokenStore } from './store/token-store.ts';

/** What a data folder consists of. */
export interface DataParts {
	database: Pick<Database, 'copyTo'>;
	blobs: Pick<BlobStore, 'copyTo'>;
	tokens: Pick<TokenStore, 'copyTo'>;
}

/**
 * Copies everything into `folder`, made new, while others read and write; a server started on it has what was acknowledged when this was called, and
 * maybe some of what came since. It has this server's id and tokens: senders go on with it as with this one, and send again what it lacks.
 * @throws Error when the folder exists, or cannot be written; what was written of it is taken away then.
 */
export async function backUp(folder: string, { database, blobs, tokens }: DataParts): Promise<void> {
	await mkdir(dirname(folder), { recursive: true });
	await mkdir(folder, { mode: 0o700 });
	try {
		// Before, for those that are deleted meanwhile; after, for those that come.
		await blobs.copyTo(folder);
		await tokens.copyTo(folder);
		await database.copyTo(join(folder, DATABASE_FILE));
		await blobs.copyTo(folder);
	} catch (error) {
		await rm(folder, { recursive: true, force: true });
		throw error;
	}
}
