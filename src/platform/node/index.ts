import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TidelogError } from '../../errors.ts';
import type { Link } from '../../transport/link.ts';
import { WriterLink } from '../../transport/writer-link.ts';
import type { Platform } from '../platform.ts';
import { nodeClock } from './clock.ts';
import { fileName } from './file-name.ts';
import { findUnfinished } from './find-unfinished.ts';
import { beforeLeaving } from './leaving.ts';
import { recordChannel } from './log-port.ts';
import { startWriterThread } from './start-writer.ts';

/** The local directory; the first `init()` of the process decides. */
let folder: string | undefined;
/** One writer a thread; its runs share it. */
let link: Link | undefined;

function dirOf(dir: string | undefined): string {
	folder ??= resolve(dir ?? 'tidelog');
	return folder;
}

/**
 * The calling thread appends each batch to a log itself, with one write: `process.exit()`, an uncaught exception and SIGKILL then lose at most the batch that is
 * open, and `exit` writes that one. Nothing asynchronous runs inside `exit`, and worker threads die with it, so no other way holds. Everything else is
 * done by a worker thread that reads the log.
 */
export const nodePlatform: Platform = {
	clock: nodeClock,
	encodesApart: true,

	link({ dir }) {
		link ??= {
			channel: (spec) => recordChannel(spec, dirOf(dir)),
			writer: Promise.resolve(new WriterLink(async (onFailure) => startWriterThread(dirOf(dir), onFailure), nodeClock)),
		};
		return link;
	},

	onVisibility: (listener) => beforeLeaving(() => listener('hidden')),

	connectAgent: () =>
		Promise.reject(
			new TidelogError('unsupported-runtime', 'connectAgent(): only a page can talk to an agent; here, start one with --server and --run.'),
		),

	/** Timers, ports and the worker thread let the process end; a promise that somebody waits for does not. */
	async hold(promise) {
		const keepAlive = setInterval(() => undefined, 2 ** 30);
		try {
			return await promise;
		} finally {
			clearInterval(keepAlive);
		}
	},

	isTaken: ({ id, dir }) => id !== undefined && existsSync(join(dirOf(dir), fileName(id))),

	findUnfinished: ({ project, server, dir }) => findUnfinished(dirOf(dir), project, server?.replace(/\/+$/, '')),
};
