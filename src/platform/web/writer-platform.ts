import type { WriterPlatform } from '../../writer.ts';
import { systemClock } from '../clock.ts';
import { openIndexedDbStore } from './indexeddb-store.ts';

/** The writer's runtime in a Web Worker. */
export function webWriterPlatform(): WriterPlatform {
	const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('tidelog');
	return {
		clock: systemClock,
		openStore: () => openIndexedDbStore(),
		exclusively: (name, signal, use) =>
			// Pages that are no secure context have no locks. One sender a run saves work only; two send the same bytes to the same places.
			navigator.locks ? navigator.locks.request(name, { signal }, use) : use(),
		announce: (run) => channel?.postMessage(run),
		onAnnounced: (listener) => channel?.addEventListener('message', (event: MessageEvent<string>) => listener(event.data)),
		onOnline: (listener) => globalThis.addEventListener('online', listener),
	};
}
