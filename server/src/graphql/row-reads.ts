import { type LineObject, type LineValue, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { isLeaf, STEP } from '../../../src/core/keys.ts';
import { EVENTS_FILE } from '../../../src/core/protocol.ts';
import { RequestError } from '../request-error.ts';
import { rowObject } from '../rows.ts';
import type { RunRow } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';

/** Rows of an answer where the client names no number, and the most that it gets. */
const DEFAULT_SAMPLES = 500;
const MAX_SAMPLES = 100_000;

interface Range {
	minStep?: number | null;
	maxStep?: number | null;
	samples?: number | null;
}

interface SampledSpec extends Range {
	keys?: unknown;
}

/** How W&B's public API reads rows: whole, a page of steps, or some keys of some rows. */
export function rowReads(run: RunRow, tracker: Tracker) {
	return {
		/** Whole rows as JSON text, evenly chosen. `maxStep` is not included. */
		history: ({ minStep, maxStep, samples }: Range) =>
			evenly(() => rowsBetween(run, tracker, minStep ?? 0, (maxStep ?? Number.MAX_SAFE_INTEGER) - 1), samples).map(writeLine),
		events: ({ samples }: { samples?: number | null }) => evenly(() => textsOf(tracker.history.lines(run, EVENTS_FILE)), samples),
		sampledHistory: ({ specs }: { specs: string[] }) => specs.map((text) => sampled(run, tracker, parseSpec(text))),
		parquetHistory: () => ({
			// No parquet is served: the first live step tells the client to read pages from there.
			parquetUrls: [],
			liveData: firstSteps(run, tracker).map((step) => ({ [STEP]: step })),
		}),
		historyKeys: () => historyKeys(run, tracker),
		systemMetrics: () => newestEvents(run, tracker),
	};
}

function* textsOf(lines: Iterable<{ line: string }>): Iterable<string> {
	for (const { line } of lines) yield line;
}

function* rowsBetween(run: RunRow, tracker: Tracker, minStep: number, lastStep: number): Iterable<LineObject> {
	for (const row of tracker.history.rows(run)) {
		if (row.step > lastStep) return;
		if (row.step >= minStep) yield rowObject(row);
	}
}

/** At most `samples` of the items, the first and the last among them. */
function evenly<T>(items: () => Iterable<T>, samples: number | null | undefined): T[] {
	const wanted = Math.min(samples ?? DEFAULT_SAMPLES, MAX_SAMPLES);
	if (wanted < 1) return [];
	let count = 0;
	const few: T[] = [];
	for (const item of items()) {
		count++;
		if (count <= wanted) few.push(item);
	}
	if (count <= wanted) return few;
	const chosen: T[] = [];
	let at = 0;
	for (const item of items()) {
		const next = wanted === 1 ? count - 1 : Math.round((chosen.length * (count - 1)) / (wanted - 1));
		if (at++ === next) chosen.push(item);
		if (chosen.length === wanted) break;
	}
	return chosen;
}

function parseSpec(text: string): SampledSpec {
	try {
		const spec = JSON.parse(text) as SampledSpec;
		if (Array.isArray(spec.keys) && spec.keys.every((key) => typeof key === 'string')) return spec;
	} catch {
		// Told below.
	}
	throw new RequestError(400, 'sampledHistory: each spec must be the JSON text of an object with keys (a list of text).');
}

/**
 * Rows that have all the keys. Clients page through this with a `maxStep` that Python (up to 0.27.0) means exclusively and wandb-core inclusively;
 * a page of both is `samples` steps from `minStep` on.
 */
function sampled(run: RunRow, tracker: Tracker, { keys, minStep, maxStep, samples }: SampledSpec): unknown[] {
	const names = [...new Set(keys as string[])];
	const first = minStep ?? 0;
	const isPage = typeof minStep === 'number' && typeof maxStep === 'number';
	const last = isPage ? Math.min(maxStep, first + (samples ?? DEFAULT_SAMPLES) - 1) : (maxStep ?? Number.MAX_SAFE_INTEGER);
	function* matching(): Iterable<Record<string, unknown>> {
		for (const row of rowsBetween(run, tracker, first, last)) {
			const values = names.map((name) => valueAt(row, name));
			if (values.every((value) => value !== undefined)) yield Object.fromEntries(names.map((name, n) => [name, toJson(values[n] as LineValue)]));
		}
	}
	return evenly(matching, samples);
}

/** The value of a key, or of a dotted path. */
export function valueAt(row: LineObject, key: string): LineValue | undefined {
	if (Object.hasOwn(row, key)) return row[key];
	for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) {
		const under = row[key.slice(0, dot)];
		if (under === undefined || under === null || isLeaf(under)) continue;
		const value = valueAt(under as LineObject, key.slice(dot + 1));
		if (value !== undefined) return value;
	}
	return undefined;
}

/** In JSON of a GraphQL answer there are no NaN and infinities: W&B's clients know their names as text. Large whole numbers stay numbers. */
function toJson(value: LineValue): unknown {
	if (typeof value === 'bigint') return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
	if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
	if (Array.isArray(value)) return value.map(toJson);
	if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJson(member)]));
	return value;
}

function firstSteps(run: RunRow, tracker: Tracker): number[] {
	for (const { step } of tracker.history.rows(run)) return [step];
	return [];
}

function historyKeys(run: RunRow, tracker: Tracker): object {
	const { lastStep } = tracker.history.counts(run);
	const kinds = tracker.history.metrics([run]);
	const counts = new Map(tracker.history.folds(run).map(([key, fold]) => [key, fold.finite + fold.nonFinite]));
	const keys = kinds.map(({ key, kind, type }) => [
		key,
		{
			typeCounts: [{ type: kind === 'media' ? (type ?? 'object') : kind === 'number' ? 'number' : 'string', count: counts.get(key) ?? 0 }],
			monotonic: false,
		},
	]);
	return { lastStep, keys: Object.fromEntries(keys) as object };
}

/** The last lines of system metrics, laid over each other. */
function newestEvents(run: RunRow, tracker: Tracker): string {
	const values: LineObject = Object.create(null) as LineObject;
	for (const line of tracker.history.lastLines(run, EVENTS_FILE)) {
		try {
			Object.assign(values, parseLine(line));
		} catch {
			// Events are kept as they come, readable or not.
		}
	}
	return writeLine(values);
}
