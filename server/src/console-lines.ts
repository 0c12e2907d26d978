import { setImmediate } from 'node:timers/promises';
import { CONSOLE_FILE } from '../../src/core/protocol.ts';
import { RequestError } from './request-error.ts';
import type { HistoryStore, LineRange, RunKey, StoredLine } from './store/history-store.ts';

const LIMIT = 1_000;
const MAX_LIMIT = 10_000;
/** How long a search holds up others at a time. */
const SLICE_MS = 20;

export interface ConsolePage {
	/** By writer, oldest first, then by number; the line is as it came. */
	lines: StoredLine[];
	/** How many lines each writer has: the number of its next one. */
	writers: { writer: string; lines: number }[];
	/** Cursor of the next page; missing on the last one. */
	next?: string;
}

/**
 * Lines of a run's console by range and text (docs/query-api.md). A search reads the range in slices, and stops when `signal` aborts.
 * @throws RequestError 400
 */
export async function consolePage(history: HistoryStore, run: RunKey, query: Record<string, string>, signal: AbortSignal): Promise<ConsolePage> {
	const limit = whole(query, 'limit', LIMIT);
	if (limit < 1 || limit > MAX_LIMIT) throw new RequestError(400, `limit must be from 1 to ${MAX_LIMIT}, but was ${limit}.`);
	const search = query.search?.toLowerCase() ?? '';
	const from = whole(query, 'from', 0);
	const to = whole(query, 'to', Number.MAX_SAFE_INTEGER);
	const names = history.writers(run).map(({ name }) => name);
	const asked = query.writer === undefined ? names : names.filter((name) => name === query.writer);
	const start = query.cursor === undefined ? undefined : readCursor(query.cursor, asked);
	const page: ConsolePage = { lines: [], writers: names.map((writer) => ({ writer, lines: history.lineCount(run, CONSOLE_FILE, writer) })) };
	let untilMs = performance.now() + SLICE_MS;
	for (const writer of start ? asked.slice(asked.indexOf(start.writer)) : asked) {
		const range: LineRange = { writer, from: start?.writer === writer ? Math.max(from, start.n) : from, to };
		for (const line of history.lines(run, CONSOLE_FILE, range)) {
			if (search === '' || line.line.toLowerCase().includes(search)) {
				if (page.lines.length === limit) return { ...page, next: `${writer}:${line.n}` };
				page.lines.push(line);
			}
			if (performance.now() < untilMs) continue;
			await setImmediate();
			if (signal.aborted) return page;
			untilMs = performance.now() + SLICE_MS;
		}
	}
	return page;
}

function whole(query: Record<string, string>, name: string, usual: number): number {
	const text = query[name];
	if (text === undefined) return usual;
	if (!/^\d{1,15}$/.test(text)) throw new RequestError(400, `${name} must be a whole number from 0, but was ${JSON.stringify(text)}.`);
	return Number(text);
}

function readCursor(cursor: string, writers: readonly string[]): { writer: string; n: number } {
	const [, writer, n] = /^(\w*):(\d{1,15})$/.exec(cursor) ?? [];
	if (writer === undefined || !writers.includes(writer))
		throw new RequestError(400, `cursor ${JSON.stringify(cursor)} is not of an answer to this question; begin again without one.`);
	return { writer, n: Number(n) };
}
