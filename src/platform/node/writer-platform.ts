import { join } from 'node:path';
import { promisify } from 'node:util';
import { BroadcastChannel } from 'node:worker_threads';
import { constants, gzip } from 'node:zlib';
import type { WriterPlatform } from '../../writer.ts';
import { systemClock } from '../clock.ts';
import { randomId } from '../ids.ts';
import { fileLock } from './file-lock.ts';
import { fileName } from './file-name.ts';
import { openFileStore } from './file-store.ts';
import { fileSystem } from './file-system.ts';

/** How often a lock that another process holds is asked for again. */
const LOCK_RETRY_MS = 1_000;
const compress = promisify(gzip);

/** The writer's runtime in a worker thread. */
export function nodeWriterPlatform(dir: string): WriterPlatform {
	// Threads of this process; other processes look at the folder when they begin.
	const channel = new BroadcastChannel('tidelog');
	channel.unref();
	const take = (name: string) => {
		fileSystem.mkdirSync(join(dir, '.locks'), { recursive: true });
		return fileLock(join(dir, '.locks', fileName(name)));
	};
	return {
		clock: systemClock,
		fetch: (input, init) => fetch(input, init),
		gzip: async (text) => new Uint8Array(await compress(text, { level: constants.Z_BEST_SPEED })),
		openStore: () => openFileStore(dir),
		async exclusively(name, signal, use) {
			for (;;) {
				signal.throwIfAborted();
				const lock = take(name);
				if (lock) {
					try {
						return await use();
					} finally {
						lock.release();
					}
				}
				await systemClock.sleep(LOCK_RETRY_MS, signal);
			}
		},
		async hold(name) {
			const lock = take(name);
			return lock && (() => lock.release());
		},
		announce: (run) => channel.postMessage(run),
		onAnnounced: (listener) => {
			channel.onmessage = (event) => listener((event as unknown as { data: string }).data);
		},
		onOnline: () => undefined,
		randomId,
		loadRows: () => import('../../sync/send-rows.ts'),
		loadMedia: () => import('../../media/encode.ts'),
		quotaBytes: async () => undefined,
		evictsAfterDays: undefined,
	};
}
