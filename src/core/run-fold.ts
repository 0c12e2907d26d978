import { type RecordView, recordObject } from './batch.ts';
import { addEdit, type MetaRecord } from './meta.ts';
import { addDefinition } from './metrics.ts';
import { isLater } from './place.ts';
import type { RunState, WriterState } from './store.ts';

/**
 * The run after meta records of a writer. Records that the state includes already change nothing, so that it may be called again with the same.
 */
export function foldMeta(run: RunState, { writer, startedMs }: Pick<WriterState, 'writer' | 'startedMs'>, records: Iterable<RecordView>): RunState {
	let next = run;
	for (const record of records) {
		if (record.n < (next.folded[writer] ?? 0)) continue;
		next = foldOne(next, { writer, startedMs, n: record.n }, recordObject(record) as MetaRecord);
		next.folded = { ...next.folded, [writer]: record.n + 1 };
	}
	return next;
}

function foldOne(run: RunState, place: { writer: string; startedMs: number; n: number }, said: MetaRecord): RunState {
	const next = { ...run };
	for (const edit of said.config ?? []) next.config = addEdit(next.config, { ...place, edit });
	for (const edit of said.summary ?? []) next.summary = addEdit(next.summary, { ...place, edit });
	if (said.metric) next.metrics = addDefinition(next.metrics, said.metric);
	for (const [key, value] of Object.entries(said.info ?? {})) Object.assign(next, { [key]: value ?? undefined });
	// The end of an earlier session may come to light after a later one has begun.
	if ((said.finish || said.resumed) && (!run.statePlace || isLater(place, run.statePlace))) {
		next.statePlace = place;
		next.isFinished = said.finish !== undefined;
		next.isFinishSent = false;
		next.exitCode = said.finish?.exitCode ?? 0;
	}
	return next;
}
