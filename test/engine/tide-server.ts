import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokens } from '../../server/src/access/tokens.ts';
import { createApp } from '../../server/src/app.ts';
import type { RunRow } from '../../server/src/store/meta-store.ts';
import { SqliteTokenStore } from '../../server/src/store/sqlite-token-store.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { type JsonObject, readObject } from '../referee/json-reader.ts';

export const HOST = 'tide.test';

/** A line of the raw export. */
export interface ExportedLine {
	writer: string;
	n: number;
	/** Where the server has put a line that names no step. */
	step?: number;
	line: JsonObject;
}

/** Our server in this process, on a data folder of its own; it can be killed, and its folder be replaced or put back. */
export class TideServer {
	tracker: Tracker;
	readonly #nowMs: () => number;
	readonly #parent = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tidelog-chaos-'));
	readonly #tokenStore = new SqliteTokenStore(this.#parent);
	readonly #tokens: Tokens;
	readonly #closing = new AbortController();
	#folder = join(this.#parent, 'data-0');
	#folders = 1;
	#app: ReturnType<typeof createApp>;

	constructor(nowMs: () => number) {
		this.#nowMs = nowMs;
		this.#tokens = new Tokens(this.#tokenStore, nowMs);
		this.tracker = new Tracker(this.#folder, nowMs);
		this.#app = this.#newApp();
	}

	readonly fetch = async (request: Request): Promise<Response> => this.#app.fetch(request);

	/** Ends it without a word and starts it again on the same folder. */
	restart(): void {
		this.tracker.close();
		this.#open();
	}

	/** A copy of the data folder, for {@link restore}. */
	backup(): string {
		this.tracker.close();
		const copy = join(this.#parent, `backup-${this.#folders++}`);
		cpSync(this.#folder, copy, { recursive: true });
		this.#open();
		return copy;
	}

	restore(copy: string): void {
		this.tracker.close();
		this.#folder = join(this.#parent, `data-${this.#folders++}`);
		cpSync(copy, this.#folder, { recursive: true });
		this.#open();
	}

	/** Goes on with an empty folder. */
	replace(): void {
		this.tracker.close();
		this.#folder = join(this.#parent, `data-${this.#folders++}`);
		this.#open();
	}

	close(): void {
		this.#closing.abort();
		this.tracker.close();
		this.#tokenStore.close();
		rmSync(this.#parent, { recursive: true, force: true });
	}

	find(id: string, project = 'p'): RunRow | undefined {
		return this.tracker.meta.run('local', project, id);
	}

	run(id: string, project = 'p'): RunRow {
		return this.tracker.runNamed('local', project, id);
	}

	/** Every line of a stream, as the raw export gives it. */
	async records(id: string, stream: 'history' | 'meta' = 'history', project = 'p'): Promise<ExportedLine[]> {
		return (await this.#lines(`${project}/runs/${id}/records.jsonl?stream=${stream}`)) as unknown as ExportedLine[];
	}

	rows(id: string, project = 'p'): Promise<JsonObject[]> {
		return this.#lines(`${project}/runs/${id}/history.jsonl`);
	}

	async #lines(path: string): Promise<JsonObject[]> {
		const response = await this.fetch(new Request(`http://${HOST}/api/projects/${path}`, { headers: { host: HOST } }));
		const text = await response.text();
		if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
		const lines = text.split('\n').filter((line) => line !== '');
		return lines.map((line) => readObject(line, { bareNumbers: true }).value);
	}

	#open(): void {
		this.tracker = new Tracker(this.#folder, this.#nowMs);
		this.#app = this.#newApp();
	}

	#newApp() {
		const hosts = new Set([HOST]);
		return createApp(this.tracker, {
			hosts: () => hosts,
			origins: new Set(),
			tokens: this.#tokens,
			dashboardDir: this.#parent,
			closing: this.#closing.signal,
		});
	}
}
