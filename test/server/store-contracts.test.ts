import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../server/src/store/database.ts';
import { FolderBlobStore } from '../../server/src/store/folder-blob-store.ts';
import { SqliteMetaStore } from '../../server/src/store/sqlite-meta-store.ts';
import { blobStoreContract } from './contract/blob-store-contract.ts';
import { metaStoreContract, type OpenedMeta } from './contract/meta-store-contract.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'tidelog-contract-'));

function openMeta(folder = newFolder()): OpenedMeta {
	const database = openDatabase(folder);
	return {
		meta: new SqliteMetaStore(database),
		reopen() {
			database.close();
			return openMeta(folder);
		},
		close() {
			database.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

metaStoreContract('SQLite', openMeta);

blobStoreContract('a folder', () => {
	const folder = newFolder();
	return {
		blobs: new FolderBlobStore(folder),
		files: () => readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : [])),
		copy() {
			const dataDir = join(folder, 'copy');
			return { dataDir, blobs: new FolderBlobStore(dataDir) };
		},
		close: () => rmSync(folder, { recursive: true, force: true }),
	};
});
