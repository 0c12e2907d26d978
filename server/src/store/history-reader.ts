import type { DatabaseSync } from 'node:sqlite';
import { type LineValue, parseLine } from '../../../src/core/json-line.ts';
import type { ChartRequest, MediaPoint, MetricInfo, Series } from '../../../src/core/query.ts';
import type { MetricFold } from '../../../src/core/summary.ts';
import { type Point, toSeries } from './buckets.ts';
import type { RunKey } from './history-store.ts';
import type { IndexTables } from './index-tables.ts';
import { mediaType } from './media-files.ts';
import type { RunIndex } from './run-index.ts';
import type { StoredSeries } from './series-values.ts';
import { Stamps } from './stamps.ts';

/** What is asked about the values of runs, answered from the index. */
export class HistoryReader {
	readonly #tables: IndexTables;
	readonly #series;
	readonly #all;
	readonly #indexOf: (run: RunKey) => RunIndex;

	constructor(sql: DatabaseSync, tables: IndexTables, indexOf: (run: RunKey) => RunIndex) {
		this.#tables = tables;
		this.#series = sql.prepare('SELECT id, has_objects FROM series WHERE run = ? AND gen = ? AND key = ?');
		this.#all = sql.prepare('SELECT key, fold, has_numbers, type FROM series WHERE run = ? AND gen = ? ORDER BY key');
		this.#indexOf = indexOf;
	}

	chart(runs: readonly RunKey[], { keys, x = 'step', range, buckets = 1000 }: ChartRequest): Series[] {
		const found: Series[] = [];
		for (const run of runs) {
			const xOf = this.#xOf(run, x);
			for (const key of keys) {
				const series = this.#find(run, key);
				if (!series) continue;
				let points = this.#points(run, series, xOf);
				if (x !== 'step') points.sort((a, b) => a.x - b.x);
				if (range) points = points.filter((point) => point.x >= range[0] && point.x <= range[1]);
				if (points.length > 0) found.push(toSeries(run.name, key, points, Math.max(10, Math.min(10_000, buckets))));
			}
		}
		return found;
	}

	metrics(runs: readonly RunKey[]): MetricInfo[] {
		const metrics = new Map<string, MetricInfo>();
		for (const run of runs) {
			for (const { key, type, ...row } of this.#rows(run)) {
				const kind = row.has_numbers ? 'number' : type === null ? 'other' : 'media';
				const known = metrics.get(key);
				if (!known) metrics.set(key, { key, kind, ...(kind === 'media' ? { type: type as string } : {}), runs: 1 });
				else {
					known.runs++;
					if (kind === 'number') known.kind = 'number';
				}
			}
		}
		return [...metrics.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
	}

	media(run: RunKey, key: string): Omit<MediaPoint, 'files'>[] {
		const series = this.#find(run, key);
		if (!series) return [];
		return this.#tables.values
			.objects(series, this.#indexOf(run).placeOf)
			.map((object) => ({ step: object.step, timeMs: object.time_ms, value: parseLine(object.json) as LineValue }))
			.filter(({ value }) => mediaType(value) !== undefined);
	}

	folds(run: RunKey): [string, MetricFold][] {
		return this.#rows(run).flatMap(({ key, fold }) => (fold === null ? [] : [[key, parseLine(fold) as unknown as MetricFold]]));
	}

	#points(run: RunKey, series: StoredSeries, xOf: (step: number, writer: number, n: number) => number): Point[] {
		const { steps, ns, values, writers } = this.#tables.values.numbers(series, this.#indexOf(run).placeOf);
		return Array.from(steps, (step, i) => {
			const value = values[i] as number;
			const kind = Number.isFinite(value) ? 0 : Number.isNaN(value) ? 1 : value > 0 ? 2 : 3;
			return { x: xOf(step, writers[i] as number, ns[i] as number), value, kind };
		});
	}

	#xOf(run: RunKey, x: 'step' | 'runtime' | 'time'): (step: number, writer: number, n: number) => number {
		if (x === 'step') return (step) => step;
		const known = new Map<number, Stamps>();
		const stampsOf = (writer: number) => {
			const stamps = known.get(writer) ?? new Stamps(this.#tables.stamps, writer);
			known.set(writer, stamps);
			return stamps;
		};
		if (x === 'runtime') return (_step, writer, n) => stampsOf(writer).runtimeAt(n);
		return (_step, writer, n) => stampsOf(writer).timeAt(n) || run.createdMs;
	}

	#find(run: RunKey, key: string): StoredSeries | undefined {
		const row = this.#series.get(run.id, run.gen, key) as { id: number; has_objects: number } | undefined;
		return row && { id: row.id, hasObjects: row.has_objects === 1 };
	}

	#rows(run: RunKey): { key: string; fold: string | null; has_numbers: number; type: string | null }[] {
		return this.#all.all(run.id, run.gen) as { key: string; fold: string | null; has_numbers: number; type: string | null }[];
	}
}
