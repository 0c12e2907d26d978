import { type LineValue, parseLine } from '../../../src/core/json-line.ts';
import type { MediaPoint, MetricInfo, Series } from '../../../src/core/query.ts';
import type { MetricFold } from '../../../src/core/summary.ts';
import { type Buckets, evenBuckets } from './buckets.ts';
import type { BucketsRequest, RunKey } from './history-store.ts';
import type { IndexTables } from './index-tables.ts';
import { mediaType } from './media-files.ts';
import { kindOf, lowerBound, OBJECT, writerOf } from './points.ts';
import type { RunIndex } from './run-index.ts';
import type { SeriesView } from './series-view.ts';
import type { Stamps } from './stamps.ts';

/** What is asked about the values of runs. */
export class HistoryReader {
	readonly #tables: IndexTables;
	readonly #indexOf: (run: RunKey) => RunIndex;

	constructor(tables: IndexTables, indexOf: (run: RunKey) => RunIndex) {
		this.#tables = tables;
		this.#indexOf = indexOf;
	}

	*buckets(runs: readonly RunKey[], { keys, x = 'step', range, buckets = 1000 }: BucketsRequest): Iterable<Series> {
		const most = Math.max(10, Math.min(10_000, buckets));
		const [low, high] = range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
		for (const run of runs) {
			let xOf: XOf | undefined;
			for (const key of keys) {
				const view = this.#indexOf(run).view(key);
				if (!view) continue;
				let found: Buckets | undefined;
				if (x === 'step') found = view.buckets([Math.max(0, low), Math.min(Number.MAX_SAFE_INTEGER, high)], most);
				else {
					xOf ??= this.#xOf(run, x);
					found = bucketsOver(xOf, view, low, high, most);
				}
				if (found) yield { runId: run.name, key, ...found };
			}
		}
	}

	metrics(runs: readonly RunKey[]): MetricInfo[] {
		const metrics = new Map<string, MetricInfo>();
		for (const run of runs) {
			for (const { key, hasNumbers, type } of this.#series(run)) {
				const kind = hasNumbers ? 'number' : type === undefined ? 'other' : 'media';
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
		const index = this.#indexOf(run);
		const series = index.find(key);
		if (!series?.hasObjects) return [];
		const objects = this.#tables.objects.all(series.id) as { step: number; writer: number; n: number; time_ms: number; json: string }[];
		const shown = index.view(key)?.at(objects.map(({ step }) => step)) ?? [];
		return objects.flatMap((object, i) => {
			const at = shown[i];
			if (!at || kindOf(at.points.tags[at.i] as number) !== OBJECT) return [];
			const value = parseLine(object.json) as LineValue;
			return mediaType(value) === undefined ? [] : [{ step: object.step, timeMs: object.time_ms, value }];
		});
	}

	folds(run: RunKey): [string, MetricFold][] {
		return this.#series(run).flatMap(({ key, fold }) => (fold === undefined ? [] : [[key, fold]]));
	}

	/** By key. What has come since the run was sealed is in memory. */
	#series(run: RunKey): { key: string; fold: MetricFold | undefined; hasNumbers: boolean; type: string | undefined }[] {
		const index = this.#indexOf(run);
		index.settleAll();
		const rows = this.#tables.allSeries.all(run.id, run.gen) as { key: string; fold: string | null; has_numbers: number; type: string | null }[];
		return rows.map(({ key, fold, has_numbers, type }) => {
			const known = index.series.get(key);
			if (known) return known;
			return {
				key,
				fold: fold === null ? undefined : (parseLine(fold) as unknown as MetricFold),
				hasNumbers: has_numbers === 1,
				type: type ?? undefined,
			};
		});
	}

	#xOf(run: RunKey, x: string): XOf {
		if (x !== 'runtime' && x !== 'time') return valuesByStep(this.#indexOf(run).view(x));
		const known = new Map<number, Stamps>();
		const stampsOf = (writer: number) => {
			const stamps = known.get(writer) ?? this.#indexOf(run).stampsOf(writer);
			known.set(writer, stamps);
			return stamps;
		};
		if (x === 'runtime') return (_, writer, n) => stampsOf(writer).runtimeAt(n);
		return (_, writer, n) => stampsOf(writer).timeAt(n) || run.createdMs;
	}
}

/** Where the point on a step, of line n of a writer, lies on the axis; NaN when it has no place there. */
type XOf = (step: number, writer: number, n: number) => number;

/** The value of a metric on the steps that are asked for, which nearly always ascend. */
function valuesByStep(view: SeriesView | undefined): XOf {
	if (!view) return () => Number.NaN;
	const { steps, tags, values } = view.points();
	let at = 0;
	return (step) => {
		if (steps[at] !== step) at = steps[at + 1] === step ? at + 1 : lowerBound(steps, step);
		if (steps[at] !== step || kindOf(tags[at] as number) === OBJECT) return Number.NaN;
		const value = values[at] as number;
		return Number.isFinite(value) ? value : Number.NaN;
	};
}

function bucketsOver(xOf: XOf, view: SeriesView, low: number, high: number, most: number): Buckets | undefined {
	const { steps, ns, tags, values } = view.points();
	const found: { x: number; value: number }[] = [];
	for (let i = 0; i < ns.length; i++) {
		const tag = tags[i] as number;
		if (kindOf(tag) === OBJECT) continue;
		const x = xOf(steps[i] as number, writerOf(tag), ns[i] as number);
		if (x >= low && x <= high) found.push({ x, value: values[i] as number });
	}
	if (found.length === 0) return undefined;
	found.sort((a, b) => a.x - b.x);
	return evenBuckets(
		found.map(({ x }) => x),
		found.map(({ value }) => value),
		most,
	);
}
