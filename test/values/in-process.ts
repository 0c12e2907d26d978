import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokens } from '../../server/src/access/tokens.ts';
import { createApp } from '../../server/src/app.ts';
import { SqliteTokenStore } from '../../server/src/store/sqlite-token-store.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { type LineObject, parseLine } from '../../src/core/json-line.ts';
import { createInit, type Init } from '../../src/init.ts';
import { edgePlatform } from '../../src/platform/edge/index.ts';
import { edgeWriterPlatform } from '../../src/platform/edge/writer-platform.ts';
import { inlineChannel } from '../../src/transport/inline-channel.ts';
import { WriterLink } from '../../src/transport/writer-link.ts';
import { Writer } from '../../src/writer.ts';

const HOST = 'tidelog.test';

export interface ExportedRecord {
	writer: string;
	n: number;
	step?: number;
	line: LineObject;
}

/** The whole way in one process: the engine of the edge, whose `fetch` is our server. */
export class InProcess {
	readonly url = `http://${HOST}`;
	readonly init: Init;
	readonly #folder = mkdtempSync(join(tmpdir(), 'tidelog-values-'));
	readonly #tracker = new Tracker(this.#folder, () => Date.now());
	readonly #tokenStore = new SqliteTokenStore(this.#folder);
	readonly #closing = new AbortController();
	readonly #app = createApp(this.#tracker, {
		hosts: () => new Set([HOST]),
		origins: new Set(),
		tokens: new Tokens(this.#tokenStore, () => Date.now()),
		dashboardDir: this.#folder,
		closing: this.#closing.signal,
	});

	constructor() {
		const { clock } = edgePlatform;
		const platform = { ...edgeWriterPlatform(), fetch: (input: RequestInfo | URL, init?: RequestInit) => this.fetch(new Request(input, init)) };
		this.init = createInit({
			...edgePlatform,
			link: () => ({
				channel: inlineChannel,
				writer: Promise.resolve(
					new WriterLink(async () => {
						const writer = new Writer(platform);
						return { host: writer, open: (spec, port) => writer.open(spec, port), terminate: () => undefined };
					}, clock),
				),
			}),
		});
	}

	async fetch(request: Request): Promise<Response> {
		const headers = new Headers(request.headers);
		headers.set('host', HOST);
		const body = request.method === 'GET' ? undefined : await request.arrayBuffer();
		return this.#app.request(request.url, { method: request.method, headers, ...(body ? { body } : {}) });
	}

	/** History records of a run as the server has them, in order. */
	async records(project: string, run: string): Promise<ExportedRecord[]> {
		return (await this.#lines(`/api/projects/${project}/runs/${run}/records.jsonl`)) as unknown as ExportedRecord[];
	}

	/** Rows of a run: its records laid over one another by step. */
	async rows(project: string, run: string): Promise<LineObject[]> {
		return this.#lines(`/api/projects/${project}/runs/${run}/history.jsonl`);
	}

	/** What the server says of a run: its summary and config among it. */
	async detail(project: string, run: string): Promise<{ summary: LineObject; config: LineObject }> {
		return (await (await this.fetch(new Request(`${this.url}/api/projects/${project}/runs/${run}`))).json()) as never;
	}

	close(): void {
		this.#closing.abort();
		this.#tracker.close();
		this.#tokenStore.close();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	async #lines(path: string): Promise<LineObject[]> {
		const response = await this.fetch(new Request(this.url + path));
		if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
		const lines = (await response.text()).split('\n').filter((line) => line !== '');
		return lines.map((line) => parseLine(line) as LineObject);
	}
}
