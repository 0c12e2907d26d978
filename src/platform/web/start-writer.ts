import source from 'tidelog:worker-source';
import { transfer, wrap } from 'comlink';
import type { WriterHost } from '../../transport/messages.ts';
import type { WriterThread } from '../../transport/writer-link.ts';

/** Starts the writer's worker. A module of its own, loaded when the first run begins, so that the entry stays small. */
export function startWriterThread(workerUrl: string | undefined, onFailure: (reason: string) => void): WriterThread {
	const url = workerUrl ?? URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
	const worker = new Worker(url, { name: 'tidelog' });
	worker.onerror = (event) => {
		event.preventDefault();
		onFailure(
			event.message
				? `the writer failed (${event.message})`
				: `the writer could not be loaded from ${url}; if this page's Content-Security-Policy forbids blob: workers, serve tidelog/worker.js yourself and give its address as workerUrl`,
		);
	};
	const host: WriterHost = wrap<WriterHost>(worker);
	return {
		host,
		open: (spec, port) => host.open(spec, transfer(port, [port])),
		terminate: () => {
			worker.terminate();
			if (workerUrl === undefined) URL.revokeObjectURL(url);
		},
	};
}
