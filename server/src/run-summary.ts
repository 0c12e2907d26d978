import { type LineObject, type LineValue, parseLine } from '../../src/core/json-line.ts';
import { eachLeaf, isInternalKey } from '../../src/core/keys.ts';
import { foldEdits } from '../../src/core/meta.ts';
import { decodeDefinitions } from '../../src/core/metrics.ts';
import { readSummary } from '../../src/core/summary.ts';
import { unwrapConfig, wandbValue } from './config-edits.ts';
import type { HistoryStore } from './store/history-store.ts';
import type { MetaStore, RunRow } from './store/meta-store.ts';

/**
 * The summary of a run by dotted key. What an official client sent stays as it sent it; where records of our SDK are in the run, it is the fold of
 * the rows with the values set by hand, and what was sent is seen only where no row says anything.
 */
export function runSummary(history: HistoryStore, meta: MetaStore, run: RunRow): LineObject {
	const sent = run.sentSummary === undefined ? undefined : flat(parseLine(run.sentSummary) as LineObject);
	if (sent && !hasRecords(history, run)) return sent;
	const folds = history.folds(run);
	const byHand = flat(foldEdits(meta.edits(run, 'summary')));
	const summary = readSummary(folds, decodeDefinitions(wandbValue(parseLine(run.config) as LineObject).m), Object.entries(byHand));
	if (!sent) return summary;
	for (const [key] of folds) delete sent[key];
	return Object.assign(sent, summary);
}

/** Config and summary by the keys of a RunsQuery. */
export function* runValues(history: HistoryStore, meta: MetaStore, run: RunRow): Iterable<[key: string, value: LineValue]> {
	const config = Object.entries(flat(unwrapConfig(parseLine(run.config) as LineObject)));
	for (const [key, value] of config) yield [`config.${key}`, value];
	for (const [key, value] of Object.entries(runSummary(history, meta, run))) yield [`summary.${key}`, value];
}

/** Whether a writer of our SDK has lines in the run. */
function hasRecords(history: HistoryStore, run: RunRow): boolean {
	return history.writers(run).some(({ name, hasLines }) => name !== '' && hasLines);
}

function flat(object: LineObject): LineObject {
	const out = Object.create(null) as LineObject;
	eachLeaf(object, (key, value: LineValue) => {
		if (!isInternalKey(key)) out[key] = value;
	});
	return out;
}
