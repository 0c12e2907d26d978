import type { Server } from 'node:http';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { Tokens } from './access/tokens.ts';
import { createApp } from './app.ts';
import { backUp } from './backup.ts';
import { listenForCommands } from './control.ts';
import { Maintenance } from './maintenance.ts';
import type { Log } from './operation/log.ts';
import { Operation } from './operation/operation.ts';
import { limitStalls } from './operation/stalls.ts';
import { Retention } from './retention.ts';
import { healthAnswer } from './routes/operation.ts';
import { StartError } from './store/database.ts';
import { migrateApart } from './store/migrate-apart.ts';
import { SqliteTokenStore } from './store/sqlite-token-store.ts';
import { Tracker } from './tracker.ts';

export { Tokens } from './access/tokens.ts';
export { createApp } from './app.ts';
export { LOG_FORMATS, LOG_LEVELS, Log, type LogFormat, type LogLevel, type LogOptions } from './operation/log.ts';
export { StartError } from './store/database.ts';
export { SqliteTokenStore } from './store/sqlite-token-store.ts';
export { Tracker } from './tracker.ts';

export interface ServerOptions {
	/** 8420 by default; 0 takes a free one. */
	port?: number;
	/** 127.0.0.1 by default. An address that others reach needs a token first. */
	host?: string;
	/** Folder that holds everything the server knows; made when missing. */
	dataDir: string;
	/** Origins of other sites' pages that may write runs here, exactly as browsers send them. Pages of loopback origins may as well. */
	origins?: readonly string[];
	/** Addresses under which people reach the server where they differ from `http://HOST:PORT`, e.g. `https://runs.example.org` of a proxy. */
	publicUrls?: readonly string[];
	/** Asks everybody for a token, on 127.0.0.1 too. Without it, this is so from the first API key on. */
	needsToken?: boolean;
	/** Folder of the built dashboard. */
	dashboardDir?: string;
	/** Errors on standard error by default. */
	log?: Log;
	/** A request whose body stands still for this long is cut off with 408; 30,000 ms by default. */
	bodyIdleMs?: number;
	/** Runs that ended more days ago than this are deleted for good; by default none is. */
	keepDays?: number;
	/** Milliseconds since the epoch. */
	nowMs?: () => number;
}

export interface RunningServer {
	url: string;
	port: number;
	/** Tokens of this data folder; changes hold at once. */
	tokens: Tokens;
	/** Copies the data folder to a new one while the server runs (backup.ts). */
	backup(folder: string): Promise<void>;
	/** Ends live streams, gives requests that are being answered 3 s to end, and closes the database. Resolves when the data folder may be used by another. */
	close(): Promise<void>;
}

const DEFAULT_DASHBOARD = fileURLToPath(new URL('../../dashboard/dist', import.meta.url));
/** What a request that is being answered has left when the server closes; the whole stop takes less than 5 s. */
const GRACE_MS = 3_000;
const SWEEP_MS = 50;
/** Bodies have a limit of their own (limitStalls). A keepalive connection waits for its next request as long as Node's default, 5 s. */
const HEADERS_TIMEOUT_MS = 20_000;
const BODY_IDLE_MS = 30_000;
const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Starts a server. Resolves once it accepts connections.
 * @throws StartError when the port is taken, the data folder cannot be used, or a token is needed and there is none; nothing is left running then.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
	const {
		port = 8420,
		host = '127.0.0.1',
		dataDir,
		origins = [],
		publicUrls = [],
		dashboardDir = DEFAULT_DASHBOARD,
		keepDays,
		nowMs = Date.now,
	} = options;
	const isLoopback = host === 'localhost' || host === '::1' || /^127\./.test(host);
	const needsToken = options.needsToken === true || !isLoopback;
	const publicOrigins = publicUrls.map(toOrigin);
	const operation = new Operation(options.log);
	operation.state = 'starting';
	const closing = new AbortController();
	let answer: Answer = () => healthAnswer('starting');
	// Before the data folder is opened: who asks meanwhile is told to wait, and the port is known to be free.
	const { server, boundPort } = await listen((request, env) => answer(request, env), host, port);
	limitStalls(server, options.bodyIdleMs ?? BODY_IDLE_MS);
	const name = isIP(host) === 6 ? `[${host}]` : host;
	const hosts = new Set([
		...[name, ...LOOPBACK_HOSTS].map((known) => `${known}:${boundPort}`),
		...publicOrigins.map((origin) => new URL(origin).host),
	]);
	let tracker: Tracker;
	let tokens: Tokens;
	let backup: (folder: string) => Promise<void>;
	const opened: { close(): void }[] = [operation.metrics];
	const release = () => {
		for (const part of opened.reverse()) part.close();
	};
	try {
		await migrateApart(dataDir);
		tracker = new Tracker(dataDir, nowMs, operation.log);
		opened.push(tracker);
		const maintenance = new Maintenance(tracker, operation.log, keepDays === undefined ? undefined : new Retention(tracker, keepDays));
		opened.push({ close: () => maintenance.end() });
		const store = new SqliteTokenStore(dataDir);
		opened.push(store);
		const { database, blobs } = tracker;
		backup = (folder) => backUp(folder, { database, blobs, tokens: store });
		tokens = new Tokens(store, nowMs);
		if (needsToken && tokens.live().length === 0) {
			throw new StartError(
				`${isLoopback ? '--auth asks everybody for a token' : `Others can reach ${host}`}, and there is no token yet. Make one: tidelog-server token create --kind api --data ${dataDir}`,
			);
		}
		const app = createApp(tracker, {
			hosts: () => hosts,
			ownOrigins: new Set(publicOrigins),
			origins: new Set(origins),
			isLoopback,
			needsToken,
			tokens,
			dashboardDir,
			operation,
			closing: closing.signal,
		});
		answer = app.fetch;
		opened.push(await listenForCommands(dataDir, backup));
	} catch (error) {
		release();
		await new Promise((resolve) => {
			server.close(resolve);
			server.closeAllConnections();
		});
		throw error;
	}
	operation.state = 'ready';
	let closed: Promise<void> | undefined;
	operation.log.info('server started', { port: boundPort, host, data: dataDir, tokens: tokens.live().length });
	return {
		url: publicOrigins[0] ?? `http://${name}:${boundPort}`,
		port: boundPort,
		tokens,
		backup,
		close() {
			closed ??= new Promise((resolve) => {
				operation.state = 'stopping';
				operation.log.info('server stops');
				closing.abort();
				// Takes no new connection, lets requests end that are being answered, and drops those that do not.
				const drop = setTimeout(() => server.closeAllConnections(), GRACE_MS);
				// Connections whose request has ended meanwhile would be kept for another.
				const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
				server.close(() => {
					clearTimeout(drop);
					clearInterval(sweep);
					release();
					operation.log.info('server stopped');
					resolve();
				});
			});
			return closed;
		},
	};
}

function toOrigin(url: string): string {
	try {
		const { origin, protocol } = new URL(url);
		if (protocol === 'http:' || protocol === 'https:') return origin;
	} catch {
		// Told below.
	}
	throw new StartError(`--public-url takes an address such as https://runs.example.org, but was "${url}".`);
}

type Answer = (request: Request, env: object) => Response | Promise<Response>;

function listen(fetch: Answer, host: string, port: number): Promise<{ server: Server; boundPort: number }> {
	return new Promise((resolve, reject) => {
		const server = serve({ fetch, hostname: host, port, serverOptions: { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS } }, (info) =>
			resolve({ server, boundPort: info.port }),
		) as Server;
		server.once('error', (error: NodeJS.ErrnoException) => {
			const taken = `Port ${port} of ${host} is taken by another program. Stop it, or choose another with --port.`;
			reject(
				new StartError(
					error.code === 'EADDRINUSE' ? taken : `Cannot listen on ${host}:${port} (${error.code ?? error.message}). Choose another with --port.`,
				),
			);
		});
	});
}
