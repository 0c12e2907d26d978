import type { LineValue } from './json-line.ts';

/**
 * The summary of a run: one final value a metric. It is a fold over the run's records, so that the SDK and the server, each
 * folding what it has, come to the same result whatever the order of arrival.
 *
 * The automatic value of a key is the one at the **greatest step**; on the same step the later record wins (later writer start,
 * then larger n). Values set by hand (`run.summary.best = x`) are laid over the automatic ones.
 *
 * Law: folding records in any order, or some of them twice, gives the same summary.
 */
export interface SummaryEntry {
	step: number;
	/** Place of the record among all records of the run; larger is later. See {@link recordOrder}. */
	order: number;
	value: LineValue;
}

/** Records of one writer are ordered by n; 2^40 of them fit before writers would overlap. */
const RECORDS_A_WRITER = 2 ** 40;

/** Order of record `n` of the writer that was the `writerIndex`-th to start (0 … 8,191). */
export function recordOrder(writerIndex: number, n: number): number {
	return writerIndex * RECORDS_A_WRITER + n;
}

/** Whether `next` takes the place of `previous` as the value of its key. */
export function isLaterValue(next: Pick<SummaryEntry, 'step' | 'order'>, previous: Pick<SummaryEntry, 'step' | 'order'> | undefined): boolean {
	if (!previous) return true;
	return next.step > previous.step || (next.step === previous.step && next.order >= previous.order);
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
