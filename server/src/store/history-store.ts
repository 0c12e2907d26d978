import type { LineValue } from '../../../src/core/json-line.ts';
import type { ChartRequest, MediaPoint, MetricInfo, Series } from '../../../src/core/query.ts';
import type { RunRow } from './meta-store.ts';

/**
 * The history of runs. The truth is lines by (run, gen, writer, file, index); points and summaries are an index over them.
 *
 * Contract: what `append` returns is durable. Lines that came before change nothing (the first bytes under an index stay; other bytes
 * are counted). An offset beyond the next free line of a writer that sends records stores nothing of that file. `chart` after
 * any order of arrival equals `chart` over the lines sorted by step and place. Lines of another gen than the run's are archived:
 * kept, not shown.
 */
export interface HistoryStore {
	append(run: RunRow, write: HistoryWrite): AppendResult;
	chart(runs: readonly RunRow[], request: ChartRequest): Series[];
	/** Metrics of the runs, by name. */
	metrics(runs: readonly RunRow[]): MetricInfo[];
	media(run: RunRow, key: string): Omit<MediaPoint, 'files'>[];
	summary(run: RunRow): Record<string, LineValue>;
	counts(run: RunRow): RunCounts;
	/** Lines of one file as they came, by writer start, then index. Lazy: nothing is held but the line at hand. */
	lines(run: RunRow, file: string): Iterable<StoredLine>;
	/** Steps in ascending order, each with its records in the order in which they are laid over each other. */
	rows(run: RunRow): Iterable<string[]>;
	/** Lines of `file` over all writers of the run that official clients count: writer `''` only. */
	lineCount(run: RunRow, file: string): number;
	/** The last line of a file of writer `''`. */
	lastLine(run: RunRow, file: string): string | undefined;
	deleteRun(run: RunRow): void;
}

export interface HistoryWrite {
	/** `''` for an official client. */
	writer: string;
	startedMs: number;
	/** Records the writer has stored on its device; missing for official clients. */
	upTo?: number;
	files: readonly { name: string; offset: number; lines: readonly string[] }[];
}

export interface AppendResult {
	/** Next free line of each file the writer has. */
	next: Record<string, number>;
	/** Lines that came with other bytes than those stored; the stored ones stay. */
	conflicts: number;
	/** Paths of files that new lines name. */
	namedFiles: string[];
}

export interface StoredLine {
	writer: string;
	n: number;
	line: string;
}

export interface RunCounts {
	/** History lines stored. */
	records: number;
	/** History records that the writers have stored on their devices. */
	stored: number;
	lastStep: number;
	/** Values hidden by a later record of the same step. */
	hidden: number;
}
