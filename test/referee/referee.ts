import { type Alert, Cloud, type RefereeOptions } from './cloud.ts';
import { takeStreamRequest } from './file-stream.ts';
import { takeGraphqlRequest } from './graphql.ts';
import { answerError, readBody } from './http.ts';
import type { JsonObject } from './json-reader.ts';
import { parseLine, type RefereeRun } from './run.ts';
import { refuse, Violation } from './violation.ts';

export type { Alert, RefereeOptions } from './cloud.ts';
export type { JsonObject, JsonValue } from './json-reader.ts';
export type { RefereeRun } from './run.ts';

/**
 * A stand-in for the W&B cloud that keeps to the protocol as wandb 0.30 speaks it. What W&B would not take is refused with 400, applied in no
 * part, and noted in `violations`. It knows no time but the one it is given and opens no socket (`listen.ts` does). It shares no code with
 * what it judges.
 *
 * A request goes: `referee` (which address, who asks) → `http` (is it JSON) → `graphql` → `operations` → `upsert`, `config`, … or
 * `file-stream` → `stream-body` (its form), `lines` (each line), `pace` (its time) → `run` (what is kept); files go to `uploads`.
 *
 * A run is named by its id, or by `entity/project/id` where two projects have the same id.
 */
export class Referee {
	readonly #cloud: Cloud;

	constructor(options: RefereeOptions) {
		this.#cloud = new Cloud(options);
	}

	/** One sentence for each request that was refused, and for what only a later request showed to be wrong. */
	get violations(): string[] {
		return this.#cloud.violations;
	}

	/** By `entity/project/id`. */
	get runs(): Map<string, RefereeRun> {
		return this.#cloud.runs;
	}

	get alerts(): Alert[] {
		return this.#cloud.alerts;
	}

	/** Answers one request, as the cloud would. Rejects only when the body breaks off; then nothing was applied. */
	readonly fetch = async (request: Request): Promise<Response> => {
		const atMs = this.#cloud.options.nowMs();
		const bytes = new Uint8Array(await request.arrayBuffer());
		const url = new URL(request.url);
		const where = url.pathname.replace(/^\/files\/(.*)\/file_stream$/, 'file_stream $1').replace(/^\//, '');
		try {
			return await this.#route(request, url, bytes, atMs);
		} catch (error) {
			if (!(error instanceof Violation)) throw error;
			const message = `${where}: ${error.message}`;
			this.violations.push(message);
			return answerError(400, message);
		}
	};

	/** All that is wrong so far: the violations, early requests that were never shown to be full, and heartbeats that came late. */
	check(): string[] {
		const notes: string[] = [];
		for (const run of this.runs.values())
			for (const { pace } of run.writers.values()) {
				const silence = pace.silenceAt(this.#cloud.options.nowMs());
				for (const note of [pace.openClaim(), ...pace.lateHeartbeats, silence]) if (note) notes.push(`file_stream ${run.path}: ${note}`);
			}
		return [...this.violations, ...notes];
	}

	/** To be said by who kills a client or loses an answer: the run's next request may come at any time, and the silence before it is no fault. */
	interrupted(run: string): void {
		for (const { pace } of this.run(run)?.writers.values() ?? []) pace.interrupt();
	}

	/** Asks the run to stop, in the answer to its next request. */
	stop(run: string): void {
		const found = this.run(run);
		if (found) found.isStopped = true;
	}

	run(idOrPath: string): RefereeRun | undefined {
		const found = [...this.runs.values()].filter((run) => run.id === idOrPath || run.path === idOrPath);
		if (found.length > 1) throw new Error(`${found.length} runs have the id ${idOrPath}; name one of ${found.map((run) => run.path).join(', ')}`);
		return found[0];
	}

	/** The lines as they came. */
	historyLines(run: string): string[] {
		return [...(this.run(run)?.history ?? [])];
	}

	rows(run: string): JsonObject[] {
		return this.historyLines(run).map(parseLine);
	}

	eventsLines(run: string): string[] {
		return [...(this.run(run)?.events ?? [])];
	}

	events(run: string): JsonObject[] {
		return this.eventsLines(run).map(parseLine);
	}

	summary(run: string): JsonObject | undefined {
		return this.run(run)?.summary;
	}

	/** What users gave, without its wrapping and without `_wandb`. */
	config(run: string): JsonObject | undefined {
		return this.run(run)?.config.values;
	}

	/** `_wandb.value` of the config. */
	wandbConfig(run: string): JsonObject | undefined {
		return this.run(run)?.config.wandb;
	}

	/** By path in the run. */
	files(run: string): Map<string, Uint8Array> {
		return this.run(run)?.files ?? new Map();
	}

	/** In W&B's words: running, finished, failed, crashed, preempting, preempted. */
	state(run: string): string | undefined {
		return this.run(run)?.stateAt(this.#cloud.options.nowMs());
	}

	exitCode(run: string): number | undefined {
		return this.run(run)?.exitCode;
	}

	/** Lines by number, as they stand; '' for one that was never sent. */
	console(run: string): string[] {
		return Array.from(this.run(run)?.console ?? [], (line) => line ?? '');
	}

	async #route(request: Request, url: URL, bytes: Uint8Array, atMs: number): Promise<Response> {
		const { headers, method } = request;
		if (method === 'PUT' && url.pathname.startsWith('/storage/'))
			return this.#cloud.uploads.put({ url, headers, bytes, isDeleted: (path) => this.#cloud.deleted.has(path) });
		const stream = /^\/files\/([^/]+)\/([^/]+)\/([^/]+)\/file_stream$/.exec(url.pathname);
		if (method !== 'POST' || (url.pathname !== '/graphql' && !stream)) return this.#unknown(method, url);
		if (!this.#isKnown(headers.get('authorization'))) return answerError(401, 'the API key is not known');
		if (!stream) return takeGraphqlRequest(this.#cloud, readBody(headers, bytes, { mayBeGzip: false }), request.url);
		const [entity, project, id] = stream.slice(1).map(decoded);
		const run = this.#cloud.find(entity, project, id ?? '');
		if (!run) return this.#missing(`${entity}/${project}/${id}`);
		const body = readBody(headers, bytes, { mayBeGzip: this.#cloud.hasOffered('FILESTREAM_GZIP') });
		return takeStreamRequest(this.#cloud, { run, headers, body, bodyBytes: Buffer.byteLength(body.text), atMs });
	}

	#isKnown(authorization: string | null): boolean {
		const { apiKey } = this.#cloud.options;
		return apiKey === undefined || authorization === `Basic ${Buffer.from(`api:${apiKey}`).toString('base64')}`;
	}

	/** A run that was deleted while somebody wrote to it is nobody's fault; one that never was is. */
	#missing(path: string): Response {
		if (!this.#cloud.deleted.has(path)) this.violations.push(`file_stream ${path}: there is no such run; one begins with UpsertBucket`);
		return answerError(404, `run ${path} not found`);
	}

	#unknown(method: string, url: URL): Response {
		// The official client sends its own telemetry there, and leaves it at a 404.
		if (!url.pathname.startsWith('/sdk/otel/')) this.violations.push(`${method} ${url.pathname}: there is no such address`);
		return answerError(404, 'not found');
	}
}

function decoded(segment: string): string {
	try {
		return decodeURIComponent(segment);
	} catch {
		refuse(`${segment} is not percent-encoded UTF-8`);
	}
}
