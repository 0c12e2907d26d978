import type { LineObject } from '../../src/core/json-line.ts';
import type { AlertInfo } from '../../src/core/query.ts';
import type { MetaStore, RunRow } from './store/meta-store.ts';

const LEVELS = ['info', 'warn', 'error'] as const;

/**
 * Adds an alert to a run, unless one of the same title lies less than `waitMs` before or after it.
 * @param timeMs when it was raised: by the server's clock, or by its record where it came as one.
 */
export function addAlert(meta: MetaStore, run: RunRow, { title, text, level, waitMs }: LineObject, timeMs: number): void {
	if (typeof title !== 'string' || typeof text !== 'string') return;
	const wait = typeof waitMs === 'number' ? waitMs : 0;
	const isRepeated = meta.alerts(run).some((alert) => alert.title === title && Math.abs(timeMs - alert.timeMs) < wait);
	if (isRepeated) return;
	meta.addAlert(run, { title, text, level: LEVELS.find((known) => known === level) ?? 'info', timeMs } satisfies AlertInfo);
}
