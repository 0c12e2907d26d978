import { randomBytes } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../access/access.ts';
import { RateLimiter } from '../access/rate-limiter.ts';
import type { Operation } from './operation.ts';

/** Most warnings of refused requests: who sends many must not fill the disk. */
const WARNINGS_PER_MINUTE = 600;

/**
 * Counts each request and tells of it: at debug all, as warnings those that were refused. Never a query string, a body, or what an answer says of them;
 * and of the address of an upload or a download, which is a secret, nothing.
 */
export function observe(operation: Operation, nowMs: () => number): MiddlewareHandler<Env> {
	const { log, metrics } = operation;
	const begin = randomBytes(4).toString('hex');
	const limiter = new RateLimiter(nowMs);
	let count = 0;
	let silent = 0;
	return async (c, next) => {
		const { method, path } = c.req;
		const startedMs = performance.now();
		c.set('operation', operation);
		c.set('requestId', `${begin}-${++count}`);
		await next();
		const ms = performance.now() - startedMs;
		const { status } = c.res;
		const route = routeKind(path);
		metrics.requests.add(1, { route, status: String(status) });
		metrics.durations.observe(ms / 1000, { route });
		// What is not there is looked for all the time; a file that has not come yet, too.
		const isRefused = status >= 400 && status < 500 && status !== 404;
		if (!log.tells(isRefused ? 'warn' : 'debug')) return;
		if (isRefused && limiter.take('refused', WARNINGS_PER_MINUTE) !== undefined) {
			silent++;
			return;
		}
		const fields = {
			request: c.get('requestId'),
			method,
			path: route === 'upload' || route === 'download' ? `/${route}s/…` : path,
			status,
			ms: Math.round(ms * 10) / 10,
			token: c.get('access')?.token?.id,
			origin: c.req.header('origin'),
		};
		if (!isRefused) return log.debug('request', fields);
		log.warn('request refused', { ...fields, host: status === 403 ? c.req.header('host') : undefined, silent: silent || undefined });
		silent = 0;
	};
}

export type RouteKind = 'graphql' | 'ingest' | 'upload' | 'download' | 'live' | 'api' | 'operation' | 'dashboard';

function routeKind(path: string): RouteKind {
	if (path === '/graphql') return 'graphql';
	if (path.startsWith('/files/')) return 'ingest';
	if (path.startsWith('/uploads/')) return 'upload';
	if (path.startsWith('/downloads/')) return 'download';
	if (path === '/api/live') return 'live';
	if (path.startsWith('/api/')) return 'api';
	return path === '/healthz' || path === '/metrics' ? 'operation' : 'dashboard';
}
