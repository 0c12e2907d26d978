import type { WriterPlatform } from '../../writer.ts';
import { systemClock } from '../clock.ts';
import { randomId } from '../ids.ts';
import { openIndexedDbStore } from './indexeddb-store.ts';

/** Browsers let requests of 64 KiB in all outlive their page; this leaves room for headers. */
const KEEPALIVE_BYTES = 60_000;
let keptAlive = 0;
/**
 * A page in the back/forward cache keeps its locks from those who have waited since before it went there: it is for whoever asks anew that Chromium (156) throws
 * it out. An `ifAvailable` request does so as well, but then nobody ever gets the lock.
 */
const ASK_AGAIN_MS = 1_000;

/** What is small enough goes on after the page has gone. What is not is in the store, and only later. */
async function fetchPastPage(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
	// A UTF-16 unit is at most three bytes.
	const bytes = 3 * ((init.body as string | undefined)?.length ?? 0);
	const keepalive = keptAlive + bytes <= KEEPALIVE_BYTES;
	if (!keepalive) return fetch(input, init);
	keptAlive += bytes;
	try {
		return await fetch(input, { ...init, keepalive });
	} finally {
		keptAlive -= bytes;
	}
}

/**
 * The writer's runtime in a Web Worker.
 *
 * @param parts What is not in the worker's first file.
 */
export function webWriterPlatform(parts: Pick<WriterPlatform, 'loadRows' | 'loadMedia'>): WriterPlatform {
	const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('tidelog');
	const { locks, storage, userAgent } = navigator;
	return {
		clock: systemClock,
		fetch: fetchPastPage,
		gzip: async (text) => {
			const compressed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
			return new Uint8Array(await new Response(compressed).arrayBuffer());
		},
		openStore: () => openIndexedDbStore(),
		// Pages that are no secure context have no locks. One sender a run saves work only; two send the same bytes to the same places.
		async exclusively(name, signal, use) {
			if (!locks) return use();
			for (;;) {
				signal.throwIfAborted();
				const turn = new AbortController();
				void systemClock.sleep(ASK_AGAIN_MS, signal).then(() => turn.abort());
				let isHeld = false;
				try {
					return await locks.request(name, { signal: turn.signal }, () => {
						isHeld = true;
						return use();
					});
				} catch (error) {
					if (isHeld || !turn.signal.aborted) throw error;
				}
			}
		},
		hold: (name) =>
			new Promise((resolve) => {
				if (!locks) return resolve(() => undefined);
				void locks.request(name, { ifAvailable: true }, (lock) => {
					if (!lock) return resolve(undefined);
					return new Promise<void>((release) => resolve(release));
				});
			}),
		announce: (run) => channel?.postMessage(run),
		onAnnounced: (listener) => channel?.addEventListener('message', (event: MessageEvent<string>) => listener(event.data)),
		onOnline: (listener) => globalThis.addEventListener('online', listener),
		randomId,
		...parts,
		quotaBytes: async () => (await storage?.estimate?.())?.quota,
		// WebKit deletes what scripts stored for a site that was not visited for seven days (Safari 13.1 and later); other engines name no number.
		evictsAfterDays: /AppleWebKit\/(?!.*Chrom)/.test(userAgent) ? 7 : undefined,
	};
}
