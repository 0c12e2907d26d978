import { join } from 'node:path';
import { eachRecord } from '../../core/batch.ts';
import { decodeChunk } from '../../core/chunk.ts';
import { parseLine } from '../../core/json-line.ts';
import { foldMeta } from '../../core/run-fold.ts';
import type { RunState } from '../../core/store.ts';
import { fileLock } from './file-lock.ts';
import { fileSystem, namesIn, readIfThere } from './file-system.ts';
import { LogReader } from './log-reader.ts';

/**
 * The newest run of a project in the local directory that nobody has finished and nobody has open. Read on the calling thread, since the log of the run is
 * opened before `init()` returns.
 */
export function findUnfinished(dir: string, project: string, server: string | undefined): string | undefined {
	const runs: RunState[] = [];
	for (const name of namesIn(fileSystem, dir)) {
		const folder = join(dir, name);
		const text = readIfThere(fileSystem, join(folder, 'run.json'))?.toString();
		if (text === undefined) continue;
		try {
			const run = parseLine(text) as unknown as RunState;
			if (run.project !== project || run.server !== server || run.refusal) continue;
			const names = namesIn(fileSystem, folder).filter((file) => file.endsWith('.log'));
			if (names.some((file) => isLockHeld(join(folder, `${file}.lock`)))) continue;
			const state = names.reduce((known, file) => foldLog(known, join(folder, file), file.slice(0, -'.log'.length)), run);
			if (!state.isFinished) runs.push(state);
		} catch {
			// A run that cannot be read is no candidate; the store, which reads it too, says what is wrong with it.
		}
	}
	return runs.sort((a, b) => b.createdMs - a.createdMs)[0]?.id;
}

/** The process that ended may not have brought its snapshot up to its last records. */
function foldLog(run: RunState, path: string, writer: string): RunState {
	const log = new LogReader(path, fileSystem);
	log.refresh();
	const records = log.chunks('meta', run.folded[writer] ?? 0, Number.POSITIVE_INFINITY).flatMap((chunk) => [...eachRecord(decodeChunk(chunk))]);
	return foldMeta(run, { writer, startedMs: log.begin?.startedMs ?? 0 }, records);
}

function isLockHeld(path: string): boolean {
	if (readIfThere(fileSystem, path) === undefined) return false;
	const lock = fileLock(path);
	lock?.release();
	return lock === undefined;
}
