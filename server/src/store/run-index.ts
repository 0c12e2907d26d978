import { type LineObject, type LineValue, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { eachLeaf, isInternalKey, RUNTIME, STEP, TIMESTAMP } from '../../../src/core/keys.ts';
import { isLater, type RecordPlace } from '../../../src/core/place.ts';
import { HISTORY_FILE } from '../../../src/core/protocol.ts';
import { addValue, type MetricFold, replaceValue } from '../../../src/core/summary.ts';
import { parseHistoryLine } from './history-line.ts';
import type { IndexTables } from './index-tables.ts';
import { LEAF_POINTS } from './leaves.ts';
import { mediaType, namedFiles } from './media-files.ts';
import {
	above,
	kindOf,
	LARGE,
	lowerBound,
	mergePoints,
	NO_POINTS,
	NUMBER,
	OBJECT,
	type Points,
	packPoints,
	settlePoints,
	slicePoints,
	toTag,
	unpackPoints,
	writerOf,
} from './points.ts';
import { SeriesView } from './series-view.ts';
import { STAMP_COLUMNS, Stamps } from './stamps.ts';

export interface WriterEntry {
	readonly id: number;
	/** `''` for official clients. */
	readonly name: string;
	readonly startedMs: number;
	stored: number;
	heardMs: number;
	readonly cursors: Map<string, { next: number; hash: string }>;
	/** Stamps of lines that are not in the table yet. */
	stamps: number[][];
}

/** Points that are in the lines and not in the tables, in order of arrival but for the first `settled`: those are settled points. */
interface Pending {
	steps: number[];
	ns: number[];
	tags: number[];
	values: number[];
	/** How many of them fold and `hidden` know of. */
	settled: number;
}

export interface SeriesEntry {
	readonly id: number;
	readonly key: string;
	/** As `sealed` of its row. */
	sealed: number;
	fold: MetricFold | undefined;
	hasNumbers: boolean;
	hasObjects: boolean;
	type: string | undefined;
	/** Points that others lie over; `freshHidden`: those of them that its row does not count yet. */
	hidden: number;
	freshHidden: number;
	pending: Pending | undefined;
}

/** More loose points than this that lie before the last leaf's end are put into leaves at the next seal. */
const MAX_LATE = 32;
/** Late points that are gathered before they are settled: each settling reads the leaves that they fall in. */
const MAX_UNSETTLED = 4_096;
/** Series kept in memory that have nothing pending. */
const MAX_IDLE_SERIES = 20_000;

/**
 * What the server keeps in memory of one generation of a run: its writers and their cursors, the greatest step, and what has come since the run was
 * sealed last. `add` takes lines in, `seal` moves them into the tables; a run that is opened with lines that were not sealed reads them again. After a
 * transaction that failed the whole object must be dropped.
 *
 * A value whose step is the greatest of its series so far costs a few pushes. Late ones are gathered, and settled together when somebody asks.
 */
export class RunIndex {
	readonly counts: { records: number; lastStep: number };
	readonly writers = new Map<string, WriterEntry>();
	readonly series = new Map<string, SeriesEntry>();
	/** Points that are not in the tables. */
	pendingPoints = 0;
	/** Characters of the history lines taken in since the last seal began. */
	pendingCharacters = 0;
	/** Id of the latest piece of lines that was taken in. */
	lastPiece = 0;
	/** As the row of `counts` has it. */
	isOpen = false;
	/** When the first of the lines came that are not sealed, by the server's clock. */
	openSinceMs = 0;
	readonly #byId = new Map<number, WriterEntry>();
	readonly #ranks = new Map<number, number>();
	readonly #tables: IndexTables;
	readonly #run: number;
	readonly #gen: number;
	/** Series with pending points. */
	readonly #open = new Set<SeriesEntry>();
	/** Of all series; counted when it is asked for. */
	#hidden: number | undefined;
	/** The seal that is under way: series that are still to do. */
	#seal: { upTo: number; series: SeriesEntry[]; isMarked: boolean } | undefined;
	#sealed: number;
	#counted: number;

	/** The line at hand, for `#visit`. */
	#at!: { writer: WriterEntry; n: number; step: number; timeMs: number; piece: number; named: Set<string> | undefined };

	constructor(tables: IndexTables, run: number, gen: number) {
		this.#tables = tables;
		this.#run = run;
		this.#gen = gen;
		const counts = tables.counts.get(run, gen) as
			| { records: number; last_step: number; sealed: number; counted: number; is_open: number }
			| undefined;
		this.counts = { records: counts?.records ?? 0, lastStep: counts?.last_step ?? -1 };
		this.#sealed = this.lastPiece = counts?.sealed ?? 0;
		this.#counted = counts?.counted ?? 0;
		for (const row of tables.writers.all(run, gen) as { id: number; name: string; started_ms: number; stored: number; heard_ms: number }[]) {
			this.#keepWriter(row.id, row.name, row.started_ms, row.stored, row.heard_ms);
		}
		if (counts?.is_open === 1) this.#readAgain();
	}

	readonly placeOf = (writer: number, n: number): RecordPlace => {
		const { startedMs, name } = this.#byId.get(writer) as WriterEntry;
		return { startedMs, writer: name, n };
	};

	/** Of writers by when they started, then by name. */
	readonly rankOf = (writer: number): number => {
		if (this.#ranks.size === 0) for (const [rank, { id }] of this.sortedWriters().entries()) this.#ranks.set(id, rank);
		return this.#ranks.get(writer) as number;
	};

	sortedWriters(): WriterEntry[] {
		return [...this.writers.values()].sort((a, b) => (a === b ? 0 : isLater(this.placeOf(a.id, 0), this.placeOf(b.id, 0)) ? 1 : -1));
	}

	/** The writer of that name, made when it is new. When it started is what it told first. */
	writer(name: string, startedMs: number): WriterEntry {
		const known = this.writers.get(name);
		if (known) return known;
		const { lastInsertRowid } = this.#tables.addWriter.run(this.#run, this.#gen, name, startedMs);
		return this.#keepWriter(Number(lastInsertRowid), name, startedMs, 0, 0);
	}

	/** The step that a line gets: its own, or the next free one. A writer that is not alone in its run may leave it to the server, as W&B's shared mode does. */
	stepOf(line: LineObject): number {
		const given = line[STEP];
		return typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 ? given + 0 : this.counts.lastStep + 1;
	}

	/** Takes in a history line; paths of files that it names are added to `named`. */
	add(writer: WriterEntry, n: number, line: LineObject, step: number, named: Set<string>): void {
		this.#count(writer, n, line, step);
		this.#at = { writer, n, step, timeMs: timeOf(line), piece: Number.POSITIVE_INFINITY, named };
		eachLeaf(line, this.#visit);
	}

	get isSealing(): boolean {
		return this.#seal !== undefined;
	}

	/** Notes in the table that there are lines which are not sealed. */
	open(nowMs: number): void {
		if (this.isOpen) return;
		this.isOpen = true;
		this.openSinceMs = nowMs;
		this.#tables.openCounts.run(this.#run, this.#gen);
	}

	/** Values hidden by a later record of the same step. */
	hidden(): number {
		this.settleAll();
		if (this.#hidden === undefined) {
			this.#hidden = (this.#tables.hidden.get(this.#run, this.#gen) as { hidden: number }).hidden;
			for (const { freshHidden } of this.#open) this.#hidden += freshHidden;
		}
		return this.#hidden;
	}

	settleAll(): void {
		for (const series of this.#open) this.#settle(series);
	}

	/** The series of that key as it is seen, or undefined when there is none. */
	view(key: string): SeriesView | undefined {
		const series = this.find(key);
		return series && this.#view(series);
	}

	find(key: string): SeriesEntry | undefined {
		const known = this.series.get(key);
		if (known) {
			this.#settle(known);
			return known;
		}
		const row = this.#tables.series.get(this.#run, this.#gen, key) as SeriesRow | undefined;
		return row && toEntry(key, row);
	}

	stampsOf(writer: number): Stamps {
		return new Stamps(this.#tables.stamps, writer, this.#byId.get(writer)?.stamps);
	}

	/** Moves all that is pending into the tables. The caller wraps it in a transaction. */
	seal(): void {
		this.sealSome(() => false, 0);
	}

	/**
	 * Goes on with a seal for a while, or begins one: first the series that have something pending now, then the watermark, then the lines are packed.
	 * Lines may be taken in between. Returns whether there is more to do. The caller wraps it in a transaction.
	 */
	sealSome(isTimeUp: () => boolean, nowMs: number): boolean {
		if (!this.#seal) {
			this.pendingCharacters = 0;
			this.openSinceMs = nowMs;
		}
		const seal = this.#seal ?? { upTo: this.lastPiece, series: [...this.#open], isMarked: false };
		this.#seal = seal;
		while (seal.series.length > 0) {
			const series = seal.series.pop() as SeriesEntry;
			if (series.pending) this.#sealSeries(series);
			// Now and not at the end: to forget half a million at once would hold up requests.
			if (this.series.size > MAX_IDLE_SERIES) this.series.delete(series.key);
			if (isTimeUp()) return true;
		}
		if (!seal.isMarked) {
			this.#mark(seal.upTo);
			seal.isMarked = true;
			if (isTimeUp()) return true;
		}
		for (const { id } of this.writers.values()) if (this.#tables.log.packSome(id, seal.upTo, isTimeUp)) return true;
		this.#seal = undefined;
		return false;
	}

	/** All lines of pieces up to `upTo` are in the index. */
	#mark(upTo: number): void {
		for (const writer of this.writers.values()) {
			if (writer.stamps.length > 0) this.#tables.stamps.append(writer.id, writer.stamps);
			writer.stamps = [];
		}
		this.#sealed = upTo;
		this.#counted = this.lastPiece;
		this.isOpen = this.lastPiece > upTo;
		const { records, lastStep } = this.counts;
		this.#tables.saveCounts.run(this.#run, this.#gen, records, lastStep, upTo, this.lastPiece, this.isOpen ? 1 : 0);
	}

	/** Takes in the lines that came after the run was sealed. */
	#readAgain(): void {
		this.isOpen = true;
		const ids = [...this.#byId.keys()];
		for (const { id, writer, first, lines, steps } of this.#tables.log.since(ids, HISTORY_FILE, this.#sealed)) {
			const entry = this.#byId.get(writer) as WriterEntry;
			for (const [i, text] of lines.entries()) {
				const line = parseHistoryLine(text);
				this.pendingCharacters += text.length;
				const step = steps ? (steps[i] as number) : this.stepOf(line);
				if (id > this.#counted) this.#count(entry, first + i, line, step);
				this.#at = { writer: entry, n: first + i, step, timeMs: 0, piece: id, named: undefined };
				eachLeaf(line, this.#visit);
			}
			this.lastPiece = Math.max(this.lastPiece, id);
		}
	}

	#count(writer: WriterEntry, n: number, line: LineObject, step: number): void {
		const { counts } = this;
		if (step > counts.lastStep) counts.lastStep = step;
		counts.records++;
		if (writer.stamps.length === 0) writer.stamps = Array.from({ length: STAMP_COLUMNS }, () => []);
		const [ns, steps, times, runtimes] = writer.stamps as [number[], number[], number[], number[]];
		ns.push(n);
		steps.push(step);
		times.push(timeOf(line));
		runtimes.push(typeof line[RUNTIME] === 'number' ? line[RUNTIME] : 0);
	}

	readonly #visit = (key: string, value: LineValue): void => {
		if (isInternalKey(key)) return;
		const { writer, n, step, piece } = this.#at;
		const series = this.series.get(key) ?? this.#loadSeries(key);
		if (piece <= series.sealed) return;
		const kind = typeof value === 'number' ? NUMBER : typeof value === 'bigint' ? LARGE : OBJECT;
		series.pending ??= { steps: [], ns: [], tags: [], values: [], settled: 0 };
		const { pending, fold } = series;
		const isAhead = pending.settled === pending.steps.length && (fold === undefined || step > fold.lastStep);
		if (kind === OBJECT) this.#putObject(series, value, isAhead);
		else series.hasNumbers = true;
		if (isAhead) {
			series.fold = fold && kind === NUMBER ? extendFold(fold, step, value as number) : addValue(fold, step, value);
			pending.settled++;
		}
		if (pending.steps.length === 0) this.#open.add(series);
		pending.steps.push(step);
		pending.ns.push(n);
		pending.tags.push(toTag(writer.id, kind));
		pending.values.push(kind === OBJECT ? 0 : Number(value));
		this.pendingPoints++;
		if (pending.steps.length - pending.settled > MAX_UNSETTLED) this.#settle(series);
	};

	#putObject(series: SeriesEntry, value: LineValue, isAhead: boolean): void {
		const { writer, n, step, timeMs, named } = this.#at;
		series.hasObjects = true;
		series.type ??= mediaType(value);
		// Read again after a start: it is in the table since it came.
		if (!named) return;
		for (const path of namedFiles(value)) named.add(path);
		const there = isAhead ? undefined : (this.#tables.object.get(series.id, step) as { writer: number; n: number } | undefined);
		if (there && !isLater(this.placeOf(writer.id, n), this.placeOf(there.writer, there.n))) return;
		this.#tables.putObject.run(series.id, step, writer.id, n, timeMs, writeLine(value));
	}

	/** Lets fold and `hidden` know of late points, and leaves those out that are hidden from the start. */
	#settle(series: SeriesEntry): void {
		const { pending } = series;
		if (!pending || pending.settled === pending.steps.length) return;
		const all = toPoints(pending);
		const before = slicePoints(all, 0, pending.settled);
		const late = slicePoints(all, pending.settled, all.steps.length);
		const fresh = settlePoints(late, this.rankOf);
		let hiddenNow = late.steps.length - fresh.steps.length;
		const stored = this.#stored(series).at(fresh.steps);
		const shown: number[] = [];
		let mustRefold = false;
		for (let i = 0; i < fresh.steps.length; i++) {
			const step = fresh.steps[i] as number;
			const at = lowerBound(before.steps, step);
			let there = stored[i];
			if (before.steps[at] === step && (!there || above(before, at, there.points, there.i, this.rankOf) > 0)) there = { points: before, i: at };
			if (there) hiddenNow++;
			if (there && above(fresh, i, there.points, there.i, this.rankOf) < 0) continue;
			shown.push(i);
			const value = this.#valueOf(series, fresh, i);
			const hidden = there && (kindOf(there.points.tags[there.i] as number) === OBJECT ? null : (there.points.values[there.i] as number));
			// The same number again, as when two writers log a constant, would else fold the whole series anew.
			if (hidden !== undefined && hidden !== null && Object.is(hidden, value)) continue;
			const next = series.fold && hidden !== undefined ? replaceValue(series.fold, step, hidden, value) : addValue(series.fold, step, value);
			if (next) series.fold = next;
			else mustRefold = true;
		}
		const kept = mergePoints(before, shown.length === fresh.steps.length ? fresh : pick(fresh, shown), this.rankOf);
		series.hidden += hiddenNow;
		series.freshHidden += hiddenNow;
		if (this.#hidden !== undefined) this.#hidden += hiddenNow;
		const { length } = kept.steps;
		this.pendingPoints += length - pending.steps.length;
		series.pending = { steps: [...kept.steps], ns: [...kept.ns], tags: [...kept.tags], values: [...kept.values], settled: length };
		// A value that was the smallest or the largest is hidden now: only all values can say which is now.
		if (mustRefold) this.#refold(series);
	}

	#refold(series: SeriesEntry): void {
		const points = this.#view(series).points();
		let fold: MetricFold | undefined;
		for (let i = 0; i < points.steps.length; i++) {
			const isEnd = i === 0 || i === points.steps.length - 1;
			const isObject = kindOf(points.tags[i] as number) === OBJECT;
			// What stands between the ends counts only as a number.
			const value = isEnd ? this.#valueOf(series, points, i) : isObject ? null : (points.values[i] as number);
			fold = addValue(fold, points.steps[i] as number, value);
		}
		series.fold = fold;
	}

	/** A point is a double; the line has the integer that may be too large for one, and what is no number. */
	#valueOf({ id, key }: SeriesEntry, { steps, ns, tags, values }: Points, i: number): LineValue {
		const kind = kindOf(tags[i] as number);
		if (kind === NUMBER) return values[i] as number;
		if (kind === OBJECT) return parseLine((this.#tables.object.get(id, steps[i] as number) as { json: string }).json);
		let exact: LineValue = values[i] as number;
		const text = this.#tables.log.at(writerOf(tags[i] as number), HISTORY_FILE, ns[i] as number) as string;
		eachLeaf(parseLine(text) as LineObject, (name, leaf) => {
			if (name === key) exact = leaf;
		});
		return exact;
	}

	#view(series: SeriesEntry): SeriesView {
		this.#settle(series);
		const fresh = series.pending ? toPoints(series.pending) : NO_POINTS;
		return new SeriesView(this.#tables.leaves, series.id, mergePoints(this.#loose(series), fresh, this.rankOf), this.rankOf);
	}

	/** As the tables have it. */
	#stored(series: SeriesEntry): SeriesView {
		return new SeriesView(this.#tables.leaves, series.id, this.#loose(series), this.rankOf);
	}

	#loose({ id, sealed }: SeriesEntry): Points {
		return sealed === 0 ? NO_POINTS : unpackPoints((this.#tables.loose.get(id) as { loose: Uint8Array | null }).loose);
	}

	#sealSeries(series: SeriesEntry): void {
		this.#settle(series);
		const { leaves, saveSeries } = this.#tables;
		const pending = series.pending as Pending;
		let loose = mergePoints(this.#loose(series), toPoints(pending), this.rankOf);
		if (loose.steps.length > LEAF_POINTS || (loose.steps.length > MAX_LATE && this.#isLate(series, loose))) {
			loose = leaves.put(series.id, loose, this.rankOf);
		}
		saveSeries.run(
			writeLine(series.fold as unknown as LineObject),
			series.hasNumbers ? 1 : 0,
			series.hasObjects ? 1 : 0,
			series.type ?? null,
			series.hidden,
			this.lastPiece,
			loose.steps.length > 0 ? packPoints(loose) : null,
			series.id,
		);
		this.pendingPoints -= pending.steps.length;
		series.pending = undefined;
		series.freshHidden = 0;
		series.sealed = this.lastPiece;
		this.#open.delete(series);
	}

	/** Whether more than a few of the points lie before the end of the last leaf. */
	#isLate(series: SeriesEntry, loose: Points): boolean {
		const span = this.#tables.leaves.spans(series.id, Number.MAX_SAFE_INTEGER).at(-1);
		if (!span) return false;
		return lowerBound(loose.steps, (span.starts.at(-1) as number) + 2 ** (span.exponents.at(-1) as number)) > MAX_LATE;
	}

	#loadSeries(key: string): SeriesEntry {
		const row = this.#tables.series.get(this.#run, this.#gen, key) as SeriesRow | undefined;
		const series = toEntry(key, row ?? { id: Number(this.#tables.addSeries.run(this.#run, this.#gen, key).lastInsertRowid) });
		this.series.set(key, series);
		return series;
	}

	#keepWriter(id: number, name: string, startedMs: number, stored: number, heardMs: number): WriterEntry {
		const rows = this.#tables.cursors.all(id) as { file: string; next: number; hash: string }[];
		const cursors = new Map(rows.map(({ file, next, hash }) => [file, { next, hash }]));
		const entry: WriterEntry = { id, name, startedMs, stored, heardMs, cursors, stamps: [] };
		this.writers.set(name, entry);
		this.#byId.set(id, entry);
		this.#ranks.clear();
		return entry;
	}
}

interface SeriesRow {
	id: number;
	fold?: string | null;
	has_numbers?: number;
	has_objects?: number;
	type?: string | null;
	hidden?: number;
	sealed?: number;
}

function toEntry(key: string, row: SeriesRow): SeriesEntry {
	return {
		id: row.id,
		key,
		sealed: row.sealed ?? 0,
		fold: row.fold ? (parseLine(row.fold) as unknown as MetricFold) : undefined,
		hasNumbers: row.has_numbers === 1,
		hasObjects: row.has_objects === 1,
		type: row.type ?? undefined,
		hidden: row.hidden ?? 0,
		freshHidden: 0,
		pending: undefined,
	};
}

function toPoints({ steps, ns, tags, values }: Pending): Points {
	return { steps: new Float64Array(steps), ns: new Float64Array(ns), tags: new Float64Array(tags), values: new Float64Array(values) };
}

function pick({ steps, ns, tags, values }: Points, order: readonly number[]): Points {
	const of = (column: Float64Array) => Float64Array.from(order, (i) => column[i] as number);
	return { steps: of(steps), ns: of(ns), tags: of(tags), values: of(values) };
}

/** `addValue` of a number at a step behind all others, in place. */
function extendFold(fold: MetricFold, step: number, value: number): MetricFold {
	fold.lastStep = step;
	fold.last = value;
	if (!Number.isFinite(value)) fold.nonFinite++;
	else {
		fold.finite++;
		fold.sum += value;
		if (fold.min === undefined || value < fold.min) fold.min = value;
		if (fold.max === undefined || value > fold.max) fold.max = value;
	}
	return fold;
}

/** Milliseconds since the epoch, or 0 when the line does not say. */
function timeOf(line: LineObject): number {
	return typeof line[TIMESTAMP] === 'number' ? 1000 * line[TIMESTAMP] : 0;
}
