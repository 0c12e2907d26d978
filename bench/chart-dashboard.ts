import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { FORMAT_VERSION } from '../server/src/store/schema.ts';
import { Tracker } from '../server/src/tracker.ts';
import { decodeChart } from '../src/core/chart-bytes.ts';
import { HISTORY_FILE } from '../src/core/protocol.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

const RUNS = 100;
const KEYS = Array.from({ length: 20 }, (_, k) => `m${k}`);
const STEPS = 100_000;
/** What the dashboard asks a panel for. */
const BUCKETS = 400;
const LINES = 5_000;
const ROUNDS = 7;
/** Made once a format of the data folder, in about ten minutes, and left there: 200 million values. */
const DATA = join(tmpdir(), `tidelog-bench-chart-dashboard-${FORMAT_VERSION}`);

export const chartDashboard: Bench = {
	name: 'chart-dashboard',
	unit: 'ms',
	about: `${RUNS} runs × ${KEYS.length} metrics × ${STEPS} steps to at most ${BUCKETS} buckets each, all ${RUNS * KEYS.length} series in one request over HTTP`,
	async measure() {
		if (!existsSync(DATA)) fill();
		const folder = mkdtempSync(join(tmpdir(), 'tidelog-bench-chart-'));
		const plain = new DatabaseSync(join(folder, 'plain.db'));
		const server = await startServerProcess('http://127.0.0.1', DATA);
		try {
			fillPlain(plain);
			const ours: number[] = [];
			const baseline: number[] = [];
			let bytes = 0;
			for (let i = 0; i < ROUNDS; i++) {
				const start = performance.now();
				const answer = await ask(server);
				ours.push(performance.now() - start);
				bytes = answer.byteLength;
				check(answer);
				baseline.push(RUNS * chartPlain(plain));
			}
			const median = medianOf(ours);
			return {
				median,
				p99: quantile(ours, 0.99),
				samples: ours.length,
				samplesAre: `${ROUNDS} requests, the first one after a start, in turn with the baseline`,
				baseline: {
					what: `the same by SQL from plain SQLite rows, without HTTP: 1 run × ${KEYS.length} metrics, times ${RUNS}`,
					median: medianOf(baseline),
					spread: spreadOf(baseline),
				},
				parts: { 'the first, ms': ours[0] as number, 'the answer, MB': bytes / 1e6 },
				limits: [{ what: 'median ms', limit: 1_500, value: median, is: 'at most' }],
			};
		} finally {
			await server.close();
			plain.close();
			rmSync(folder, { recursive: true, force: true });
		}
	},
};

/** A curve that falls and is noisy, told to 5 digits as people log them. */
function valueAt(run: number, key: number, step: number): number {
	const noise = ((step + 1) * (2 * key + 2_654_435_761) + run * 40_503) % 1_000;
	return Math.round(1e5 * ((key + 1) / (1 + step / (1_000 + 10 * run)) + noise / 1e4)) / 1e5;
}

function fill(): void {
	const folder = mkdtempSync(`${DATA}-`);
	const tracker = new Tracker(folder, Date.now);
	for (let r = 0; r < RUNS; r++) {
		const { run } = tracker.upsertRun({ project: 'bench', name: `r${r}` });
		for (let first = 0; first < STEPS; first += LINES) {
			const content = Array.from({ length: LINES }, (_, i) => {
				const step = first + i;
				return `{${KEYS.map((key, k) => `"${key}":${valueAt(r, k, step)}`).join()},"_step":${step}}`;
			});
			tracker.stream(run, {
				tidelog: { v: 1, writer: 'a000000000000001', startedMs: 1, upTo: first + LINES, gen: 0 },
				files: { [HISTORY_FILE]: { offset: first, content } },
			});
			while (tracker.maintain());
		}
	}
	tracker.close();
	renameSync(folder, DATA);
}

function fillPlain(sql: DatabaseSync): void {
	sql.exec(
		'PRAGMA journal_mode = WAL; CREATE TABLE points (series INTEGER, step INTEGER, value REAL, PRIMARY KEY (series, step)) WITHOUT ROWID; BEGIN',
	);
	const insert = sql.prepare('INSERT INTO points VALUES (CAST(? AS INTEGER), CAST(? AS INTEGER), ?)');
	for (let k = 0; k < KEYS.length; k++) for (let step = 0; step < STEPS; step++) insert.run(k, step, valueAt(0, k, step));
	sql.exec('COMMIT');
}

async function ask({ url }: ServerProcess): Promise<ArrayBuffer> {
	const runIds = Array.from({ length: RUNS }, (_, r) => `r${r}`);
	const response = await fetch(`${url}/api/chart`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ project: 'bench', runIds, keys: KEYS, buckets: BUCKETS }),
	});
	return response.arrayBuffer();
}

/** @throws Error when a series is missing or has not all of its points. */
function check(answer: ArrayBuffer): void {
	const series = decodeChart(answer);
	if (series.length !== RUNS * KEYS.length) throw new Error(`the chart has ${series.length} series`);
	for (const [i, { count, last, x }] of series.entries()) {
		const points = count.reduce((sum, n) => sum + n, 0);
		if (points !== STEPS || x.length > BUCKETS) throw new Error(`series ${i} has ${points} points in ${x.length} buckets`);
		const expected = valueAt(Math.floor(i / KEYS.length), i % KEYS.length, STEPS - 1);
		if (last.at(-1) !== expected) throw new Error(`series ${i} ends with ${last.at(-1)} instead of ${expected}`);
	}
}

function chartPlain(sql: DatabaseSync): number {
	const start = performance.now();
	const chart = sql.prepare(
		`SELECT MAX(step) AS x, MIN(value) AS min, MAX(value) AS max, SUM(value) AS sum, COUNT(*) AS n FROM points
		WHERE series = CAST(? AS INTEGER) GROUP BY step / ${STEPS / BUCKETS}`,
	);
	for (let k = 0; k < KEYS.length; k++) {
		const rows = chart.all(k) as { n: number }[];
		if (rows.length !== BUCKETS || rows.reduce((sum, { n }) => sum + n, 0) !== STEPS) throw new Error(`the baseline has ${rows.length} buckets`);
	}
	return performance.now() - start;
}
