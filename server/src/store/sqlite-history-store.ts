import { parseLine } from '../../../src/core/json-line.ts';
import { EMPTY_HASH, hashLines } from '../../../src/core/line-hash.ts';
import { CONSOLE_FILE, HISTORY_FILE, META_FILE } from '../../../src/core/protocol.ts';
import type { MediaPoint, MetricInfo, Series } from '../../../src/core/query.ts';
import type { MetricFold } from '../../../src/core/summary.ts';
import type { Database } from './database.ts';
import { Graves } from './graves.ts';
import { isObject, parseHistoryLine } from './history-line.ts';
import { HistoryReader } from './history-reader.ts';
import type {
	AppendResult,
	BucketsRequest,
	HistoryStore,
	HistoryWrite,
	LineRange,
	RunCounts,
	RunKey,
	StoredLine,
	StoredRow,
	WriterInfo,
} from './history-store.ts';
import { type IndexTables, prepareIndex } from './index-tables.ts';
import { LineReader } from './line-log.ts';
import { RunIndex, type WriterEntry } from './run-index.ts';
import { lastLineAt } from './stamps.ts';

/** How much is kept in memory of runs that are not written to at the moment. */
const MAX_INDEXES = 256;
const MAX_SERIES = 1_000_000;
/** A run is sealed when so much of it waits, or for so long. Until then its lines are read again at each start. */
const SEALED_POINTS = 100_000;
const SEALED_CHARACTERS = 8 * 2 ** 20;
const SEALED_AFTER_MS = 30_000;
/** Of all runs together; then the fullest is sealed. */
const MAX_PENDING_POINTS = 300_000;
/** How long a slice of sealing holds up requests, and how long when more than this many points wait. */
const SLICE_MS = 10;
const HURRIED_POINTS = 500_000;
const HURRIED_SLICE_MS = 40;
/** Points that a migration gathers before it seals them. */
const MAX_RESTORED = 500_000;

/** Lines and their index in one SQLite database. Callers wrap what writes in a transaction. */
export class SqliteHistoryStore implements HistoryStore {
	readonly #database: Pick<Database, 'transaction'>;
	readonly #tables: IndexTables;
	readonly #reader: HistoryReader;
	readonly #graves: Graves;
	/** By run and gen, least recently used first. */
	readonly #indexes = new Map<string, RunIndex>();
	/** Those that the transaction at hand writes to. */
	readonly #written = new Set<string>();

	constructor(database: Pick<Database, 'sql' | 'onEnd' | 'transaction'>) {
		this.#database = database;
		this.#tables = prepareIndex(database.sql);
		this.#graves = new Graves(database.sql);
		this.#reader = new HistoryReader(this.#tables, (run) => this.#indexOf(run));
		database.onEnd((isCommitted) => {
			if (!isCommitted) {
				this.#tables.log.forget();
				for (const key of this.#written) this.#indexes.delete(key);
			}
			this.#written.clear();
		});
	}

	append(run: RunKey, write: HistoryWrite): AppendResult {
		this.#written.add(keyOf(run));
		const index = this.#indexOf(run);
		const writer = index.writer(write.writer, write.startedMs);
		const result: AppendResult = { next: {}, hash: {}, conflicts: 0, namedFiles: new Set(), metaLines: [] };
		for (const file of write.files) this.#appendLines(index, writer, file, write, result);
		writer.stored = Math.max(writer.stored, write.upTo ?? 0);
		writer.heardMs = Math.max(writer.heardMs, write.nowMs);
		this.#tables.saveWriter.run(writer.stored, writer.heardMs, result.conflicts, writer.id);
		for (const [file, { next, hash }] of [[HISTORY_FILE, { next: 0, hash: EMPTY_HASH }] as const, ...writer.cursors]) {
			result.next[file] = next;
			result.hash[file] = hash;
		}
		return result;
	}

	/**
	 * Takes in lines of an older format, whose writer and cursors are there. `steps`: of history lines, by number, as far as they are known. The caller
	 * seals the run in the same transaction: a line that is no object, which format 1 took for a row without values, is not read again.
	 */
	restore(
		run: { id: number; gen: number },
		writerName: string,
		{ name, offset, lines }: HistoryWrite['files'][number],
		steps?: ReadonlyMap<number, number>,
	): void {
		const index = this.#indexOf(run);
		const writer = index.writer(writerName, 0);
		if (steps) {
			index.open(0);
			for (const [i, text] of lines.entries()) {
				const line = isObject(parseLine(text)) ? parseHistoryLine(text) : {};
				index.add(writer, offset + i, line, steps.get(offset + i) ?? index.stepOf(line), new Set());
			}
		}
		index.lastPiece = this.#tables.log.append(writer.id, name, offset, lines);
		if (index.pendingPoints > MAX_RESTORED) index.seal();
	}

	/** Moves all that has come to a run from memory into the tables. The caller wraps it in a transaction. */
	seal(run: { id: number; gen: number }): void {
		this.#written.add(keyOf(run));
		this.#indexOf(run).seal();
	}

	maintain(nowMs: number): boolean {
		const run = this.#dueRun(nowMs);
		if (!run) return this.#sweep();
		// In a hurry when lines come faster than they are sealed: memory is what they wait in.
		const untilMs = performance.now() + (this.#pendingPoints() > HURRIED_POINTS ? HURRIED_SLICE_MS : SLICE_MS);
		this.#database.transaction(() => {
			this.#written.add(keyOf(run));
			this.#indexOf(run).sealSome(() => performance.now() >= untilMs, nowMs);
		});
		return true;
	}

	#sweep(): boolean {
		if (this.#graves.isEmpty()) return false;
		const untilMs = performance.now() + SLICE_MS;
		this.#database.transaction(() => this.#graves.sweepSome(() => performance.now() >= untilMs));
		return true;
	}

	/** The run whose seal is under way; else the fullest of those that are due; else one that was not sealed before the server ended. */
	#dueRun(nowMs: number): { id: number; gen: number } | undefined {
		let due: string | undefined;
		let most = -1;
		const hasMany = this.#pendingPoints() > MAX_PENDING_POINTS;
		for (const [key, index] of this.#indexes) {
			if (index.isSealing) return toRun(key);
			const isFull = index.pendingPoints >= SEALED_POINTS || index.pendingCharacters >= SEALED_CHARACTERS || hasMany;
			if (!index.isOpen || !(isFull || nowMs - index.openSinceMs >= SEALED_AFTER_MS) || index.pendingPoints <= most) continue;
			due = key;
			most = index.pendingPoints;
		}
		if (due) return toRun(due);
		return (this.#tables.openRuns.all() as { id: number; gen: number }[]).find((run) => !this.#indexes.has(keyOf(run)));
	}

	#pendingPoints(): number {
		let sum = 0;
		for (const { pendingPoints } of this.#indexes.values()) sum += pendingPoints;
		return sum;
	}

	buckets(runs: readonly RunKey[], request: BucketsRequest): Iterable<Series> {
		return this.#reader.buckets(runs, request);
	}

	metrics(runs: readonly RunKey[]): MetricInfo[] {
		return this.#reader.metrics(runs);
	}

	media(run: RunKey, key: string): Omit<MediaPoint, 'files'>[] {
		return this.#reader.media(run, key);
	}

	folds(run: RunKey): [key: string, fold: MetricFold][] {
		return this.#reader.folds(run);
	}

	counts(run: RunKey): RunCounts {
		const index = this.#indexOf(run);
		let stored = 0;
		for (const writer of index.writers.values()) stored += Math.max(writer.stored, writer.cursors.get(HISTORY_FILE)?.next ?? 0);
		return { ...index.counts, hidden: index.hidden(), stored };
	}

	writers(run: RunKey): WriterInfo[] {
		return this.#indexOf(run)
			.sortedWriters()
			.map(({ name, startedMs, heardMs, cursors }) => ({
				name,
				startedMs,
				heardMs,
				hasLines: [...cursors.values()].some(({ next }) => next > 0),
			}));
	}

	*lines(run: RunKey, file: string, range?: LineRange): Iterable<StoredLine> {
		const { from, to } = range ?? { from: 0, to: Number.POSITIVE_INFINITY };
		for (const writer of this.#indexOf(run).sortedWriters()) {
			if (range && writer.name !== range.writer) continue;
			const stamps = file === HISTORY_FILE ? this.#indexOf(run).stampsOf(writer.id) : undefined;
			for (const { first, lines } of this.#tables.log.pieces(writer.id, file, from, to)) {
				const end = Math.min(first + lines.length, to);
				for (let n = Math.max(first, from); n < end; n++) {
					const step = stamps?.stepAt(n);
					yield { writer: writer.name, n, line: lines[n - first] as string, ...(step === undefined ? {} : { step }) };
				}
			}
		}
	}

	*rows(run: RunKey): Iterable<StoredRow> {
		const index = this.#indexOf(run);
		const writers = index
			.sortedWriters()
			.map(({ id }) => ({ stamps: index.stampsOf(id), reader: new LineReader(this.#tables.log, id, HISTORY_FILE) }));
		const total = writers.reduce((sum, { stamps }) => sum + stamps.ns.length, 0);
		const steps = new Float64Array(total);
		const ns = new Float64Array(total);
		const whose = new Uint32Array(total);
		let at = 0;
		for (const [w, { stamps }] of writers.entries()) {
			steps.set(stamps.steps, at);
			ns.set(stamps.ns, at);
			whose.fill(w, at, at + stamps.ns.length);
			at += stamps.ns.length;
		}
		let row: StoredRow | undefined;
		// By writer, then by number: what a step's records are laid over each other by, and sorting keeps.
		for (const i of sortedByStep(steps)) {
			const step = steps[i] as number;
			if (row && row.step !== step) {
				yield row;
				row = undefined;
			}
			const line = writers[whose[i] as number]?.reader.at(ns[i] as number);
			// The run may be deleted while somebody still reads it.
			if (line === undefined) return;
			row ??= { step, lines: [] };
			row.lines.push(line);
		}
		if (row) yield row;
	}

	lineCount(run: RunKey, file: string, writer = ''): number {
		return this.#indexOf(run).writers.get(writer)?.cursors.get(file)?.next ?? 0;
	}

	lastRecord(run: RunKey): { step: number; line: string } | undefined {
		const index = this.#indexOf(run);
		const step = index.counts.lastStep;
		for (const { id, stamps } of index.sortedWriters().reverse()) {
			const n = lastLineAt(this.#tables.stamps, id, stamps, step);
			if (n !== undefined) return { step, line: this.#tables.log.at(id, HISTORY_FILE, n) as string };
		}
		return undefined;
	}

	lastLines(run: RunKey, file: string): string[] {
		return this.#indexOf(run)
			.sortedWriters()
			.flatMap(({ id }) => this.#tables.log.last(id, file) ?? []);
	}

	deleteRun(run: RunKey): void {
		this.#graves.put(run.id);
		this.#tables.log.forget();
		for (const key of this.#indexes.keys()) if (key.startsWith(`${run.id}.`)) this.#indexes.delete(key);
	}

	#appendLines(
		index: RunIndex,
		writer: WriterEntry,
		{ name, offset, lines }: HistoryWrite['files'][number],
		write: HistoryWrite,
		result: AppendResult,
	): void {
		const { log } = this.#tables;
		const isRecords = write.upTo !== undefined;
		const cursor = writer.cursors.get(name) ?? { next: 0, hash: isRecords ? EMPTY_HASH : '' };
		const known = cursor.next;
		if (isRecords && offset > known) return;
		if (offset < known && !isRecords && name === CONSOLE_FILE) log.put(writer.id, name, offset, lines);
		else {
			let from = offset;
			let n = offset;
			const appendUpTo = (to: number) => {
				if (to > from) this.#appendFresh(index, writer, name, from, lines.slice(from - offset, to - offset), write, result);
				from = to + 1;
			};
			// Official clients may leave gaps, and fill them later.
			for (; n < known && n < offset + lines.length; n++) {
				const stored = log.at(writer.id, name, n);
				if (stored === undefined) continue;
				if (stored !== lines[n - offset]) result.conflicts++;
				appendUpTo(n);
			}
			appendUpTo(offset + lines.length);
		}
		const next = Math.max(known, offset + lines.length);
		if (isRecords && next > known) cursor.hash = hashLines(cursor.hash, known === offset ? lines : lines.slice(known - offset));
		cursor.next = next;
		writer.cursors.set(name, cursor);
		this.#tables.saveCursor.run(writer.id, name, next, cursor.hash);
	}

	/** Takes in lines whose places are free. A line that is no JSON object refuses the request, and the transaction takes the rest back. */
	#appendFresh(
		index: RunIndex,
		writer: WriterEntry,
		file: string,
		first: number,
		lines: readonly string[],
		write: HistoryWrite,
		result: AppendResult,
	): void {
		let steps: number[] | undefined;
		if (file === HISTORY_FILE) {
			index.open(write.nowMs);
			const given: number[] = [];
			let isOwn = true;
			for (const [i, text] of lines.entries()) {
				const line = parseHistoryLine(text);
				index.pendingCharacters += text.length;
				const step = index.stepOf(line);
				given.push(step);
				if (step !== line._step) isOwn = false;
				index.add(writer, first + i, line, step, result.namedFiles);
			}
			if (!isOwn) steps = given;
		} else if (file === META_FILE && write.upTo !== undefined) {
			for (const [i, line] of lines.map(parseHistoryLine).entries()) result.metaLines.push({ place: index.placeOf(writer.id, first + i), line });
		}
		const id = this.#tables.log.append(writer.id, file, first, lines, steps);
		index.lastPiece = id;
	}

	#indexOf(run: { id: number; gen: number }): RunIndex {
		const key = keyOf(run);
		const known = this.#indexes.get(key);
		if (known) this.#indexes.delete(key);
		const index = known ?? new RunIndex(this.#tables, run.id, run.gen);
		this.#indexes.set(key, index);
		if (!known) this.#forgetOthers();
		return index;
	}

	/** What was not sealed of a run that is forgotten is read again from its lines. */
	#forgetOthers(): void {
		let series = 0;
		for (const index of this.#indexes.values()) series += index.series.size;
		for (const [key, index] of this.#indexes) {
			if (this.#indexes.size === 1 || (this.#indexes.size <= MAX_INDEXES && series <= MAX_SERIES)) return;
			if (this.#written.has(key)) continue;
			this.#indexes.delete(key);
			series -= index.series.size;
		}
	}
}

function keyOf({ id, gen }: { id: number; gen: number }): string {
	return `${id}.${gen}`;
}

function toRun(key: string): { id: number; gen: number } {
	const [id, gen] = key.split('.').map(Number) as [number, number];
	return { id, gen };
}

/** Places of the steps in ascending order; equal ones keep theirs. */
function sortedByStep(steps: Float64Array): Iterable<number> {
	let isSorted = true;
	for (let i = 1; i < steps.length && isSorted; i++) isSorted = (steps[i] as number) >= (steps[i - 1] as number);
	if (isSorted) return steps.keys();
	return Uint32Array.from(steps.keys()).sort((a, b) => (steps[a] as number) - (steps[b] as number) || a - b);
}
