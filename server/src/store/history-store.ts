import type { LineObject } from '../../../src/core/json-line.ts';
import type { RecordPlace } from '../../../src/core/place.ts';
import type { ChartRequest, MediaPoint, MetricInfo, Series } from '../../../src/core/query.ts';
import type { MetricFold } from '../../../src/core/summary.ts';
import type { RunRow } from './meta-store.ts';

/** What the store needs to know of a run. */
export type RunKey = Pick<RunRow, 'id' | 'gen' | 'name' | 'createdMs'>;

/**
 * The history of runs. The truth is lines by (run, gen, writer, file, index); points and folds are an index over them.
 *
 * Contract: what `append` returns is durable once the caller's transaction is. Lines that came before change nothing (the first bytes under an index
 * stay; other bytes are counted); only `output.log` of an official client is rewritten. An offset beyond the next free line of a writer that sends
 * records stores nothing of that file. A history line without a step gets the next free one of the run, for ever. Charts, rows and folds
 * after any order of arrival equal those of the lines sorted by step and place. Lines of another gen than the run's are archived: kept, not shown.
 */
export interface HistoryStore {
	append(run: RunKey, write: HistoryWrite): AppendResult;
	/**
	 * One series for each run and key that has numbers in the range, cut into buckets as bucket-builder.ts says; over another axis than the step, into
	 * buckets of equal width. Lazy: a series is read when it is asked for.
	 */
	buckets(runs: readonly RunKey[], request: BucketsRequest): Iterable<Series>;
	/** Metrics of the runs, by name. */
	metrics(runs: readonly RunKey[]): MetricInfo[];
	media(run: RunKey, key: string): Omit<MediaPoint, 'files'>[];
	/** What the values of each key come to, hidden ones left out, by key. */
	folds(run: RunKey): [key: string, fold: MetricFold][];
	counts(run: RunKey): RunCounts;
	/** By when they started, then by name. */
	writers(run: RunKey): WriterInfo[];
	/** Lines of one file as they came, by writer, then index; of a range, when one is given. Lazy: a page of lines is held at a time. */
	lines(run: RunKey, file: string, range?: LineRange): Iterable<StoredLine>;
	/** Steps in ascending order, each with its records in the order in which they are laid over each other. */
	rows(run: RunKey): Iterable<StoredRow>;
	/** Next free line of a writer's file; without a name that of official clients. */
	lineCount(run: RunKey, file: string, writer?: string): number;
	/** A record of the greatest step: the latest of them. */
	lastRecord(run: RunKey): { step: number; line: string } | undefined;
	/** The last line of each writer that has any. */
	lastLines(run: RunKey, file: string): string[];
	/**
	 * Does a slice of work that can wait, in a transaction of its own; it blocks for about 10 ms. Returns whether it did anything: call again soon then,
	 * after others had their turn, else after a while. Nothing that is asked of the store can be told from outside to be done or not.
	 */
	maintain(nowMs: number): boolean;
	/** Everything of all gens is gone for whoever asks; the room that it takes is given back by `maintain`. */
	deleteRun(run: RunKey): void;
}

export type BucketsRequest = Omit<ChartRequest, 'project' | 'runIds'>;

export interface HistoryWrite {
	/** `''` for an official client. */
	writer: string;
	startedMs: number;
	/** By the server's clock. */
	nowMs: number;
	/** History records the writer has stored on its device; missing for official clients. */
	upTo?: number;
	files: readonly { name: string; offset: number; lines: readonly string[] }[];
}

export interface AppendResult {
	/** Next free line of each file the writer has. */
	next: Record<string, number>;
	/** Hash over the lines below it; of writers that send records only. */
	hash: Record<string, string>;
	/** Lines that came with other bytes than those stored; the stored ones stay. */
	conflicts: number;
	/** Paths of files that new lines name. */
	namedFiles: Set<string>;
	/** New meta lines, each once for ever. */
	metaLines: { place: RecordPlace; line: LineObject }[];
}

export interface LineRange {
	writer: string;
	/** Lines from this index, to below that one. */
	from: number;
	to: number;
}

export interface StoredLine {
	writer: string;
	n: number;
	line: string;
	/** Of a history line. */
	step?: number;
}

export interface StoredRow {
	step: number;
	lines: string[];
}

export interface WriterInfo {
	name: string;
	startedMs: number;
	/** When it was heard last, by the server's clock. */
	heardMs: number;
	hasLines: boolean;
}

export interface RunCounts {
	/** History lines stored. */
	records: number;
	/** History records that the writers have stored on their devices. */
	stored: number;
	/** −1 before the first. */
	lastStep: number;
	/** Values hidden by a later record of the same step. */
	hidden: number;
}
