import { Hono } from 'hono';
import { routePath } from 'hono/route';
import type { Env } from './access/access.ts';
import type { Tokens } from './access/tokens.ts';
import { observe } from './operation/observe.ts';
import { Operation } from './operation/operation.ts';
import { RequestError, refusal } from './request-error.ts';
import { apiRoutes } from './routes/api.ts';
import { dashboardRoute } from './routes/dashboard.ts';
import { downloadRoutes } from './routes/downloads.ts';
import { graphqlRoute } from './routes/graphql.ts';
import { ingestRoutes } from './routes/ingest.ts';
import { liveRoute } from './routes/live.ts';
import { operationRoutes } from './routes/operation.ts';
import { safety } from './safety.ts';
import { BlobTooLargeError } from './store/blob-store.ts';
import type { Tracker } from './tracker.ts';

export interface AppOptions {
	/** Values of the Host header that are answered, e.g. `127.0.0.1:8420`; asked at each request, since the port is known late. */
	hosts: () => ReadonlySet<string>;
	/** Origins of the dashboard besides `http://` and a host. */
	ownOrigins?: ReadonlySet<string>;
	/** Origins of other pages that may write runs here, e.g. `https://demo.example`. */
	origins: ReadonlySet<string>;
	/** Whether only this machine reaches the server; true by default. */
	isLoopback?: boolean;
	/** Whether everybody needs a token, even while there is no API key; false by default. */
	needsToken?: boolean;
	tokens: Tokens;
	/** Folder of the built dashboard. */
	dashboardDir: string;
	/** Its log tells errors on standard error by default. */
	operation?: Operation;
	/** Aborts when the server closes: ends live streams. */
	closing: AbortSignal;
}

export function createApp(tracker: Tracker, options: AppOptions): Hono<Env> {
	const { dashboardDir, closing, operation = new Operation() } = options;
	const app = new Hono<Env>();
	app.use(observe(operation, tracker.nowMs));
	app.use(safety({ ownOrigins: new Set(), isLoopback: true, needsToken: false, nowMs: tracker.nowMs, ...options }));
	app.onError((error, c) => {
		if (error instanceof RequestError) return c.json(refusal(error, tracker.database.serverId), error.status);
		if (error instanceof BlobTooLargeError) return c.json({ error: error.message }, 413);
		if (error instanceof SyntaxError)
			return c.json({ errors: [{ message: `Bad JSON: ${error.message}` }], error: `Bad JSON: ${error.message}` }, 400);
		const id = c.get('requestId');
		operation.log.error('request failed', { request: id, method: c.req.method, route: routePath(c) }, error);
		const message = `The server failed at this; its log says why, under ${id}. Nothing of the request was kept; it may be sent again.`;
		return c.json({ errors: [{ message }], error: message }, 500);
	});
	app.route('/', operationRoutes(tracker, operation));
	app.route('/', graphqlRoute(tracker));
	app.route('/', ingestRoutes(tracker));
	app.route('/', downloadRoutes(tracker));
	app.route('/', apiRoutes(tracker));
	app.route('/', liveRoute(tracker, closing));
	app.route('/', dashboardRoute(dashboardDir));
	app.notFound((c) => c.json({ error: 'There is nothing at this address.' }, 404));
	return app;
}
