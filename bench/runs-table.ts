import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokens } from '../server/src/access/tokens.ts';
import { createApp } from '../server/src/app.ts';
import { SqliteTokenStore } from '../server/src/store/sqlite-token-store.ts';
import { Tracker } from '../server/src/tracker.ts';
import type { RunsPage, RunsQuery } from '../src/core/runs-query.ts';
import { type Bench, medianOf, quantile, spreadOf } from './bench.ts';

const RUNS = 10_000;
const KEYS = 20;
const ROUNDS = 41;
const PAGE = 50;
const HOST = '127.0.0.1:1';
const QUERY: RunsQuery = {
	filter: {
		and: [
			{ key: 'config.text0', op: '=', value: 'm2' },
			{ key: 'config.number1', op: '<', value: 0.5 },
		],
	},
	sort: [{ key: 'summary.s3', isDescending: true }],
	limit: PAGE,
};
/** The same question to a table with a column for each key, which nobody could have made before the keys were known. */
const FLAT = 'SELECT name FROM flat WHERE text0 = ? AND number1 < ? ORDER BY s3 DESC LIMIT ?';

export const runsTable: Bench = {
	name: 'runs-table',
	unit: 'ms',
	about: `first page of ${RUNS} runs of ${2 * KEYS} keys, filtered on 2 keys and sorted on a third, from the request to its JSON answer`,
	async measure() {
		const folder = mkdtempSync(join(tmpdir(), 'tidelog-bench-'));
		const tracker = new Tracker(folder, Date.now);
		const tokenStore = new SqliteTokenStore(folder);
		try {
			const tokens = new Tokens(tokenStore, Date.now);
			const app = createApp(tracker, {
				tokens,
				hosts: () => new Set([HOST]),
				origins: new Set(),
				dashboardDir: folder,
				closing: new AbortController().signal,
			});
			fill(tracker);
			const body = JSON.stringify(QUERY);
			const ask = async () => {
				const headers = { host: HOST, 'content-type': 'application/json' };
				const response = await app.request(`http://${HOST}/api/projects/p/runs/query`, { method: 'POST', headers, body });
				return (await response.json()) as RunsPage;
			};
			const flat = tracker.database.sql.prepare(FLAT);
			const askFlat = () => flat.all('m2', 0.5, PAGE).map(({ name }) => String(name));
			const startMs = performance.now();
			const page = await ask();
			const firstMs = performance.now() - startMs;
			const expected = askFlat().join();
			if (page.runs.map(({ id }) => id).join() !== expected || page.runs.length !== PAGE) throw new Error('the page is not what the flat table says');
			const ours: number[] = [];
			const base: number[] = [];
			for (let round = 0; round < ROUNDS; round++) {
				const start = performance.now();
				await ask();
				const middle = performance.now();
				askFlat();
				ours.push(middle - start);
				base.push(performance.now() - middle);
			}
			const median = medianOf(ours);
			return {
				median,
				p99: quantile(ours, 0.99),
				samples: ROUNDS,
				samplesAre: `${ROUNDS} requests in turn with the baseline; the first does not count`,
				baseline: { what: 'one SQL query over a flat table', median: medianOf(base), spread: spreadOf(base) },
				parts: { 'first query, values written': firstMs },
				limits: [{ what: 'median ms', limit: 10, value: median, is: 'at most' }],
			};
		} finally {
			tokenStore.close();
			tracker.close();
			rmSync(folder, { recursive: true, force: true });
		}
	},
};

/** Runs as an official client sends them, and the flat table beside. */
function fill({ database, meta }: Tracker): void {
	const spread = (value: number, below: number) => ((value * 2_654_435_761) % 4_294_967_296) % below;
	const numbers = Array.from({ length: KEYS }, (_, key) => key);
	database.transaction(() => {
		database.sql.exec('CREATE TEMP TABLE flat (name TEXT, text0 TEXT, number1 REAL, s3 REAL)');
		const add = database.sql.prepare('INSERT INTO flat VALUES (?, ?, ?, ?)');
		for (let run = 0; run < RUNS; run++) {
			const config = Object.fromEntries(
				numbers.map((key) =>
					key % 3 === 0 ? [`text${key}`, { value: `m${spread(run + key, 5)}` }] : [`number${key}`, { value: spread(7 * run + key, 1_000) / 1_000 }],
				),
			);
			const summary = Object.fromEntries(numbers.map((key) => [`s${key}`, spread(3 * run + key, 1_000_003) + run / RUNS]));
			const name = `run-${run}`;
			meta.upsertRun({ project: 'p', name, config: JSON.stringify(config), summary: JSON.stringify(summary) }, run);
			add.run(name, config.text0?.value as string, config.number1?.value as number, summary.s3 as number);
		}
	});
}
