import { useEffect, useState } from 'preact/hooks';
import type { RunDetail } from '../../../src/core/query.ts';
import type { ProjectState } from './project-state.ts';

export interface RunDetailState {
	detail: RunDetail | undefined;
	/** `missing`: the server says that there is no such run. */
	status: 'loading' | 'ready' | 'missing' | 'error';
	error: string;
}

/** Least time between two reads of a run that is going. */
const EVERY_MS = 2000;

/** The whole of one run, read again when it changes, at most every 2 s. What was read stays when a later read fails. */
export function useRunDetail(state: ProjectState, runId: string): RunDetailState {
	const [result, setResult] = useState<RunDetailState>({ detail: undefined, status: 'loading', error: '' });
	const info = state.live.run(runId)?.value;
	const isOnline = state.live.state.value !== 'offline';
	const version = info ? `${info.records}|${info.state}|${info.heartbeatMs}` : '';
	const readAt = useReadTime();
	useEffect(() => {
		if (!isOnline) return;
		const stopping = new AbortController();
		const read = (): void => {
			readAt.current = performance.now();
			state.query.run(state.project, runId, stopping.signal).then(
				(detail) => setResult(detail ? { detail, status: 'ready', error: '' } : { detail: undefined, status: 'missing', error: '' }),
				(error: unknown) => {
					if (stopping.signal.aborted) return;
					setResult((was) => (was.detail ? was : { ...was, status: 'error', error: error instanceof Error ? error.message : String(error) }));
				},
			);
		};
		const timer = setTimeout(read, Math.max(0, readAt.current + EVERY_MS - performance.now()));
		return () => {
			clearTimeout(timer);
			// An answer that is under way is still of use; only a page that was left throws it away.
		};
	}, [state, runId, version, isOnline, readAt]);
	return result;
}

function useReadTime(): { current: number } {
	const [time] = useState(() => ({ current: -Infinity }));
	return time;
}
