import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

const TYPES = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.json': 'application/json',
	'.svg': 'image/svg+xml',
	'.wasm': 'application/wasm',
};

/**
 * Serves the built demo on 127.0.0.1 from a port of its own, so that the demo is another origin than the server, as users' pages are.
 * `config.json` tells the demo where the server is. Rejects with Node's error when the port cannot be had.
 *
 * @param {string} folder
 * @param {number} port 0 takes a free one.
 * @param {() => string} serverUrl Asked at each request: the server starts after this does.
 * @returns {Promise<{ url: string, port: number, close(): Promise<void> }>}
 */
export function serveDemo(folder, port, serverUrl) {
	return new Promise((resolve, reject) => {
		const server = createServer((request, response) => {
			const { port: bound } = server.address();
			const hosts = [`127.0.0.1:${bound}`, `localhost:${bound}`];
			// A name that somebody points at this machine must not become a page of ours (DNS rebinding).
			if (!hosts.includes(request.headers.host ?? '')) return response.writeHead(403).end('Unknown host.');
			if (request.method !== 'GET' && request.method !== 'HEAD') return response.writeHead(405).end();
			let path;
			try {
				path = normalize(decodeURIComponent(new URL(request.url, 'http://127.0.0.1').pathname));
			} catch {
				return response.writeHead(400).end('Bad address.');
			}
			response.setHeader('X-Content-Type-Options', 'nosniff');
			if (path === `${sep}config.json`)
				return response.writeHead(200, { 'content-type': TYPES['.json'] }).end(JSON.stringify({ server: serverUrl() }));
			const file = join(folder, path === sep ? 'index.html' : path);
			if (!file.startsWith(folder + sep) || !statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end('Not found.');
			const isHashed = path.startsWith(`${sep}assets${sep}`);
			response.writeHead(200, {
				'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
				'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
			});
			createReadStream(file).pipe(response);
		});
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => {
			const { port: bound } = server.address();
			const close = () =>
				new Promise((done) => {
					server.close(done);
					server.closeAllConnections();
				});
			resolve({ url: `http://127.0.0.1:${bound}`, port: bound, close });
		});
	});
}
