import { type LineObject, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { STEP, TIMESTAMP } from '../../../src/core/keys.ts';
import { EVENTS_FILE, HISTORY_FILE } from '../../../src/core/protocol.ts';
import type { RunRow } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';

/**
 * The last line of history as JSON text of a list of lines, by which an official client that resumes finds its next step and the runtime: of the
 * greatest step over all writers, its step written in as a whole number.
 *
 * W&B's client (0.30, core/internal/runbranch) goes on at that step, plus one only if `historyLineCount` is above 0. That counts the lines of
 * official clients alone, since it is also the offset at which they go on; so where a run has only lines of others, the step told here is
 * already the next one.
 */
export function historyTail(run: RunRow, tracker: Tracker): string {
	const last = tracker.history.lastRecord(run);
	if (!last) return '[]';
	const isCounted = tracker.history.lineCount(run, HISTORY_FILE) > 0;
	const line = Object.assign(Object.create(null) as LineObject, parseLine(last.line), { [STEP]: isCounted ? last.step : last.step + 1 });
	return JSON.stringify([writeLine(line)]);
}

/** The newest line of system metrics over all writers, in the same form. */
export function eventsTail(run: RunRow, tracker: Tracker): string {
	let newest: { line: string; timeS: number } | undefined;
	for (const line of tracker.history.lastLines(run, EVENTS_FILE)) {
		const timeS = timeOf(line);
		if (!newest || timeS >= newest.timeS) newest = { line, timeS };
	}
	return JSON.stringify(newest ? [newest.line] : []);
}

/** Events are kept as they come, readable or not. */
function timeOf(line: string): number {
	try {
		return Number((parseLine(line) as LineObject | null)?.[TIMESTAMP] ?? 0);
	} catch {
		return 0;
	}
}
