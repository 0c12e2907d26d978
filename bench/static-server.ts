import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { transform } from 'esbuild';

const TYPES: Record<string, string> = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.mjs': 'text/javascript; charset=utf-8',
	'.ts': 'text/javascript; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.json': 'application/json',
	'.wasm': 'application/wasm',
	'.svg': 'image/svg+xml',
};

export interface StaticServerOptions {
	/** Folder that is served; TypeScript in it is sent as JavaScript. */
	folder: string;
	/** Sent with every answer. */
	headers?: Record<string, string>;
	/** Answers first; returns whether it did. */
	answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface StaticServer {
	origin: string;
	close(): Promise<void>;
}

/** Serves a folder on a free port of 127.0.0.1, for benches and tests: no caching, no ranges, nothing outside the folder. */
export async function startStaticServer({ folder, headers = {}, answer }: StaticServerOptions): Promise<StaticServer> {
	const server = createServer((request, response) => {
		if (answer?.(request, response)) return;
		void sendFile(folder, headers, request, response);
	});
	const origin = await listen(server);
	return {
		origin,
		close: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				// A browser keeps its connections open; nobody waits for it.
				server.closeAllConnections();
			}),
	};
}

async function sendFile(folder: string, headers: Record<string, string>, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
	const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
	let body: string | Buffer;
	try {
		body = readFileSync(file);
		if (extname(file) === '.ts') body = (await transform(body.toString(), { loader: 'ts', target: 'es2022' })).code;
	} catch (error) {
		response.writeHead(404, { 'Content-Type': 'text/plain' }).end(String(error));
		return;
	}
	response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Cache-Control': 'no-store', ...headers }).end(body);
}

function listen(server: Server): Promise<string> {
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
	});
}
