import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, type MessagePort as NodePort } from 'node:worker_threads';
import { type Batch, nextOf } from '../../core/batch.ts';
import { encodeChunk } from '../../core/chunk.ts';
import { type LineValue, writeLine } from '../../core/json-line.ts';
import { newRun } from '../../run-state.ts';
import type { BatchMessage, RecordPort, RunSpec, StoredNote, Trouble, WriterReport } from '../../transport/messages.ts';
import { nodeClock } from './clock.ts';
import { fileName } from './file-name.ts';
import { fileSystem, replaceFile } from './file-system.ts';
import { noteActivity } from './leaving.ts';
import { LogAppender } from './log-appender.ts';

/** The second end is a real port, to be given to the writer's thread; the first stores what is posted before it tells the writer, and does not keep the process alive. */
export function recordChannel(spec: RunSpec, dir: string): [RecordPort, RecordPort] {
	const { port1, port2 } = new MessageChannel();
	return [new LogPort(port1, spec, dir), port2 as unknown as RecordPort];
}

class LogPort implements RecordPort {
	onmessage: RecordPort['onmessage'] = null;
	readonly #port: NodePort;
	readonly #spec: RunSpec;
	readonly #dir: string;
	#log: LogAppender | undefined;
	/** What the disk refused; tried again before anything else is written. */
	#refused: BatchMessage[] = [];

	constructor(port: NodePort, spec: RunSpec, dir: string) {
		this.#port = port;
		this.#spec = spec;
		this.#dir = dir;
		port.on('message', (data: unknown) => this.#tell(data as Partial<WriterReport>));
		port.unref();
	}

	postMessage(message: BatchMessage): void {
		noteActivity(nodeClock.monotonicMs());
		if (this.#spec.store === 'memory') {
			this.#port.postMessage(message);
			return;
		}
		this.#refused.push(message);
		try {
			for (let next = this.#refused[0]; next; next = this.#refused[0]) {
				this.#append(next);
				this.#refused.shift();
				const { stream, batch } = next;
				const stored = batch.n0 + batch.count;
				this.#tell({ stored: { [stream]: stored } });
				this.#port.postMessage({ stream, stored } satisfies StoredNote);
			}
		} catch (error) {
			const message = `The records of this run cannot be written (${error instanceof Error ? error.message : String(error)}); they wait in memory, and are tried again with the next ones.`;
			this.#tell({ trouble: { code: 'store-failed', message } satisfies Trouble });
		}
	}

	close(): void {
		this.#log?.close();
		this.#log = undefined;
		this.#port.close();
	}

	#append({ stream, batch }: BatchMessage): void {
		this.#log ??= openLog(this.#spec, this.#dir);
		const chunk = { n0: batch.n0, count: batch.count, bytes: encodeChunk(batch as Batch) };
		this.#log.append(stream, chunk, stream === 'history' ? nextOf(batch as Batch) : undefined);
	}

	#tell(report: Partial<WriterReport>): void {
		this.onmessage?.({ data: report as never });
	}
}

/** The log of a writer, and the run that it belongs to, so that whoever finds the one knows the other. */
function openLog(spec: RunSpec, dir: string): LogAppender {
	const path = join(dir, fileName(spec.run), 'run.json');
	const log = new LogAppender(dir, spec.run, spec.writer, { startedMs: spec.startedMs });
	if (!existsSync(path)) replaceFile(fileSystem, path, Buffer.from(writeLine(newRun(spec, spec.run, nodeClock) as unknown as LineValue)), false);
	return log;
}
