import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokens } from '../../server/src/access/tokens.ts';
import { createApp } from '../../server/src/app.ts';
import { backUp } from '../../server/src/backup.ts';
import type { BucketsRequest, HistoryStore, RunKey } from '../../server/src/store/history-store.ts';
import type { RunRow } from '../../server/src/store/meta-store.ts';
import { SqliteTokenStore } from '../../server/src/store/sqlite-token-store.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { type LineValue, writeLine } from '../../src/core/json-line.ts';
import type { MetaRecord } from '../../src/core/meta.ts';
import { CONSOLE_FILE, EVENTS_FILE, HISTORY_FILE, META_FILE, type TidelogAnswer } from '../../src/core/protocol.ts';
import type { Series } from '../../src/core/query.ts';

export const FILES = { history: HISTORY_FILE, meta: META_FILE, events: EVENTS_FILE, console: CONSOLE_FILE };

export interface WriterOptions {
	startedMs?: number;
	gen?: number;
	upTo?: number;
}

export interface Answer {
	status: number;
	headers: Headers;
	body: Record<string, unknown> & { data?: Record<string, never>; errors?: { message: string }[] };
}

/** A server without a socket, on a data folder of its own and a clock that the test moves. */
export class TestServer {
	readonly folder = mkdtempSync(join(tmpdir(), 'tidelog-server-'));
	nowMs = Date.UTC(2026, 0, 1);
	tracker: Tracker;
	readonly tokens: Tokens;
	readonly #tokenStore: SqliteTokenStore;
	#app: ReturnType<typeof createApp>;
	readonly #closing = new AbortController();

	constructor() {
		this.tracker = new Tracker(this.folder, () => this.nowMs);
		this.#tokenStore = new SqliteTokenStore(this.folder);
		this.tokens = new Tokens(this.#tokenStore, () => this.nowMs);
		this.#app = this.#newApp();
	}

	#newApp() {
		return createApp(this.tracker, {
			hosts: () => new Set(['127.0.0.1:1']),
			origins: new Set(),
			tokens: this.tokens,
			dashboardDir: this.folder,
			closing: this.#closing.signal,
		});
	}

	backup(folder: string): Promise<void> {
		return backUp(folder, { database: this.tracker.database, blobs: this.tracker.blobs, tokens: this.#tokenStore });
	}

	restart(): void {
		this.tracker.close();
		this.tracker = new Tracker(this.folder, () => this.nowMs);
		this.#app = this.#newApp();
	}

	close(): void {
		this.#closing.abort();
		this.tracker.close();
		this.#tokenStore.close();
		rmSync(this.folder, { recursive: true, force: true });
	}

	request(method: string, path: string, body?: string | Uint8Array): Response | Promise<Response> {
		return this.#app.request(`http://127.0.0.1:1${path}`, {
			method,
			headers: { host: '127.0.0.1:1', 'content-type': 'application/json' },
			...(body === undefined ? {} : { body: body as string }),
		});
	}

	async post(path: string, body: object): Promise<Answer> {
		const response = await this.request('POST', path, JSON.stringify(body));
		return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
	}

	graphql(query: string, variables: object = {}): Promise<Answer> {
		return this.post('/graphql', { query, variables });
	}

	async exported(run: string, what: string): Promise<Record<string, unknown>[]> {
		const text = await (await this.request('GET', `/api/projects/p/runs/${run}/${what}`)).text();
		return text
			.split('\n')
			.filter((line) => line !== '')
			.map((line) => JSON.parse(line) as Record<string, unknown>);
	}

	/** Makes a run of project p when it is not there. */
	newRun(name: string): RunRow {
		return this.tracker.upsertRun({ project: 'p', name }).run;
	}

	run(name: string): RunRow {
		return this.tracker.runNamed('local', 'p', name);
	}

	/** Sends lines as a writer of records. */
	send(
		run: string,
		writer: string,
		files: Partial<Record<keyof typeof FILES, [offset: number, lines: string[]]>>,
		{ startedMs = 1, gen = 0, upTo = 0 }: WriterOptions = {},
	): TidelogAnswer {
		return this.tracker.stream(this.run(run), {
			tidelog: { v: 1, writer, startedMs, upTo, gen },
			files: Object.fromEntries(Object.entries(files).map(([name, [offset, content]]) => [FILES[name as 'meta'], { offset, content }])),
		}) as TidelogAnswer;
	}
}

export const historyLine = (values: Record<string, LineValue>, step?: number) =>
	writeLine({ ...values, ...(step === undefined ? {} : { _step: step }), _runtime: (step ?? 0) / 2, _timestamp: 100 + (step ?? 0) });

export const metaLine = (record: MetaRecord, timestampS = 100) =>
	writeLine({ ...(record as unknown as Record<string, LineValue>), _runtime: 0, _timestamp: timestampS });

/** A series whose columns are lists. */
export type ListedSeries = { [K in keyof Series]: Series[K] extends ArrayBufferView ? number[] : Series[K] };

export function listed(series: Series): ListedSeries {
	const lists = Object.entries(series).map(([name, value]) => [name, ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value]);
	return Object.fromEntries(lists) as ListedSeries;
}

/** The chart of one metric of a run. */
export function chartOf(history: HistoryStore, run: RunKey, key: string, request: Omit<BucketsRequest, 'keys'> = {}): ListedSeries | undefined {
	const [series] = history.buckets([run], { keys: [key], ...request });
	return series && listed(series);
}
