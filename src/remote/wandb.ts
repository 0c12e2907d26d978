import { gzipSync } from 'fflate';
import ky, { type Options } from 'ky';
import { type LineValue, writeLine } from '../core/json-line.ts';
import { FEATURE_GZIP, FEATURE_RECORDS, type FileStreamAnswer, type FileStreamRequest } from '../core/protocol.ts';
import type { Outcome, Remote, RemoteFeatures, RemoteRun } from '../core/remote.ts';
import type { RunState } from '../core/store.ts';

/** The W&B protocol as its client 0.30 speaks it: GraphQL for what is structured, file_stream for lines, PUT to given URLs for bytes. */
const GRAPHQL_TIMEOUT_MS = 30_000;
const STREAM_TIMEOUT_MS = 60_000;
const UPLOAD_TIMEOUT_MS = 300_000;
/** Below this gzip saves less than it costs. */
const GZIP_FROM_BYTES = 1024;
/** Statuses after which the same request can never succeed (W&B's client 0.30 gives up on these). 413 is answered by smaller requests. */
const FINAL_STATUSES = new Set([400, 401, 403, 404, 409, 410, 413, 422, 501]);

const FEATURES_QUERY = 'query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }';
const UPSERT_MUTATION =
	'mutation UpsertBucket($name: String, $project: String, $entity: String, $displayName: String, $config: JSONString) { upsertBucket(input: { name: $name, modelName: $project, entityName: $entity, displayName: $displayName, config: $config }) { bucket { project { name entity { name } } } } }';
const FILES_MUTATION =
	'mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) { createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) { uploadHeaders files { name uploadUrl } } }';

export class WandbRemote implements Remote {
	readonly #server: string;
	readonly #token: string | undefined;
	readonly #isLoopback: boolean;

	constructor(server: string, token: string | undefined) {
		this.#server = server;
		this.#token = token;
		this.#isLoopback = /^https?:\/\/(localhost|127\.|\[::1\])/.test(server);
	}

	async features(signal: AbortSignal): Promise<Outcome<RemoteFeatures>> {
		const outcome = await this.#graphql<{ serverInfo: { features: { name: string; isEnabled: boolean }[] } | null }>(FEATURES_QUERY, {}, signal);
		if (outcome.kind !== 'accepted') return outcome;
		const on = new Set((outcome.answer.serverInfo?.features ?? []).filter((feature) => feature.isEnabled).map((feature) => feature.name));
		return { kind: 'accepted', answer: { takesRecords: on.has(FEATURE_RECORDS), takesGzip: on.has(FEATURE_GZIP) } };
	}

	async upsertRun(run: RunState, signal: AbortSignal): Promise<Outcome<RemoteRun>> {
		const config: Record<string, LineValue> = {};
		for (const [key, value] of Object.entries(run.config)) config[key] = { value };
		// `t` marks a started run: without it the official client cannot resume one (wandb 0.30, core/internal/runbranch).
		config._wandb = { value: { t: {} } };
		const outcome = await this.#graphql<{ upsertBucket: { bucket: { project: { name: string; entity: { name: string } } } } }>(
			UPSERT_MUTATION,
			{ name: run.id, project: run.project, entity: run.entity || null, displayName: run.name, config: writeLine(config) },
			signal,
		);
		if (outcome.kind !== 'accepted') return outcome;
		const { project } = outcome.answer.upsertBucket.bucket;
		const entity = project.entity.name;
		const url = `${appUrl(this.#server)}/${encodeURIComponent(entity)}/${encodeURIComponent(project.name)}/runs/${encodeURIComponent(run.id)}`;
		return { kind: 'accepted', answer: { entity, project: project.name, url } };
	}

	async stream(run: RunState, request: FileStreamRequest, useGzip: boolean, signal: AbortSignal): Promise<Outcome<FileStreamAnswer>> {
		const path = [run.entity, run.project, run.id].map(encodeURIComponent).join('/');
		const text = JSON.stringify(request);
		const headers: Record<string, string> = { 'content-type': 'application/json' };
		let body: string | Uint8Array<ArrayBuffer> = text;
		// On loopback compressing takes longer than sending.
		if (useGzip && !this.#isLoopback && text.length >= GZIP_FROM_BYTES) {
			// Level 1 of fflate is faster than the browser's CompressionStream (39 against 25 MB/s in Chromium 156) and 10 % larger.
			body = gzipSync(new TextEncoder().encode(text), { level: 1 }) as Uint8Array<ArrayBuffer>;
			headers['content-encoding'] = 'gzip';
		}
		return this.#json(`${this.#server}/files/${path}/file_stream`, { body, headers, timeout: STREAM_TIMEOUT_MS, signal });
	}

	async upload(run: RunState, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<Outcome<undefined>> {
		const asked = await this.#graphql<{ createRunFiles: { uploadHeaders: string[]; files: { name: string; uploadUrl: string }[] } }>(
			FILES_MUTATION,
			{ entity: run.entity, project: run.project, run: run.id, files: [path] },
			signal,
		);
		if (asked.kind !== 'accepted') return asked;
		const { files, uploadHeaders } = asked.answer.createRunFiles;
		const url = files.find((file) => file.name === path)?.uploadUrl;
		if (!url) return { kind: 'retry', reason: `The server gave no address to upload ${path} to.` };
		const headers = Object.fromEntries(
			uploadHeaders.map((header) => [header.slice(0, header.indexOf(':')), header.slice(header.indexOf(':') + 1).trim()]),
		);
		// The address itself carries the right to write, and may be another company's store: no token goes there.
		const outcome = await request(url, { method: 'put', body: bytes as Uint8Array<ArrayBuffer>, headers, timeout: UPLOAD_TIMEOUT_MS, signal });
		return outcome.kind === 'accepted' ? { kind: 'accepted', answer: undefined } : outcome;
	}

	async #graphql<T>(query: string, variables: Record<string, unknown>, signal: AbortSignal): Promise<Outcome<T>> {
		const body = JSON.stringify({ query, variables });
		const headers = { 'content-type': 'application/json' };
		const outcome = await this.#json<{ data?: T; errors?: { message: string }[] }>(`${this.#server}/graphql`, {
			body,
			headers,
			timeout: GRAPHQL_TIMEOUT_MS,
			signal,
		});
		if (outcome.kind !== 'accepted') return outcome;
		const { data, errors } = outcome.answer;
		if (errors?.length || !data) return { kind: 'refused', status: 200, reason: `The server refused: ${errors?.[0]?.message ?? 'no data'}` };
		return { kind: 'accepted', answer: data };
	}

	async #json<T>(url: string, options: Options): Promise<Outcome<T>> {
		const headers: Record<string, string> = { ...(options.headers as Record<string, string>) };
		if (this.#token !== undefined) headers.authorization = `Basic ${btoa(`api:${this.#token}`)}`;
		const outcome = await request(url, { ...options, method: 'post', headers });
		if (outcome.kind !== 'accepted') return outcome;
		try {
			return { kind: 'accepted', answer: JSON.parse(outcome.answer) as T };
		} catch {
			return { kind: 'retry', reason: `${url} answered no JSON; is this a Tidelog server?` };
		}
	}
}

/** One request, its answer read to the end: an unread body holds the page's quota for keepalive requests. */
async function request(url: string, options: Options): Promise<Outcome<string>> {
	try {
		const response = await ky(url, { ...options, retry: 0, throwHttpErrors: false });
		const text = await response.text();
		if (response.ok) return { kind: 'accepted', answer: text };
		const reason = `${new URL(url).origin} answered ${response.status}${serverMessage(text)}`;
		if (response.status === 413) return { kind: 'retry', reason, isTooLarge: true };
		if (FINAL_STATUSES.has(response.status)) return { kind: 'refused', status: response.status, reason };
		return { kind: 'retry', reason, ...retryAfter(response.headers.get('retry-after')) };
	} catch (error) {
		return { kind: 'retry', reason: `${new URL(url).origin} cannot be reached (${error instanceof Error ? error.message : String(error)}).` };
	}
}

/** W&B's shapes of an error body: `{"errors": [{"message"} | text]}` or `{"error": text | {"message"}}`. */
function serverMessage(text: string): string {
	try {
		const body = JSON.parse(text) as { errors?: (string | { message?: string })[]; error?: string | { message?: string } };
		const first = body.errors?.[0] ?? body.error;
		const message = typeof first === 'string' ? first : first?.message;
		return message ? `: ${message}` : '.';
	} catch {
		// A proxy's HTML page says nothing to the user.
		return '.';
	}
}

function retryAfter(header: string | null): { afterMs?: number } {
	const seconds = Number(header);
	return header !== null && Number.isFinite(seconds) ? { afterMs: 1000 * seconds } : {};
}

/** Where people look: W&B's cloud has its app on another host than its API (wandb 0.30, wandb/util.py). */
function appUrl(server: string): string {
	return server.replace('://api.wandb.', '://wandb.').replace('://api.', '://app.');
}
