import { type LineObject, type LineValue, writeLine } from '../../../src/core/json-line.ts';
import { eachLeaf, isInternalKey, RUNTIME, STEP, TIMESTAMP } from '../../../src/core/keys.ts';
import { isLater, type RecordPlace } from '../../../src/core/place.ts';
import { HISTORY_FILE } from '../../../src/core/protocol.ts';
import { addValue, type MetricFold } from '../../../src/core/summary.ts';
import { parseHistoryLine } from './history-line.ts';
import type { IndexTables } from './index-tables.ts';
import { mediaType, namedFiles } from './media-files.ts';
import { LARGE, NUMBER, OBJECT, toTag } from './points.ts';
import { type SeriesEntry, type SeriesRow, SeriesSettler, toEntry } from './series-settler.ts';
import type { SeriesView } from './series-view.ts';
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
	readonly #settler: SeriesSettler;
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
		this.#settler = new SeriesSettler(tables, this.rankOf);
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
		return series && this.#settler.view(series);
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

	#settle(series: SeriesEntry): void {
		const { hidden, dropped } = this.#settler.settle(series);
		this.pendingPoints -= dropped;
		if (this.#hidden !== undefined) this.#hidden += hidden;
	}

	#sealSeries(series: SeriesEntry): void {
		this.#settle(series);
		this.pendingPoints -= series.pending?.steps.length ?? 0;
		this.#settler.seal(series, this.lastPiece);
		this.#open.delete(series);
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
