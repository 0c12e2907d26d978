import { type LineObject, type LineValue, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { eachLeaf, isInternalKey, RUNTIME, STEP, TIMESTAMP } from '../../../src/core/keys.ts';
import { isLater } from '../../../src/core/place.ts';
import { HISTORY_FILE } from '../../../src/core/protocol.ts';
import { addValue, type MetricFold, replaceValue } from '../../../src/core/summary.ts';
import type { IndexTables } from './index-tables.ts';
import { mediaType, namedFiles } from './media-files.ts';
import type { Tail } from './segments.ts';
import { LateValues, type PlacedValue, type PlaceOf } from './series-values.ts';

export interface WriterEntry {
	readonly id: number;
	/** `''` for official clients. */
	readonly name: string;
	readonly startedMs: number;
	stored: number;
	heardMs: number;
	readonly cursors: Map<string, { next: number; hash: string }>;
	/** Of its stamps. */
	tail: Tail | undefined;
}

interface SeriesEntry {
	readonly id: number;
	readonly key: string;
	fold: MetricFold | undefined;
	hasNumbers: boolean;
	hasObjects: boolean;
	type: string | undefined;
	readonly tails: Map<number, Tail>;
	/** Numbers that are not written yet, column by column. */
	steps: number[];
	ns: number[];
	values: number[];
	late: LateValues | undefined;
	isTouched: boolean;
	/** A value that was the smallest or the largest is hidden now: only all values can say which is now. */
	mustRefold: boolean;
}

/**
 * What the server keeps in memory of one generation of a run, so that a value costs no question to the database: its writers and their cursors, the
 * greatest step, and the fold of each series, whose first and last step tell whether a step can have a value already. `add` gathers lines,
 * `flush` writes what they come to, in the transaction that holds the lines. After a transaction that failed the whole object must be dropped.
 */
export class RunIndex {
	readonly counts: { records: number; lastStep: number; hidden: number };
	readonly writers = new Map<string, WriterEntry>();
	readonly #byId = new Map<number, WriterEntry>();
	readonly #series = new Map<string, SeriesEntry>();
	readonly #tables: IndexTables;
	readonly #run: number;
	readonly #gen: number;

	/** Stamps that are not written yet: n, step, time, runtime. */
	#stamps: [number[], number[], number[], number[]] = [[], [], [], []];
	readonly #touched: SeriesEntry[] = [];
	/** The line at hand, for `#visit`. */
	#at!: { writer: WriterEntry; n: number; step: number; timeMs: number; named: Set<string> };

	constructor(tables: IndexTables, run: number, gen: number) {
		this.#tables = tables;
		this.#run = run;
		this.#gen = gen;
		const counts = tables.counts.get(run, gen) as { records: number; last_step: number; hidden: number } | undefined;
		this.counts = { records: counts?.records ?? 0, lastStep: counts?.last_step ?? -1, hidden: counts?.hidden ?? 0 };
		for (const row of tables.writers.all(run, gen) as { id: number; name: string; started_ms: number; stored: number; heard_ms: number }[]) {
			this.#keepWriter(row.id, row.name, row.started_ms, row.stored, row.heard_ms);
		}
	}

	/** How many series it holds: the measure of its size. */
	get size(): number {
		return this.#series.size;
	}

	readonly placeOf: PlaceOf = (writer, n) => {
		const { startedMs, name } = this.#byId.get(writer) as WriterEntry;
		return { startedMs, writer: name, n };
	};

	/** The writer of that name, made when it is new. When it started is what it told first. */
	writer(name: string, startedMs: number): WriterEntry {
		const known = this.writers.get(name);
		if (known) return known;
		const { lastInsertRowid } = this.#tables.addWriter.run(this.#run, this.#gen, name, startedMs);
		return this.#keepWriter(Number(lastInsertRowid), name, startedMs, 0, 0);
	}

	/** Takes in a history line; paths of files that it names are added to `named`. */
	add(writer: WriterEntry, n: number, line: LineObject, named: Set<string>): void {
		const { counts } = this;
		const given = line[STEP];
		// A writer that is not alone in its run may leave the step to the server, as W&B's shared mode does.
		const step = typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 ? given + 0 : counts.lastStep + 1;
		if (step > counts.lastStep) counts.lastStep = step;
		counts.records++;
		const timeMs = typeof line[TIMESTAMP] === 'number' ? 1000 * line[TIMESTAMP] : 0;
		const [ns, steps, times, runtimes] = this.#stamps;
		ns.push(n);
		steps.push(step);
		times.push(timeMs);
		runtimes.push(typeof line[RUNTIME] === 'number' ? line[RUNTIME] : 0);
		this.#at = { writer, n, step, timeMs, named };
		eachLeaf(line, this.#visit);
	}

	/** Writes what `add` has gathered from one writer. */
	flush(writer: WriterEntry): void {
		const { stamps, values, saveSeries, saveCounts } = this.#tables;
		if (this.#stamps[0].length === 0) return;
		writer.tail ??= stamps.tail(writer.id, writer.id);
		stamps.append(writer.id, writer.id, writer.tail, this.#stamps);
		this.#stamps = [[], [], [], []];
		for (const series of this.#touched) {
			if (series.steps.length > 0) {
				const tail = series.tails.get(writer.id) ?? values.points.tail(series.id, writer.id);
				series.tails.set(writer.id, tail);
				values.points.append(series.id, writer.id, tail, [series.steps, series.ns, series.values]);
			}
			if (series.mustRefold) this.#refold(series);
			saveSeries.run(
				writeLine(series.fold as unknown as LineObject),
				series.hasNumbers ? 1 : 0,
				series.hasObjects ? 1 : 0,
				series.type ?? null,
				series.id,
			);
			Object.assign(series, { steps: [], ns: [], values: [], late: undefined, isTouched: false, mustRefold: false });
		}
		this.#touched.length = 0;
		saveCounts.run(this.#run, this.#gen, this.counts.records, this.counts.lastStep, this.counts.hidden);
	}

	readonly #visit = (key: string, value: LineValue): void => {
		if (isInternalKey(key)) return;
		const { writer, n, step } = this.#at;
		const series = this.#series.get(key) ?? this.#loadSeries(key);
		if (!series.isTouched) {
			series.isTouched = true;
			this.#touched.push(series);
		}
		const { fold } = series;
		const isFirstHere = fold === undefined || step > fold.lastStep || step < fold.firstStep;
		const isNumber = typeof value === 'number' || typeof value === 'bigint';
		// Asked before the new one is put in its place.
		const there = isFirstHere ? undefined : (series.late ?? this.#lateValues(series)).at(step);
		if (!isNumber) this.#putObject(series, value, isFirstHere);
		if (isFirstHere) {
			series.fold = addValue(fold, step, value);
			series.late?.put(step, { writer: writer.id, n, value });
		} else this.#addLate(series, fold, value, there);
		if (isNumber) {
			series.hasNumbers = true;
			series.steps.push(step);
			series.ns.push(n);
			series.values.push(Number(value));
		}
	};

	/** A value between the first and the last step of its series, where another may stand. */
	#addLate(series: SeriesEntry, fold: MetricFold, value: LineValue, there: PlacedValue | undefined): void {
		const { writer, n, step } = this.#at;
		if (there) this.counts.hidden++;
		if (there && !isLater(this.placeOf(writer.id, n), this.placeOf(there.writer, there.n))) return;
		// The same number again, as when two writers log a constant, would else fold the whole series anew.
		const isSame = there !== undefined && Object.is(there.value, value);
		const next = isSame ? fold : there ? replaceValue(fold, step, there.value, value) : addValue(fold, step, value);
		if (next) series.fold = next;
		else series.mustRefold = true;
		series.late?.put(step, { writer: writer.id, n, value });
	}

	#lateValues(series: SeriesEntry): LateValues {
		const late = new LateValues(this.#tables.values, series, this.placeOf);
		const writer = this.#at.writer.id;
		// Until now each of these came to a step of its own.
		for (const [i, step] of series.steps.entries()) late.put(step, { writer, n: series.ns[i] as number, value: series.values[i] as number });
		series.late = late;
		return late;
	}

	#putObject(series: SeriesEntry, value: LineValue, isFirstHere: boolean): void {
		const { writer, n, step, timeMs, named } = this.#at;
		const { values } = this.#tables;
		const there = isFirstHere ? undefined : values.object(series.id, step);
		series.hasObjects = true;
		series.type ??= mediaType(value);
		for (const path of namedFiles(value)) named.add(path);
		if (there && !isLater(this.placeOf(writer.id, n), this.placeOf(there.writer, there.n))) return;
		values.putObject(series.id, { step, writer: writer.id, n, time_ms: timeMs, json: writeLine(value) });
	}

	#refold(series: SeriesEntry): void {
		const all = this.#tables.values.all(series, this.placeOf);
		let fold: MetricFold | undefined;
		for (const { step, value } of all) fold = addValue(fold, step, value);
		const [first, last] = [all[0], all.at(-1)];
		if (fold && first && last) Object.assign(fold, { first: this.#exact(series, first), last: this.#exact(series, last) });
		series.fold = fold;
	}

	/** A point is a double; the line has the integer that may be too large for one. */
	#exact({ key }: SeriesEntry, { writer, n, value }: { writer: number; n: number; value: LineValue }): LineValue {
		if (typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
		const { text } = this.#tables.line.get(writer, HISTORY_FILE, n) as { text: string };
		let exact: LineValue = value;
		eachLeaf(parseLine(text) as LineObject, (name, leaf) => {
			if (name === key) exact = leaf;
		});
		return exact;
	}

	#loadSeries(key: string): SeriesEntry {
		const row = this.#tables.series.get(this.#run, this.#gen, key) as
			| { id: number; fold: string | null; has_numbers: number; has_objects: number; type: string | null }
			| undefined;
		const series: SeriesEntry = {
			id: row?.id ?? Number(this.#tables.addSeries.run(this.#run, this.#gen, key).lastInsertRowid),
			key,
			fold: row?.fold ? (parseLine(row.fold) as unknown as MetricFold) : undefined,
			hasNumbers: row?.has_numbers === 1,
			hasObjects: row?.has_objects === 1,
			type: row?.type ?? undefined,
			tails: new Map(),
			steps: [],
			ns: [],
			values: [],
			late: undefined,
			isTouched: false,
			mustRefold: false,
		};
		this.#series.set(key, series);
		return series;
	}

	#keepWriter(id: number, name: string, startedMs: number, stored: number, heardMs: number): WriterEntry {
		const rows = this.#tables.cursors.all(id) as { file: string; next: number; hash: string }[];
		const cursors = new Map(rows.map(({ file, next, hash }) => [file, { next, hash }]));
		const entry: WriterEntry = { id, name, startedMs, stored, heardMs, cursors, tail: undefined };
		this.writers.set(name, entry);
		this.#byId.set(id, entry);
		return entry;
	}
}
