import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import type { RunRow } from '../server/src/store/meta-store.ts';
import { Tracker } from '../server/src/tracker.ts';
import { HISTORY_FILE } from '../src/core/protocol.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';

const POINTS = 10_000_000;
const BUCKETS = 1_000;
const LINES = 10_000;
const ROUNDS = 21;
const BASELINE_ROUNDS = 7;

export const chart10m: Bench = {
	name: 'chart-10m',
	unit: 'ms',
	about: 'one metric of 10 million points to at most 1,000 buckets, from the store on disk, in its process, without HTTP',
	async measure() {
		const folder = mkdtempSync(join(tmpdir(), 'tidelog-bench-chart-'));
		let tracker = new Tracker(folder, Date.now);
		const plain = new DatabaseSync(join(folder, 'plain.db'));
		try {
			fill(tracker, tracker.upsertRun({ project: 'bench', name: 'r' }).run);
			fillPlain(plain);
			tracker.close();
			const startedMs = performance.now();
			tracker = new Tracker(folder, Date.now);
			const startMs = performance.now() - startedMs;
			const run = tracker.runNamed('local', 'bench', 'r');
			const ours: number[] = [];
			const baseline: number[] = [];
			for (let i = 0; i < ROUNDS; i++) {
				ours.push(chart(tracker, run));
				if (i < BASELINE_ROUNDS) baseline.push(chartPlain(plain));
			}
			const median = medianOf(ours);
			return {
				median,
				p99: quantile(ours, 0.99),
				samples: ours.length,
				samplesAre: `${ROUNDS} charts, the first one after a start; ${BASELINE_ROUNDS} of the baseline in turn with them`,
				baseline: { what: 'the same from plain SQLite rows', median: medianOf(baseline), spread: spreadOf(baseline) },
				parts: { 'the first, ms': ours[0] as number, 'start of the server, ms': startMs },
				limits: [{ what: 'median ms', limit: 20, value: median, is: 'at most' }],
			};
		} finally {
			tracker.close();
			plain.close();
			rmSync(folder, { recursive: true, force: true });
		}
	},
};

const valueAt = (step: number) => Math.sin(step / 1e5) + (step % 1_013) / 1_013;

function fill(tracker: Tracker, run: RunRow): void {
	for (let first = 0; first < POINTS; first += LINES) {
		const content = Array.from({ length: LINES }, (_, i) => `{"a":${valueAt(first + i)},"_step":${first + i}}`);
		tracker.stream(run, {
			tidelog: { v: 1, writer: 'a000000000000001', startedMs: 1, upTo: first + LINES, gen: 0 },
			files: { [HISTORY_FILE]: { offset: first, content } },
		});
		while (tracker.maintain());
	}
}

function fillPlain(sql: DatabaseSync): void {
	sql.exec(
		'PRAGMA journal_mode = WAL; CREATE TABLE points (series INTEGER, step INTEGER, value REAL, PRIMARY KEY (series, step)) WITHOUT ROWID; BEGIN',
	);
	const insert = sql.prepare('INSERT INTO points VALUES (1, CAST(? AS INTEGER), ?)');
	for (let step = 0; step < POINTS; step++) insert.run(step, valueAt(step));
	sql.exec('COMMIT');
}

function chart(tracker: Tracker, run: RunRow): number {
	const start = performance.now();
	const [series] = [...tracker.history.buckets([run], { keys: ['a'], buckets: BUCKETS })];
	const ms = performance.now() - start;
	const points = series?.count.reduce((sum, n) => sum + n, 0);
	if (points !== POINTS || (series?.x.length ?? 0) > BUCKETS) throw new Error(`the chart has ${points} points in ${series?.x.length} buckets`);
	if (series?.last.at(-1) !== valueAt(POINTS - 1)) throw new Error(`the last value is ${series?.last.at(-1)}`);
	return ms;
}

function chartPlain(sql: DatabaseSync): number {
	const start = performance.now();
	const rows = sql
		.prepare(
			`SELECT MAX(step) AS x, MIN(value) AS min, MAX(value) AS max, SUM(value) AS sum, COUNT(*) AS n FROM points
			WHERE series = 1 GROUP BY step / ${POINTS / BUCKETS}`,
		)
		.all() as { n: number }[];
	const ms = performance.now() - start;
	if (rows.length !== BUCKETS || rows.reduce((sum, { n }) => sum + n, 0) !== POINTS) throw new Error(`the baseline has ${rows.length} buckets`);
	return ms;
}
