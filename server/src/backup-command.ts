import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { backUp } from './backup.ts';
import { askForBackup } from './control.ts';
import { copyDatabase, DATABASE_FILE, holdDatabase, InUseError, StartError } from './store/database.ts';
import { FolderBlobStore } from './store/folder-blob-store.ts';
import { SqliteTokenStore } from './store/sqlite-token-store.ts';
import { dataOption } from './token-command.ts';

/** `tidelog-server backup FOLDER`: it works on the data folder, whether a server runs on it or not. */
export function backupCommand(): Command {
	return new Command('backup')
		.description('copy the data folder, while a server runs on it or not; start a server on the copy with --data')
		.argument('<folder>', 'where to, a folder that is made new')
		.addOption(dataOption())
		.action(async (folder: string, { data }: { data: string }) => {
			const to = resolve(folder);
			try {
				await backUpDataFolder(data, to);
			} catch (error) {
				if (error instanceof StartError) throw error;
				throw new StartError(describe(error, to));
			}
			console.error(`The data folder is copied to ${to}.`);
		});
}

async function backUpDataFolder(dataDir: string, to: string): Promise<void> {
	if (!existsSync(join(dataDir, DATABASE_FILE)))
		throw new StartError(`There is nothing to copy: no server has used this data folder. Give it with --data: ${dataDir}`);
	let sql: ReturnType<typeof holdDatabase>;
	try {
		sql = holdDatabase(dataDir);
	} catch (error) {
		if (!(error instanceof InUseError)) throw error;
		return askForBackup(dataDir, to);
	}
	const tokens = new SqliteTokenStore(dataDir);
	try {
		await backUp(to, { database: { copyTo: (path) => copyDatabase(sql, path) }, blobs: new FolderBlobStore(dataDir), tokens });
	} finally {
		tokens.close();
		sql.close();
	}
}

function describe(error: unknown, to: string): string {
	const message = error instanceof Error ? error.message : String(error);
	if (/EEXIST/.test(message)) return `The folder for the backup is there already, and was left as it is. Name one that is not: ${to}`;
	return `No backup was made (${message}). What was written of it is taken away: ${to}`;
}
