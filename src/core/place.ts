/** Where a record stands among those of other writers. */
export interface RecordPlace {
	/** When the record's writer started, milliseconds since the epoch. */
	startedMs: number;
	/** Name of the writer. */
	writer: string;
	/** Number of the record in its writer and stream. */
	n: number;
}

/**
 * Whether a record lies over another that says something about the same: writers that started later lie over earlier ones (of two that started in
 * the same millisecond, the one with the greater name), then the larger number wins. A record is later than itself.
 */
export function isLater(next: RecordPlace, previous: RecordPlace): boolean {
	if (next.startedMs !== previous.startedMs) return next.startedMs > previous.startedMs;
	if (next.writer !== previous.writer) return next.writer > previous.writer;
	return next.n >= previous.n;
}
