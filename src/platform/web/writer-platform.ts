import type { WriterPlatform } from '../../writer.ts';
import { systemClock } from '../clock.ts';
import { randomId } from '../ids.ts';
import { openIndexedDbStore } from './indexeddb-store.ts';

/** Browsers let requests of 64 KiB in all outlive their page; this leaves room for headers. */
const KEEPALIVE_BYTES = 60_000;
let keptAlive = 0;

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
 * @param loadRows The part for W&B servers, which is not in the worker's first file.
 */
export function webWriterPlatform(loadRows: WriterPlatform['loadRows']): WriterPlatform {
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
		exclusively: (name, signal, use) => (locks ? locks.request(name, { signal }, use) : use()),
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
		loadRows,
		quotaBytes: async () => (await storage?.estimate?.())?.quota,
		// WebKit deletes what scripts stored for a site that was not visited for seven days (Safari 13.1 and later); other engines name no number.
		evictsAfterDays: /AppleWebKit\/(?!.*Chrom)/.test(userAgent) ? 7 : undefined,
	};
}
