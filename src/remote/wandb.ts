import { type LineObject, type LineValue, parseLine, writeLine } from '../core/json-line.ts';
import type { Alert } from '../core/meta.ts';
import { FEATURE_GZIP, FEATURE_RECORDS, type FileStreamAnswer, type FileStreamRequest, RUN_KEY_HEADER } from '../core/protocol.ts';
import type { FoundRun, Outcome, Remote, RemoteFeatures, RemoteRun, RunUpsert } from '../core/remote.ts';
import type { RunState } from '../core/store.ts';
import type { Clock } from '../platform/clock.ts';

/**
 * The W&B protocol as its client 0.30 speaks it: GraphQL for what is structured, file_stream for lines, PUT to given URLs for bytes.
 *
 * On `fetch` alone: of what ky (1.14) adds, retries have to be the sender's and time-outs to run on the clock that is passed in, and for the rest it would take a quarter of
 * the worker's bytes (4.9 of 20 kB).
 */
const GRAPHQL_TIMEOUT_MS = 30_000;
const STREAM_TIMEOUT_MS = 60_000;
const UPLOAD_TIMEOUT_MS = 300_000;
/** Below this gzip saves less than it costs. */
const GZIP_FROM_BYTES = 1024;
/** Statuses after which the same request can never succeed (W&B's client 0.30 gives up on these). 413 is answered by smaller requests. */
const FINAL_STATUSES = new Set([400, 401, 403, 404, 409, 410, 413, 422, 501]);
const FEATURE_GLOBS = 'EXPAND_DEFINED_METRIC_GLOBS';

const FEATURES_QUERY = 'query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }';
/** What a run is asked for; of a Tidelog server, a little more. */
const RUN_FIELDS = 'id name historyLineCount eventsLineCount logLineCount historyTail eventsTail summaryMetrics config';
const OUR_FIELDS = ' tidelog { serverId gen nextStep isLive }';
const findQuery = (fields: string) =>
	`query RunResumeStatus($project: String, $entity: String, $name: String!) { model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { ${fields} } } }`;
const rewindMutation = (fields: string) =>
	`mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!, $metricValue: Float!) { rewindRun(input: { runName: $runName, entityName: $entity, projectName: $project, metricName: $metricName, metricValue: $metricValue }) { rewoundRun { ${fields} } } }`;
const upsertMutation = (fields: string) =>
	`mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $displayName: String, $notes: String, $tags: [String!], $groupName: String, $jobType: String, $config: JSONString) { upsertBucket(input: { id: $id, name: $name, modelName: $project, entityName: $entity, displayName: $displayName, notes: $notes, tags: $tags, groupName: $groupName, jobType: $jobType, config: $config }) { bucket { historyLineCount project { name entity { name } }${fields} } } }`;
const FILES_MUTATION =
	'mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) { createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) { uploadHeaders files { name uploadUrl } } }';
const ALERT_MUTATION =
	'mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!, $title: String!, $text: String!, $severity: AlertSeverity, $waitDuration: Duration) { notifyScriptableRunAlert(input: { entityName: $entityName, projectName: $projectName, runName: $runName, title: $title, text: $text, severity: $severity, waitDuration: $waitDuration }) { success } }';

interface TidelogFields {
	serverId: string;
	gen: number;
	nextStep: number;
	isLive: boolean;
}

interface Bucket {
	id: string;
	historyLineCount: number | null;
	eventsLineCount: number | null;
	logLineCount: number | null;
	historyTail: string | null;
	eventsTail: string | null;
	summaryMetrics: string | null;
	config: string | null;
	tidelog?: TidelogFields;
}

/** What requests are made with. */
export interface HttpTools {
	fetch: typeof fetch;
	clock: Clock;
	/** Compresses, where that pays. */
	gzip(text: string): Promise<Uint8Array<ArrayBuffer>>;
}

export class WandbRemote implements Remote {
	readonly #server: string;
	readonly #token: string | undefined;
	readonly #isLoopback: boolean;
	readonly #tools: HttpTools;

	constructor(server: string, token: string | undefined, tools: HttpTools) {
		this.#server = server;
		this.#token = token;
		this.#tools = tools;
		this.#isLoopback = /^https?:\/\/(localhost|127\.|\[::1\])/.test(server);
	}

	async features(signal: AbortSignal): Promise<Outcome<RemoteFeatures>> {
		const outcome = await this.#graphql<{ serverInfo: { features: { name: string; isEnabled: boolean }[] } | null }>(FEATURES_QUERY, {}, signal);
		if (outcome.kind !== 'accepted') return outcome;
		const on = new Set((outcome.answer.serverInfo?.features ?? []).filter((feature) => feature.isEnabled).map((feature) => feature.name));
		return {
			kind: 'accepted',
			answer: { takesRecords: on.has(FEATURE_RECORDS), takesGzip: on.has(FEATURE_GZIP), takesGlobs: on.has(FEATURE_GLOBS) },
		};
	}

	async find(run: RunState, { takesRecords }: RemoteFeatures, signal: AbortSignal): Promise<Outcome<FoundRun | undefined>> {
		const outcome = await this.#graphql<{ model: { bucket: Bucket | null } | null }>(
			findQuery(RUN_FIELDS + (takesRecords ? OUR_FIELDS : '')),
			{ ...names(run), name: run.sentAs },
			signal,
			keyOf(run, takesRecords),
		);
		if (outcome.kind !== 'accepted') return outcome;
		const bucket = outcome.answer.model?.bucket;
		return { kind: 'accepted', answer: bucket ? toFound(bucket) : undefined };
	}

	async upsertRun(run: RunState, change: RunUpsert, { takesRecords }: RemoteFeatures, signal: AbortSignal): Promise<Outcome<RemoteRun>> {
		const { name, notes, tags, group, jobType } = run;
		const info = change.withInfo ? { displayName: name, notes, tags, groupName: group, jobType } : {};
		const outcome = await this.#graphql<{
			upsertBucket: { bucket: { historyLineCount: number | null; project: { name: string; entity: { name: string } }; tidelog?: TidelogFields } };
		}>(
			upsertMutation(takesRecords ? OUR_FIELDS : ''),
			{ id: change.storageId, ...names(run), name: run.sentAs, ...info, config: change.config && writeLine(change.config) },
			signal,
			keyOf(run, takesRecords),
		);
		if (outcome.kind !== 'accepted') return outcome;
		const { historyLineCount, project, tidelog } = outcome.answer.upsertBucket.bucket;
		const entity = project.entity.name;
		const url = [appUrl(this.#server), ...[entity, project.name, 'runs', run.sentAs].map(encodeURIComponent)].join('/');
		return {
			kind: 'accepted',
			answer: { entity, project: project.name, url, serverId: tidelog?.serverId, gen: tidelog?.gen ?? 0, historyLines: historyLineCount ?? 0 },
		};
	}

	async rewind(run: RunState, step: number, { takesRecords }: RemoteFeatures, signal: AbortSignal): Promise<Outcome<FoundRun>> {
		const outcome = await this.#graphql<{ rewindRun: { rewoundRun: Bucket } }>(
			rewindMutation(RUN_FIELDS + (takesRecords ? OUR_FIELDS : '')),
			{ ...names(run), runName: run.sentAs, metricName: '_step', metricValue: step },
			signal,
			keyOf(run, takesRecords),
		);
		if (outcome.kind !== 'accepted') return outcome;
		const found = toFound(outcome.answer.rewindRun.rewoundRun);
		// Events and console begin anew (wandb 0.30, seen on the wire).
		return { kind: 'accepted', answer: { ...found, lines: { history: found.lines.history, events: 0, console: 0 } } };
	}

	async stream(
		run: RunState,
		request: FileStreamRequest,
		{ takesGzip, takesRecords }: RemoteFeatures,
		signal: AbortSignal,
	): Promise<Outcome<FileStreamAnswer>> {
		const { entity, project } = names(run);
		const path = [entity ?? '', project, run.sentAs].map(encodeURIComponent).join('/');
		const text = JSON.stringify(request);
		const headers = keyOf(run, takesRecords);
		let body: string | Uint8Array<ArrayBuffer> = text;
		// On loopback compressing takes longer than sending.
		if (takesGzip && !this.#isLoopback && text.length >= GZIP_FROM_BYTES) {
			body = await this.#tools.gzip(text);
			headers['content-encoding'] = 'gzip';
		}
		return this.#json(`${this.#server}/files/${path}/file_stream`, { body, headers, signal }, STREAM_TIMEOUT_MS);
	}

	async upload(run: RunState, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<Outcome<undefined>> {
		const asked = await this.#graphql<{ createRunFiles: { uploadHeaders: string[]; files: { name: string; uploadUrl: string }[] } }>(
			FILES_MUTATION,
			{ ...names(run), run: run.sentAs, files: [path] },
			signal,
			keyOf(run, run.contact?.serverId !== undefined),
		);
		if (asked.kind !== 'accepted') return asked;
		const { files, uploadHeaders } = asked.answer.createRunFiles;
		const url = files.find((file) => file.name === path)?.uploadUrl;
		if (!url) return { kind: 'retry', reason: `The server gave no address to upload ${path} to.` };
		const headers = Object.fromEntries(
			uploadHeaders.map((header) => [header.slice(0, header.indexOf(':')), header.slice(header.indexOf(':') + 1).trim()]),
		);
		// The address itself carries the right to write, and may be another company's store: no token goes there.
		const outcome = await this.#request(url, { method: 'PUT', body: bytes as Uint8Array<ArrayBuffer>, headers, signal }, UPLOAD_TIMEOUT_MS);
		return outcome.kind === 'accepted' ? { kind: 'accepted', answer: undefined } : outcome;
	}

	async alert(run: RunState, { title, text, level, waitMs }: Alert, signal: AbortSignal): Promise<Outcome<undefined>> {
		const { entity, project } = names(run);
		const outcome = await this.#graphql<unknown>(
			ALERT_MUTATION,
			{ entityName: entity, projectName: project, runName: run.sentAs, title, text, severity: level.toUpperCase(), waitDuration: Math.round(waitMs) },
			signal,
		);
		return outcome.kind === 'accepted' ? { kind: 'accepted', answer: undefined } : outcome;
	}

	async #graphql<T>(query: string, variables: Record<string, unknown>, signal: AbortSignal, headers = {}): Promise<Outcome<T>> {
		const outcome = await this.#json<{ data?: T; errors?: { message: string }[] }>(
			`${this.#server}/graphql`,
			{ body: JSON.stringify({ query, variables }), headers, signal },
			GRAPHQL_TIMEOUT_MS,
		);
		if (outcome.kind !== 'accepted') return outcome;
		const { data, errors } = outcome.answer;
		if (errors?.length || !data) return { kind: 'refused', status: 200, reason: `The server refused: ${errors?.[0]?.message ?? 'no data'}` };
		return { kind: 'accepted', answer: data };
	}

	async #json<T>(url: string, options: RequestInit, timeoutMs: number): Promise<Outcome<T>> {
		const headers: Record<string, string> = { 'content-type': 'application/json', ...(options.headers as Record<string, string>) };
		if (this.#token !== undefined) headers.authorization = `Basic ${btoa(`api:${this.#token}`)}`;
		const outcome = await this.#request(url, { ...options, method: 'POST', headers }, timeoutMs);
		if (outcome.kind !== 'accepted') return outcome;
		try {
			const answer: unknown = JSON.parse(outcome.answer);
			if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return { kind: 'accepted', answer: answer as T };
		} catch {
			// Told below.
		}
		return { kind: 'retry', reason: `${url} answered no JSON object; is this a Tidelog or W&B server?` };
	}

	/** One request, its answer read to the end: an unread body holds the page's quota for keepalive requests. */
	async #request(url: string, options: RequestInit, timeoutMs: number): Promise<Outcome<string>> {
		const { fetch, clock } = this.#tools;
		const late = new AbortController();
		const done = new AbortController();
		const stop = () => late.abort();
		options.signal?.addEventListener('abort', stop);
		if (options.signal?.aborted) stop();
		void clock.sleep(timeoutMs, done.signal).then(stop);
		try {
			const response = await fetch(url, { ...options, signal: late.signal });
			const text = await response.text();
			if (response.ok) return { kind: 'accepted', answer: text };
			const body = refusalBody(text);
			const reason = `${new URL(url).origin} answered ${response.status}${body.message ? `: ${body.message}` : '.'}`;
			if (response.status === 413) return { kind: 'retry', reason, isTooLarge: true };
			if (FINAL_STATUSES.has(response.status))
				return { kind: 'refused', status: response.status, reason, ...(body.serverId ? { serverId: body.serverId } : {}) };
			return { kind: 'retry', reason, ...retryAfter(response.headers.get('retry-after'), clock) };
		} catch (error) {
			return { kind: 'retry', reason: `${new URL(url).origin} cannot be reached (${error instanceof Error ? error.message : String(error)}).` };
		} finally {
			done.abort();
			options.signal?.removeEventListener('abort', stop);
		}
	}
}

/** Shows a Tidelog server that the run is ours. Other servers are told nothing: a browser would first ask them whether they take the header. */
function keyOf({ runKey }: RunState, isOurServer: boolean): Record<string, string> {
	return isOurServer && runKey ? { [RUN_KEY_HEADER]: runKey } : {};
}

/** What the run's project and its owner are called there, as far as is known. */
function names({ contact, project, entity }: RunState): { project: string; entity: string | null } {
	return { project: contact?.project ?? project, entity: contact?.entity ?? (entity || null) };
}

function toFound(bucket: Bucket): FoundRun {
	const tail = lastLine(bucket.historyTail);
	const summary = object(bucket.summaryMetrics);
	const config = Object.fromEntries(
		Object.entries(object(bucket.config)).map(([key, wrapped]) => [key, (wrapped as LineObject | null)?.value ?? null]),
	);
	const history = bucket.historyLineCount ?? 0;
	const step = number(tail._step) ?? number(summary._step);
	const ended = (summary._wandb as LineObject | undefined)?.runtime;
	return {
		storageId: bucket.id,
		writers: Object.keys(((config._wandb as LineObject | null)?.e as LineObject | undefined) ?? {}),
		config,
		summary,
		// wandb 0.30, core/internal/runbranch/resume.go: the step in the tail, plus one where there is a line.
		nextStep: bucket.tidelog?.nextStep ?? (step === undefined ? 0 : step + (history > 0 ? 1 : 0)),
		lines: { history, events: bucket.eventsLineCount ?? 0, console: bucket.logLineCount ?? 0 },
		runtimeS: Math.max(number(lastLine(bucket.eventsTail)._runtime) ?? 0, number(tail._runtime) ?? 0, number(ended) ?? number(summary._runtime) ?? 0),
		gen: bucket.tidelog?.gen ?? 0,
		isLive: bucket.tidelog?.isLive ?? false,
	};
}

/** Tails are the JSON text of a list of lines, each JSON text itself. */
function lastLine(tail: string | null): LineObject {
	try {
		const lines: unknown = JSON.parse(tail ?? '[]');
		return Array.isArray(lines) && typeof lines.at(-1) === 'string' ? object(lines.at(-1) as string) : {};
	} catch {
		return {};
	}
}

function object(text: string | null): LineObject {
	try {
		const value = parseLine(text ?? '{}');
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
	} catch {
		return {};
	}
}

function number(value: LineValue | undefined): number | undefined {
	return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** W&B's shapes of an error body: `{"errors": [{"message"} | text]}` or `{"error": text | {"message"}}`. A proxy's HTML page says nothing to the user. */
function refusalBody(text: string): { message?: string; serverId?: string } {
	try {
		const body = JSON.parse(text) as { errors?: (string | { message?: string })[]; error?: string | { message?: string }; serverId?: string };
		const first = body.errors?.[0] ?? body.error;
		const message = typeof first === 'string' ? first : first?.message;
		return { ...(message ? { message } : {}), ...(body.serverId ? { serverId: body.serverId } : {}) };
	} catch {
		return {};
	}
}

/** Seconds, or a date. */
function retryAfter(header: string | null, clock: Clock): { afterMs?: number } {
	if (header === null) return {};
	const ms = header.trim() !== '' && Number.isFinite(Number(header)) ? 1000 * Number(header) : Date.parse(header) - clock.nowMs();
	return ms > 0 ? { afterMs: ms } : {};
}

/** Where people look: W&B's cloud has its app on another host than its API (wandb 0.30, wandb/util.py). */
function appUrl(server: string): string {
	return server.replace('://api.wandb.', '://wandb.').replace('://api.', '://app.');
}
