import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { HISTORY_FILE } from '../src/core/protocol.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';
import { body, checkSender, ingest, newSenders, ROWS, VALUES } from './ingest-load.ts';
import { startServerProcess } from './server-process.ts';

const SHAPE = { rounds: 7, roundMs: 3_000 };
const BASELINE_BODIES = 300;
const PLAIN_BODIES = 100;

export const serverIngest: Bench = {
	name: 'server-ingest',
	unit: 'values/s',
	about: 'rows of 10 metrics, 200 a request, over 4 connections into 4 runs, durable before the answer, sealing included',
	async measure() {
		const server = await startServerProcess('http://127.0.0.1:1');
		try {
			const senders = await newSenders(server);
			await ingest(server, senders, within(1_000));
			const ours: number[] = [];
			const parsing: number[] = [];
			const plain: number[] = [];
			for (let i = 0; i < SHAPE.rounds; i++) {
				ours.push(await ingest(server, senders, within(SHAPE.roundMs)));
				parsing.push(parsed());
				plain.push(inserted());
			}
			for (const sender of senders) await checkSender(server, sender);
			const median = medianOf(ours);
			return {
				median,
				// The slowest: for a rate, the bad end is the low one.
				p99: quantile(ours, 0.01),
				samples: ours.length,
				samplesAre: `${SHAPE.rounds} rounds of ${SHAPE.roundMs / 1000} s; a round before does not count`,
				baseline: { what: 'JSON parsing of the same bodies', median: medianOf(parsing), spread: spreadOf(parsing) },
				parts: { 'plain SQLite rows, values/s': medianOf(plain) },
				limits: [{ what: 'median values/s', limit: 1_000_000, value: median, is: 'at least' }],
			};
		} finally {
			await server.close();
		}
	},
};

function within(ms: number): () => boolean {
	const endMs = performance.now() + ms;
	return () => performance.now() >= endMs;
}

function* lines(bodies: number): Iterable<Record<string, number>[]> {
	for (let i = 0; i < bodies; i++) {
		const { files } = JSON.parse(body(i * ROWS)) as { files: Record<string, { content: string[] }> };
		yield files[HISTORY_FILE]?.content.map((line) => JSON.parse(line) as Record<string, number>) ?? [];
	}
}

function parsed(): number {
	const bodies = Array.from({ length: BASELINE_BODIES }, (_, i) => Buffer.from(body(i * ROWS)));
	const start = performance.now();
	let sum = 0;
	for (const bytes of bodies) {
		const { files } = JSON.parse(bytes.toString()) as { files: Record<string, { content: string[] }> };
		for (const line of files[HISTORY_FILE]?.content ?? []) sum += (JSON.parse(line) as { _step: number })._step;
	}
	const rows = BASELINE_BODIES * ROWS;
	if (sum !== (rows * (rows - 1)) / 2) throw new Error(`the baseline read steps that add up to ${sum}`);
	return (1000 * BASELINE_BODIES * VALUES) / (performance.now() - start);
}

/** A table with a row for each value, as durable as ours. */
function inserted(): number {
	const path = join(tmpdir(), `tidelog-bench-plain-${process.pid}.db`);
	const sql = new DatabaseSync(path);
	try {
		sql.exec(
			'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE points (key TEXT, step INTEGER, value REAL, PRIMARY KEY (key, step)) WITHOUT ROWID',
		);
		const insert = sql.prepare('INSERT INTO points VALUES (?, ?, ?)');
		const start = performance.now();
		for (const rows of lines(PLAIN_BODIES)) {
			sql.exec('BEGIN');
			for (const row of rows) for (const key in row) if (!key.startsWith('_')) insert.run(key, row._step as number, row[key] as number);
			sql.exec('COMMIT');
		}
		return (1000 * PLAIN_BODIES * VALUES) / (performance.now() - start);
	} finally {
		sql.close();
		for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
	}
}
