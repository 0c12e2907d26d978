import type { AppendResult, HistoryStore, HistoryWrite, RunKey, StoredLine, StoredRow } from '../../../server/src/store/history-store.ts';
import { type LineObject, type LineValue, parseLine } from '../../../src/core/json-line.ts';
import { eachLeaf } from '../../../src/core/keys.ts';
import { EMPTY_HASH, hashLines } from '../../../src/core/line-hash.ts';
import type { MetricInfo } from '../../../src/core/query.ts';

const HISTORY = 'wandb-history.jsonl';
const META = 'tidelog-meta.jsonl';
const CONSOLE = 'output.log';

interface Writer {
	name: string;
	startedMs: number;
	heardMs: number;
	stored: number;
	/** Lines by number, with holes where none has come; `next` may lie behind the last. */
	files: Map<string, { lines: (string | undefined)[]; next: number }>;
	/** Steps of history lines, by number. */
	steps: number[];
}

interface Line {
	writer: Writer;
	n: number;
	step: number;
	row: LineObject;
}

interface Value {
	line: Line;
	value: LineValue;
}

type Asked = Parameters<HistoryStore['buckets']>[1];
type Bucketed = ReturnType<HistoryStore['buckets']> extends Iterable<infer Item> ? Item : never;

/**
 * The history of runs in plain arrays, worked out anew from all lines at each question: what the contract of HistoryStore says, without any of the means
 * by which a store is made fast. It shares no code with the server's store, only the language of lines.
 */
export class MemoryHistoryStore implements Omit<HistoryStore, 'chart'> {
	readonly #writers = new Map<string, Writer[]>();
	/** History lines in order of arrival. */
	readonly #arrived = new Map<string, Line[]>();

	append(run: RunKey, { writer: name, startedMs, nowMs, upTo, files }: HistoryWrite): AppendResult {
		for (const file of files) {
			if (file.name !== HISTORY && (file.name !== META || upTo === undefined)) continue;
			for (const text of file.lines) if (typeof parse(text) !== 'object') throw new Error(`not JSON: ${text}`);
		}
		const all = this.#all(run);
		let writer = all.find((known) => known.name === name);
		if (!writer) {
			writer = { name, startedMs, heardMs: 0, stored: 0, files: new Map(), steps: [] };
			all.push(writer);
		}
		const result: AppendResult = { next: { [HISTORY]: 0 }, hash: { [HISTORY]: EMPTY_HASH }, conflicts: 0, namedFiles: new Set(), metaLines: [] };
		for (const { name: file, offset, lines } of files) {
			const known = writer.files.get(file) ?? { lines: [], next: 0 };
			if (upTo !== undefined && offset > known.next) continue;
			const isRewritten = upTo === undefined && file === CONSOLE && offset < known.next;
			for (const [i, text] of lines.entries()) {
				const n = offset + i;
				const there = known.lines[n];
				if (there !== undefined && there !== text && !isRewritten) result.conflicts++;
				if (there !== undefined && !isRewritten) continue;
				known.lines[n] = text;
				if (file === HISTORY) this.#take(run, writer, n, text, result);
				if (file === META && upTo !== undefined)
					result.metaLines.push({ place: { startedMs: writer.startedMs, writer: name, n }, line: parse(text) });
			}
			known.next = Math.max(known.next, offset + lines.length);
			writer.files.set(file, known);
		}
		writer.stored = Math.max(writer.stored, upTo ?? 0);
		writer.heardMs = Math.max(writer.heardMs, nowMs);
		for (const [file, { lines, next }] of writer.files) {
			result.next[file] = next;
			if (upTo !== undefined) result.hash[file] = hashLines(EMPTY_HASH, lines as string[]);
		}
		return result;
	}

	*buckets(runs: readonly RunKey[], { keys, x = 'step', range = [-Infinity, Infinity], buckets = 1_000 }: Asked): Iterable<Bucketed> {
		const most = Math.min(10_000, Math.max(10, buckets));
		for (const run of runs) {
			for (const key of keys) {
				const points = this.#shown(run, key)
					.filter(({ value }) => isNumber(value))
					.map(({ line, value }) => ({ x: xOf(x, line, run), value: Number(value) }))
					.filter((point) => point.x >= range[0] && point.x <= range[1])
					.sort((a, b) => a.x - b.x);
				if (points.length > 0) yield { runId: run.name, key, ...(x === 'step' ? overSteps(points, most) : overX(points, most)) } as Bucketed;
			}
		}
	}

	metrics(runs: readonly RunKey[]): MetricInfo[] {
		const metrics = new Map<string, MetricInfo>();
		for (const run of runs) {
			for (const key of this.#keys(run)) {
				const values = this.#values(run, key).map(({ value }) => value);
				const media = values.map(mediaType).find((type) => type !== undefined);
				const kind = values.some(isNumber) ? 'number' : media ? 'media' : 'other';
				const known = metrics.get(key);
				if (!known) metrics.set(key, { key, kind, runs: 1, ...(kind === 'media' && media ? { type: media } : {}) });
				else {
					known.runs++;
					if (kind === 'number') known.kind = 'number';
				}
			}
		}
		return [...metrics.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
	}

	media(run: RunKey, key: string): ReturnType<HistoryStore['media']> {
		return this.#shown(run, key)
			.filter(({ value }) => mediaType(value) !== undefined)
			.map(({ line, value }) => ({ step: line.step, timeMs: timeOf(line), value }));
	}

	folds(run: RunKey): ReturnType<HistoryStore['folds']> {
		return this.#keys(run).map((key) => {
			const shown = this.#shown(run, key);
			const numbers = shown.filter(({ value }) => isNumber(value)).map(({ value }) => Number(value));
			const finite = numbers.filter(Number.isFinite);
			const [first, last] = [shown[0] as Value, shown.at(-1) as Value];
			return [
				key,
				{
					firstStep: first.line.step,
					first: first.value,
					lastStep: last.line.step,
					last: last.value,
					sum: finite.reduce((sum, value) => sum + value, 0),
					finite: finite.length,
					nonFinite: numbers.length - finite.length,
					...(finite.length > 0 ? { min: Math.min(...finite), max: Math.max(...finite) } : {}),
				},
			];
		});
	}

	counts(run: RunKey): ReturnType<HistoryStore['counts']> {
		const lines = this.#arrivedIn(run);
		let hidden = 0;
		for (const key of this.#keys(run)) hidden += this.#values(run, key).length - this.#shown(run, key).length;
		return {
			records: lines.length,
			lastStep: lines.reduce((last, { step }) => Math.max(last, step), -1),
			hidden,
			stored: this.#all(run).reduce((sum, { stored, files }) => sum + Math.max(stored, files.get(HISTORY)?.next ?? 0), 0),
		};
	}

	writers(run: RunKey): ReturnType<HistoryStore['writers']> {
		return this.#sorted(run).map(({ name, startedMs, heardMs, files }) => ({
			name,
			startedMs,
			heardMs,
			hasLines: [...files.values()].some(({ next }) => next > 0),
		}));
	}

	lines(run: RunKey, file: string): StoredLine[] {
		return this.#sorted(run).flatMap(({ name, files, steps }) =>
			[...(files.get(file)?.lines ?? [])].flatMap((line, n) =>
				line === undefined ? [] : { writer: name, n, line, ...(file === HISTORY ? { step: steps[n] as number } : {}) },
			),
		);
	}

	rows(run: RunKey): StoredRow[] {
		const lines = this.lines(run, HISTORY);
		const steps = [...new Set(lines.map(({ step }) => step as number))].sort((a, b) => a - b);
		return steps.map((step) => ({ step, lines: lines.filter((line) => line.step === step).map(({ line }) => line) }));
	}

	lineCount(run: RunKey, file: string): number {
		return (
			this.#all(run)
				.find(({ name }) => name === '')
				?.files.get(file)?.next ?? 0
		);
	}

	lastRecord(run: RunKey): ReturnType<HistoryStore['lastRecord']> {
		const row = this.rows(run).at(-1);
		return row && { step: row.step, line: row.lines.at(-1) as string };
	}

	lastLines(run: RunKey, file: string): string[] {
		return this.#sorted(run).flatMap(({ files }) => files.get(file)?.lines.at(-1) ?? []);
	}

	maintain(): boolean {
		return false;
	}

	deleteRun({ id }: RunKey): void {
		for (const map of [this.#writers, this.#arrived]) for (const key of map.keys()) if (key.startsWith(`${id}.`)) map.delete(key);
	}

	#take(run: RunKey, writer: Writer, n: number, text: string, { namedFiles }: AppendResult): void {
		const row = parse(text);
		const given = row._step;
		const isGiven = typeof given === 'number' && Number.isSafeInteger(given) && given >= 0;
		const step = isGiven ? given : this.counts(run).lastStep + 1;
		writer.steps[n] = step;
		this.#arrivedIn(run).push({ writer, n, step, row });
		eachLeaf(row, (key, value) => {
			if (key.startsWith('_') || mediaType(value) === undefined) return;
			const { path, filenames } = value as { path?: unknown; filenames?: unknown[] };
			for (const name of [path, ...(filenames ?? [])]) if (typeof name === 'string') namedFiles.add(name);
		});
	}

	#all(run: RunKey): Writer[] {
		return entry(this.#writers, run);
	}

	#sorted(run: RunKey): Writer[] {
		return this.#all(run).toSorted((a, b) => a.startedMs - b.startedMs || (a.name < b.name ? -1 : 1));
	}

	#arrivedIn(run: RunKey): Line[] {
		return entry(this.#arrived, run);
	}

	#keys(run: RunKey): string[] {
		const keys = new Set<string>();
		for (const { row } of this.#arrivedIn(run)) eachLeaf(row, (key) => void (key.startsWith('_') || keys.add(key)));
		return [...keys].sort();
	}

	/** In order of arrival. */
	#values(run: RunKey, wanted: string): Value[] {
		const values: Value[] = [];
		for (const line of this.#arrivedIn(run)) eachLeaf(line.row, (key, value) => void (key === wanted && values.push({ line, value })));
		return values;
	}

	/** One a step, in order of step: of the writer that stands last, then of the largest number. */
	#shown(run: RunKey, key: string): Value[] {
		const order = this.#sorted(run);
		const shown = new Map<number, Value>();
		const byPlace = this.#values(run, key).sort((a, b) => order.indexOf(a.line.writer) - order.indexOf(b.line.writer) || a.line.n - b.line.n);
		for (const value of byPlace) shown.set(value.line.step, value);
		return [...shown.values()].sort((a, b) => a.line.step - b.line.step);
	}
}

interface Point {
	x: number;
	value: number;
}

function entry<T>(map: Map<string, T[]>, { id, gen }: RunKey): T[] {
	const key = `${id}.${gen}`;
	const known = map.get(key) ?? [];
	map.set(key, known);
	return known;
}

function parse(text: string): LineObject {
	return parseLine(text) as LineObject;
}

function isNumber(value: LineValue): value is number | bigint {
	return typeof value === 'number' || typeof value === 'bigint';
}

function mediaType(value: LineValue): string | undefined {
	const type = (value as { _type?: LineValue } | null)?._type;
	return typeof type === 'string' ? type : undefined;
}

function timeOf({ row }: Line): number {
	return typeof row._timestamp === 'number' ? row._timestamp * 1_000 : 0;
}

function xOf(x: string, line: Line, run: RunKey): number {
	if (x === 'step') return line.step;
	if (x === 'time') return timeOf(line) || run.createdMs;
	return typeof line.row._runtime === 'number' ? line.row._runtime : 0;
}

/** Buckets of a power of two of steps, the least that gives no more than `most`; one a step when the points are no more. */
function overSteps(points: readonly Point[], most: number) {
	const [first, last] = [(points[0] as Point).x, (points.at(-1) as Point).x];
	let width = 1;
	if (points.length > most) while (Math.floor(last / width) - Math.floor(first / width) >= most) width *= 2;
	const groups = Map.groupBy(points, ({ x }) => Math.floor(x / width));
	return columns([...groups.entries()].map(([bucket, inside]) => ({ points: inside, sum: halvesSum(finiteOf(inside), bucket * width, width) ?? 0 })));
}

/** The sum of an interval is that of its halves. */
function halvesSum(points: readonly Point[], start: number, width: number): number | undefined {
	if (points.length <= 1) return points[0]?.value;
	const middle = start + width / 2;
	const left = halvesSum(
		points.filter(({ x }) => x < middle),
		start,
		width / 2,
	);
	const right = halvesSum(
		points.filter(({ x }) => x >= middle),
		middle,
		width / 2,
	);
	return left === undefined ? right : right === undefined ? left : left + right;
}

/** Buckets of equal width in x; one a point when the points are no more than `most`. */
function overX(points: readonly Point[], most: number) {
	const first = (points[0] as Point).x;
	const width = ((points.at(-1) as Point).x - first) / most;
	const place = (point: Point, i: number) =>
		points.length <= most ? i : width === 0 ? 0 : Math.min(most - 1, Math.floor((point.x - first) / width));
	const groups = Map.groupBy(points, place);
	return columns([...groups.values()].map((inside) => ({ points: inside, sum: finiteOf(inside).reduce((sum, { value }) => sum + value, 0) })));
}

function columns(groups: readonly { points: readonly Point[]; sum: number }[]) {
	const of = (read: (finite: readonly Point[], sum: number) => number | undefined) =>
		Float64Array.from(groups, ({ points, sum }) => read(finiteOf(points), sum) ?? Number.NaN);
	const min = (finite: readonly Point[]) =>
		finite.reduce<Point | undefined>((least, point) => (!least || point.value < least.value ? point : least), undefined);
	const max = (finite: readonly Point[]) =>
		finite.reduce<Point | undefined>((most, point) => (!most || point.value > most.value ? point : most), undefined);
	const all = groups.flatMap(({ points }) => points);
	return {
		points: all.length,
		firstX: Float64Array.from(groups, ({ points }) => (points[0] as Point).x),
		x: Float64Array.from(groups, ({ points }) => (points.at(-1) as Point).x),
		min: of((finite) => min(finite)?.value),
		max: of((finite) => max(finite)?.value),
		mean: of((finite, sum) => sum / finite.length),
		first: of((finite) => finite[0]?.value),
		last: of((finite) => finite.at(-1)?.value),
		argMin: of((finite) => min(finite)?.x),
		argMax: of((finite) => max(finite)?.x),
		count: Uint32Array.from(groups, ({ points }) => points.length),
		nonFinite: Uint32Array.from(groups, ({ points }) => points.length - finiteOf(points).length),
		nonFiniteAt: all.filter(({ value }) => !Number.isFinite(value)).slice(0, 100),
	};
}

function finiteOf(points: readonly Point[]): Point[] {
	return points.filter(({ value }) => Number.isFinite(value));
}
