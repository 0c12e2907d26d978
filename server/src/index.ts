import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { createApp } from './app.ts';
import { Maintenance } from './maintenance.ts';
import { StartError } from './store/database.ts';
import { Tracker } from './tracker.ts';

export { createApp } from './app.ts';
export { StartError } from './store/database.ts';
export { Tracker } from './tracker.ts';

export interface ServerOptions {
	/** 8420 by default; 0 takes a free one. */
	port?: number;
	/** 127.0.0.1 by default. */
	host?: string;
	/** Folder that holds everything the server knows; made when missing. */
	dataDir: string;
	/** Origins of other sites' pages that may log here and read, exactly as browsers send them. None by default. */
	origins?: readonly string[];
	/** Folder of the built dashboard. */
	dashboardDir?: string;
	/** Milliseconds since the epoch. */
	nowMs?: () => number;
}

export interface RunningServer {
	url: string;
	port: number;
	/** Copies the data folder to a new one while the server runs (Tracker.backup). */
	backup(folder: string): Promise<void>;
	/** Ends open connections and closes the database. Resolves when the data folder may be used by another. */
	close(): Promise<void>;
}

const DEFAULT_DASHBOARD = fileURLToPath(new URL('../../dashboard/dist', import.meta.url));

/**
 * Starts a server. Resolves once it accepts connections.
 * @throws StartError when the port is taken or the data folder cannot be used; nothing is left running then.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
	const { port = 8420, host = '127.0.0.1', dataDir, origins = [], dashboardDir = DEFAULT_DASHBOARD, nowMs = Date.now } = options;
	const tracker = new Tracker(dataDir, nowMs);
	const maintenance = new Maintenance(tracker);
	const closing = new AbortController();
	let hosts: ReadonlySet<string> = new Set();
	const app = createApp(tracker, { hosts: () => hosts, origins: new Set(origins), dashboardDir, closing: closing.signal });
	try {
		const { server, boundPort } = await listen(app.fetch, host, port);
		hosts = new Set([host, '127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${boundPort}`));
		return {
			url: `http://${host}:${boundPort}`,
			port: boundPort,
			backup: (folder) => tracker.backup(folder),
			close: () =>
				new Promise((resolve) => {
					closing.abort();
					server.close(() => {
						maintenance.end();
						tracker.close();
						resolve();
					});
					server.closeAllConnections();
				}),
		};
	} catch (error) {
		maintenance.end();
		tracker.close();
		throw error;
	}
}

function listen(
	fetch: (request: Request) => Response | Promise<Response>,
	host: string,
	port: number,
): Promise<{ server: Server; boundPort: number }> {
	return new Promise((resolve, reject) => {
		const server = serve({ fetch, hostname: host, port }, (info) => resolve({ server, boundPort: info.port })) as Server;
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
