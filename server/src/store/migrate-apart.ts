import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DATABASE_FILE, StartError } from './database.ts';
import { FORMAT_VERSION } from './schema.ts';

/** Where a SQLite file has its user_version (sqlite.org/fileformat.html, 1.3). */
const VERSION_AT = 60;

/**
 * Brings a data folder of an older format up to date in a thread of its own, so that health checks are answered meanwhile. Any other folder is left to
 * openDatabase, which migrates as well.
 * @throws StartError as openDatabase does.
 */
export async function migrateApart(dataDir: string): Promise<void> {
	const version = formatOf(join(dataDir, DATABASE_FILE));
	if (version === undefined || version >= FORMAT_VERSION) return;
	await new Promise<void>((resolve, reject) => {
		const worker = new Worker(new URL('./open-worker.ts', import.meta.url), { workerData: dataDir });
		// Classes do not survive the trip: whatever openDatabase throws is a StartError.
		worker.on('error', (error: Error) => reject(new StartError(error.message)));
		worker.on('exit', () => resolve());
	});
}

function formatOf(file: string): number | undefined {
	const bytes = Buffer.alloc(4);
	try {
		const handle = openSync(file, 'r');
		const count = readSync(handle, bytes, 0, 4, VERSION_AT);
		closeSync(handle);
		return count === 4 ? bytes.readUInt32BE() : undefined;
	} catch {
		// A folder without a database, or one that cannot be read, of which openDatabase tells.
		return undefined;
	}
}
