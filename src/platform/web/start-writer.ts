import workerText from 'tidelog:worker-text';
import { proxy, transfer, wrap } from 'comlink';
import type { WriterHost } from '../../transport/messages.ts';
import { WriterLink, type WriterThread } from '../../transport/writer-link.ts';
import { systemClock } from '../clock.ts';
import type { Platform } from '../platform.ts';
import { LastWords } from './last-words.ts';
import type { PartTexts } from './worker-parts.ts';

const texts: PartTexts = {
	rows: async () => (await import('tidelog:worker-rows-text')).default,
	media: async () => (await import('tidelog:worker-media-text')).default,
};

/** One for all runs of the page. */
export const lastWords = new LastWords();

/** What talks to a companion agent is a part of its own, which most pages never load. */
export const connectAgent: Platform['connectAgent'] = async (run, options) => (await import('./agent-link.ts')).connectAgent(run, options);

/** See `Platform.onVisibility`. */
export function onVisibility(listener: Parameters<Platform['onVisibility']>[0]): () => void {
	if (typeof document === 'undefined') return () => undefined;
	const changed = () => listener(document.visibilityState);
	const leaving = () => listener('leaving');
	document.addEventListener('visibilitychange', changed);
	addEventListener('pagehide', leaving);
	changed();
	return () => {
		document.removeEventListener('visibilitychange', changed);
		removeEventListener('pagehide', leaving);
	};
}

/**
 * The link to this context's writer. By default its code comes out of this package as text and is started from a Blob, which works from every bundler, from
 * a CDN and inside other workers. A page whose CSP forbids `blob:` workers gives `workerUrl`.
 *
 * A module of its own, loaded when the first run begins, so that the entry stays small.
 */
export function linkToWriter(workerUrl: string | undefined): WriterLink {
	keepStorage();
	return new WriterLink(async (onFailure) => startWriterThread(workerUrl, onFailure), systemClock);
}

function startWriterThread(workerUrl: string | undefined, onFailure: (reason: string) => void): WriterThread {
	const url = workerUrl ?? URL.createObjectURL(new Blob([workerText], { type: 'text/javascript' }));
	const worker = new Worker(url, { name: 'tidelog' });
	worker.onerror = (event) => {
		event.preventDefault();
		onFailure(
			event.message
				? `the writer failed (${event.message})`
				: `the writer could not be loaded from ${url}; if this page's Content-Security-Policy forbids blob: workers, serve tidelog/worker.js yourself and give its address as workerUrl`,
		);
	};
	const host = wrap<WriterHost & { provide(texts: PartTexts): void }>(worker);
	if (workerUrl === undefined) void host.provide(proxy(texts));
	return {
		host,
		open: (spec, port) => host.open(spec, transfer(port, [port as MessagePort])),
		terminate: () => {
			worker.terminate();
			if (workerUrl === undefined) URL.revokeObjectURL(url);
		},
	};
}

/** Asks that what is stored is not deleted when the disk runs low. Firefox would ask the user in turn, in the middle of a training: there it is left to the page. */
function keepStorage(): void {
	if (typeof document === 'undefined' || /Firefox/.test(navigator.userAgent)) return;
	// A browser that says no keeps the data all the same until it needs the room.
	navigator.storage?.persist?.().catch(() => false);
}
