import type { ChartRequest, LiveEvent, MediaPoint, MetricInfo, ProjectInfo, Query, RunDetail, RunInfo, Series } from '../core/query.ts';
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
 * Calls reject with a QueryError when the server refuses, and with fetch's TypeError when it cannot be reached.
 */
export function createHttpQuery(baseUrl: string, clock: Clock): Query {
	const get = (path: string, signal?: AbortSignal) => ask(`${baseUrl}${path}`, { signal: signal ?? null });
	const post = (path: string, body: unknown, signal?: AbortSignal) =>
		ask(`${baseUrl}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal: signal ?? null });
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
		metrics: (project, runIds, signal) => post(`${projectPath(project)}/metrics`, { runIds }, signal) as Promise<MetricInfo[]>,
		chart: (request: ChartRequest, signal) => post('/api/chart', request, signal) as Promise<Series[]>,
		media: (project, runId, key, signal) => get(`${runPath(project, runId)}/media?key=${encodeURIComponent(key)}`, signal) as Promise<MediaPoint[]>,
		fileUrl: (project, runId, path) => `${baseUrl}${runPath(project, runId)}/files/${path.split('/').map(encodeURIComponent).join('/')}`,
		subscribe: (project, listener) => subscribe(`${baseUrl}/api/live?project=${encodeURIComponent(project)}`, listener, clock),
	};
}

async function ask(url: string, init: RequestInit): Promise<unknown> {
	const response = await fetch(url, init);
	if (!response.ok) {
		const body = (await response.json().catch(() => undefined)) as { error?: string } | undefined;
		throw new QueryError(response.status, body?.error ?? `The server answered ${response.status}.`);
	}
	return fromWire(await response.json());
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
