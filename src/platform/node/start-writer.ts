import { Worker } from 'node:worker_threads';
import { type Endpoint, transfer, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { WriterHost } from '../../transport/messages.ts';
import type { WriterThread } from '../../transport/writer-link.ts';

/** Beside the built package; or the source, when that is run as it is. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? '../../../workers/node-writer.ts' : './worker.js', import.meta.url);

/** Starts the writer's thread. It does not keep the process alive. */
export function startWriterThread(dir: string, onFailure: (reason: string) => void): WriterThread {
	// Without the flags of the program, some of which (--input-type) no thread may be started with.
	const worker = new Worker(WORKER, { workerData: { dir }, name: 'tidelog', execArgv: [] });
	worker.on('error', (error) => onFailure(`the writer failed (${error instanceof Error ? error.message : String(error)})`));
	worker.on('exit', (code) => onFailure(`the writer ended with ${code}`));
	const host: WriterHost = wrap<WriterHost>(nodeEndpoint(worker as never) as Endpoint);
	// Listening to a worker keeps it: let go after the last listener was added.
	worker.unref();
	return {
		host,
		open: (spec, port) => host.open(spec, transfer(port, [port as never])),
		terminate: () => void worker.terminate(),
	};
}
