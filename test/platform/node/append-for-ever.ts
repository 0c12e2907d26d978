import { encodeChunk } from '../../../src/core/chunk.ts';
import { BatchPacker } from '../../../src/core/packer.ts';
import { LogAppender } from '../../../src/platform/node/log-appender.ts';

/** A program that logs until it is killed, and says after each append how many records are in the log. */
const [dir = '', run = '', writer = ''] = process.argv.slice(2);
const log = new LogAppender(dir, run, writer);
const packer = new BatchPacker<number>(0);

function append(): void {
	for (let i = 0; i < 20; i++) {
		const count = 1 + ((i * 7) % 11);
		const start = stored;
		for (; stored < start + count; stored++) packer.add([{ key: 'loss', value: stored }], stored, 0, 0, stored);
		const batch = packer.take();
		log.append('history', { n0: batch.n0, count: batch.count, bytes: encodeChunk(batch) });
		process.send?.(stored);
	}
	setImmediate(append);
}

let stored = 0;
append();
