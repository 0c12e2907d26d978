import { createReadStream, statSync } from 'node:fs';
import { extname, join, normalize, sep } from 'node:path';
import { Readable } from 'node:stream';
import { Hono } from 'hono';
import type { Env } from '../access/access.ts';
import { outgoingStream } from '../operation/outgoing-stream.ts';
import { RequestError } from '../request-error.ts';

const TYPES: Record<string, string> = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.svg': 'image/svg+xml',
	'.png': 'image/png',
	'.ico': 'image/x-icon',
	'.json': 'application/json',
	'.webmanifest': 'application/manifest+json',
};

const CSP =
	"default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'";

/** The built dashboard; any address without a file is one of its own routes and gets index.html. */
export function dashboardRoute(folder: string): Hono<Env> {
	return new Hono<Env>().get('*', (c) => {
		const wanted = normalize(decoded(new URL(c.req.url).pathname)).replace(/^[/\\]+/, '');
		const path = join(folder, wanted);
		const isInside = path.startsWith(folder + sep);
		const isAsset = isInside && extname(path) !== '' && isFile(path);
		if (!isAsset && /^((api|files|uploads|downloads|assets)\/|graphql$)/.test(wanted))
			return c.json({ error: 'There is nothing at this address.' }, 404);
		const file = isAsset ? path : join(folder, 'index.html');
		if (!isFile(file)) return c.text('The dashboard is not built. Run `npm run build` in the repository, or give its folder with --dashboard.', 503);
		c.header('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
		c.header('Content-Security-Policy', CSP);
		// Names of built files hold a hash of their content.
		c.header('Cache-Control', wanted.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
		return outgoingStream(c, Readable.toWeb(createReadStream(file)) as ReadableStream);
	});
}

function isFile(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** A path that is no UTF-8, or holds NUL, names no file. */
function decoded(path: string): string {
	try {
		const text = decodeURIComponent(path);
		if (!text.includes('\0')) return text;
	} catch {
		// Told below.
	}
	throw new RequestError(400, 'This address is not well-formed.');
}
