import { readFileSync } from 'node:fs';
import type { Bench } from './bench.ts';
import { checkSender, ingest, newSenders } from './ingest-load.ts';
import { startServerProcess } from './server-process.ts';

const VALUES = 100_000_000;

export const serverMemory: Bench = {
	name: 'server-memory',
	unit: 'MB',
	about: 'peak resident memory of the server while 100 million values come over 4 connections into 4 runs',
	async measure() {
		const server = await startServerProcess('http://127.0.0.1:1');
		try {
			const senders = await newSenders(server);
			const valuesPerSecond = await ingest(server, senders, (values) => values >= VALUES);
			for (const sender of senders) await checkSender(server, sender);
			const peak = peakMegabytes(server.pid);
			return {
				median: peak,
				p99: peak,
				samples: 1,
				samplesAre: 'the peak of one ingest, as the system tells it (VmHWM)',
				parts: { 'values/s': valuesPerSecond },
				limits: [{ what: 'peak MB', limit: 600, value: peak, is: 'at most' }],
			};
		} finally {
			await server.close();
		}
	},
};

function peakMegabytes(pid: number): number {
	const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
	if (kibibytes === undefined) throw new Error('this system has no /proc to read the peak from');
	return (Number(kibibytes) * 1024) / 1e6;
}
