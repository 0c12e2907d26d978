import ky, { HTTPError, type Options } from 'ky';
import { decodeChart } from '../core/chart-bytes.ts';
import type { LiveEvent, MediaPoint, MetricInfo, ProjectInfo, Query, RunDetail, RunInfo } from '../core/query.ts';
import { fromWire } from '../core/wire-values.ts';
import type { Clock } from '../platform/clock.ts';

/** A server's answer that was no success; `status` is HTTP's. */
export class QueryError extends Error {
	readonly status: number;

	constructor(status: number, message: string) {
		super(message);
		this.name = 'QueryError';
		this.status = status;
	}
}

/**
 * A Query over a Tidelog server. `baseUrl` is its origin; `''` is the origin of the page.
 * Calls reject with a QueryError when the server refuses, with ky's TimeoutError when it says nothing for 30 s, and with fetch's TypeError when it cannot be
 * reached. What is asked by GET is asked up to three times before.
 */
export function createHttpQuery(baseUrl: string, clock: Clock): Query {
	const get = (path: string, signal?: AbortSignal) => json(ask(`${baseUrl}${path}`, { signal: signal ?? null }));
	const post = (path: string, body: unknown, signal?: AbortSignal) =>
		ask(`${baseUrl}${path}`, { method: 'POST', json: body, signal: signal ?? null });
	const projectPath = (project: string) => `/api/projects/${encodeURIComponent(project)}`;
	const runPath = (project: string, runId: string) => `${projectPath(project)}/runs/${encodeURIComponent(runId)}`;
	return {
		projects: (signal) => get('/api/projects', signal) as Promise<ProjectInfo[]>,
		runs: (project, signal) => get(`${projectPath(project)}/runs`, signal) as Promise<RunInfo[]>,
		run: (project, runId, signal) =>
			(get(runPath(project, runId), signal) as Promise<RunDetail>).catch((error: unknown) => {
				if (error instanceof QueryError && error.status === 404) return undefined;
				throw error;
			}),
		metrics: (project, runIds, signal) => json(post(`${projectPath(project)}/metrics`, { runIds }, signal)) as Promise<MetricInfo[]>,
		chart: async (request, signal) => decodeChart(await (await post('/api/chart', request, signal)).arrayBuffer()),
		media: (project, runId, key, signal) => get(`${runPath(project, runId)}/media?key=${encodeURIComponent(key)}`, signal) as Promise<MediaPoint[]>,
		fileUrl: (project, runId, path) => `${baseUrl}${runPath(project, runId)}/files/${path.split('/').map(encodeURIComponent).join('/')}`,
		subscribe: (project, listener) => subscribe(`${baseUrl}/api/live?project=${encodeURIComponent(project)}`, listener, clock),
	};
}

const TIMEOUT_MS = 30_000;

async function ask(url: string, options: Options): Promise<Response> {
	try {
		return await ky(url, { timeout: TIMEOUT_MS, ...options });
	} catch (error) {
		if (!(error instanceof HTTPError)) throw error;
		const { response } = error as HTTPError;
		const body = (await response.json().catch(() => undefined)) as { error?: string } | undefined;
		throw new QueryError(response.status, body?.error ?? `The server answered ${response.status}.`);
	}
}

async function json(response: Promise<Response>): Promise<unknown> {
	return fromWire(await (await response).json());
}

/** EventSource gives up for good when a server answers with an error while it restarts; then it is opened anew. */
const REOPEN_MS = 2_000;

function subscribe(url: string, listener: (event: LiveEvent) => void, clock: Clock): () => void {
	const ended = new AbortController();
	let source: EventSource;
	const open = () => {
		source = new EventSource(url);
		source.onopen = () => listener({ type: 'connection', isConnected: true });
		source.onmessage = (event: MessageEvent<string>) => listener(fromWire(JSON.parse(event.data)) as LiveEvent);
		source.onerror = () => {
			listener({ type: 'connection', isConnected: false });
			if (source.readyState !== EventSource.CLOSED) return;
			void clock.sleep(REOPEN_MS, ended.signal).then(() => {
				if (!ended.signal.aborted) open();
			});
		};
	};
	open();
	return () => {
		ended.abort();
		source.close();
	};
}
