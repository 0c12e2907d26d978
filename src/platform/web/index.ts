import { TidelogError } from '../../errors.ts';
import type { StartWriter } from '../../transport/writer-link.ts';
import { LastWords } from './last-words.ts';

/** One for all runs of the page. */
export const lastWords = new LastWords();

/** Whether this is a page or a worker that can start a writer. */
export function isSupported(): boolean {
	return typeof Worker === 'function' && typeof MessageChannel === 'function' && typeof Blob === 'function';
}

/**
 * Starts the writer in a Web Worker. By default its code comes out of this package as text and is started from a Blob, which works from
 * every bundler, from a CDN and inside other workers. A page whose CSP forbids `blob:` workers gives `workerUrl`.
 */
export function startWebWriter(workerUrl: string | undefined): StartWriter {
	return async (onFailure) => (await import('./start-writer.ts')).startWriterThread(workerUrl, onFailure);
}

/** Calls back when the page is hidden or shown, and when it is about to go. Never in a worker. */
export function onVisibility(listener: (visibility: 'hidden' | 'visible' | 'leaving') => void): () => void {
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

export function unsupported(): TidelogError {
	return new TidelogError(
		'unsupported-runtime',
		'init(): this runtime has no Web Workers, which this release of Tidelog writes with. Call init() in a browser page or worker, not while rendering on a server.',
	);
}
