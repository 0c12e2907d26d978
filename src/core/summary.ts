import type { LineValue } from './json-line.ts';

/**
 * The summary of a run: one final value a metric. It is a fold over the run's records, so that the SDK and the server, each
 * folding what it has, come to the same result whatever the order of arrival.
 *
 * The automatic value of a key is the one at the **greatest step**; on the same step the later record wins: that of the writer that
 * started later, then the one with the larger n. Values set by hand (`run.summary.best = x`) are laid over the automatic ones.
 *
 * Law: folding records in any order, or some of them twice, gives the same summary.
 */
export interface RecordPlace {
	step: number;
	/** When the record's writer started, milliseconds since the epoch. */
	startedMs: number;
	/** Number of the record in its writer. */
	n: number;
}

export interface SummaryEntry extends RecordPlace {
	value: LineValue;
}

/** Whether a value logged at `next` takes the place of one logged at `previous` under the same key. */
export function isLaterValue(next: RecordPlace, previous: RecordPlace | undefined): boolean {
	if (!previous || next.step !== previous.step) return !previous || next.step > previous.step;
	return next.startedMs > previous.startedMs || (next.startedMs === previous.startedMs && next.n >= previous.n);
}

/** Folds one value into `entries`, which it changes. Returns whether the entry of `key` changed. */
export function foldSummary(entries: Map<string, SummaryEntry>, key: string, entry: SummaryEntry): boolean {
	if (!isLaterValue(entry, entries.get(key))) return false;
	entries.set(key, entry);
	return true;
}

/** The summary that readers see: automatic values, explicit ones over them. */
export function readSummary(entries: Iterable<[string, SummaryEntry]>, explicit: Readonly<Record<string, LineValue>>): Record<string, LineValue> {
	const summary: Record<string, LineValue> = {};
	for (const [key, entry] of entries) summary[key] = entry.value;
	return Object.assign(summary, explicit);
}
