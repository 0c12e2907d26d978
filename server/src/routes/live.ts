import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { DEFAULT_ENTITY } from '../../../src/core/protocol.ts';
import type { LiveEvent, RunInfo } from '../../../src/core/query.ts';
import { toWire } from '../../../src/core/wire-values.ts';
import type { Env } from '../access/access.ts';
import { stateAt } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';

/** Changes of this long are told together. */
const GATHER_MS = 150;
const KEEP_ALIVE_MS = 15_000;

/** One stream a page: all runs of the project first, then those that changed. */
export function liveRoute(tracker: Tracker, closing: AbortSignal): Hono<Env> {
	return new Hono<Env>().get('/api/live', (c) => {
		const name = c.req.query('project') ?? '';
		return streamSSE(c, async (stream) => {
			const changed = new Set<number>();
			const deleted = new Set<string>();
			let wake = () => {};
			const end = tracker.onChange((run, isDeleted) => {
				if (run.project.name !== name || run.project.entity !== DEFAULT_ENTITY) return;
				if (isDeleted) deleted.add(run.name);
				else changed.add(run.id);
				wake();
			});
			const isOver = () => stream.aborted || closing.aborted;
			const { metrics, log } = c.get('operation');
			metrics.liveSubscriptions++;
			const abort = () => wake();
			stream.onAbort(abort);
			closing.addEventListener('abort', abort);
			const send = (runs: RunInfo[], gone: string[] = []) =>
				stream.writeSSE({ data: JSON.stringify(toWire({ type: 'runs', runs, deleted: gone } satisfies LiveEvent)) });
			const isQuiet = () => changed.size === 0 && deleted.size === 0;
			// Silence is a change too: a run becomes crashed by saying nothing.
			const states = new Map<number, string>();
			try {
				// A page may wait for a project that its first run has yet to make.
				const rows = () => {
					const project = tracker.meta.project(DEFAULT_ENTITY, name);
					return project ? tracker.meta.runs(project) : [];
				};
				await send(rows().map((run) => tracker.info(run)));
				while (!isOver()) {
					if (isQuiet()) {
						await new Promise<void>((resolve) => {
							const timer = setTimeout(resolve, KEEP_ALIVE_MS);
							wake = () => {
								clearTimeout(timer);
								resolve();
							};
						});
					}
					if (isOver()) break;
					// A slow reader holds this await, not the server's memory: what changes meanwhile is told once, by its newest state.
					if (isQuiet()) await stream.write(': still here\n\n');
					else await stream.sleep(GATHER_MS);
					for (const run of rows()) {
						const state = stateAt(run, tracker.nowMs());
						if (states.has(run.id) && states.get(run.id) !== state) changed.add(run.id);
						states.set(run.id, state);
					}
					const runs = [...changed].flatMap((id) => {
						const run = tracker.meta.runByStorageId(String(id));
						return run ? [tracker.info(run)] : [];
					});
					const gone = [...deleted];
					changed.clear();
					deleted.clear();
					if (runs.length > 0 || gone.length > 0) await send(runs, gone);
				}
			} catch (error) {
				// A page that has gone is no failure.
				if (!isOver()) log.error('live updates broke off', { request: c.get('requestId') }, error);
			} finally {
				metrics.liveSubscriptions--;
				end();
				closing.removeEventListener('abort', abort);
			}
		});
	});
}
