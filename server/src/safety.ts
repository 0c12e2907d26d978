import type { MiddlewareHandler } from 'hono';

/** How long a browser remembers what a preflight allowed; the most that Chromium keeps. */
const PREFLIGHT_MAX_AGE_S = 7_200;
const ALLOWED_HEADERS = 'authorization, content-type, content-encoding';

/**
 * Keeps pages of other sites out. Any page may send requests to 127.0.0.1, so:
 * - the Host must be one of ours, or a name that an attacker points at this machine (DNS rebinding) would be our own site;
 * - an Origin must be ours or on the list, for reading too; no other origin gets a CORS header;
 * - without an Origin, a browser's own word that the request comes from another site is enough to refuse it;
 * - state changes come as application/json, which no form and no "simple" request can send. An upload's address is secret and is its right.
 */
export function safety(hosts: () => ReadonlySet<string>, origins: ReadonlySet<string>): MiddlewareHandler {
	return async (c, next) => {
		const { req } = c;
		const host = req.header('host')?.toLowerCase() ?? '';
		if (!hosts().has(host)) return c.json({ error: `This server does not answer for the host "${host}".` }, 403);
		const origin = req.header('origin');
		const isOwn = origin !== undefined && hosts().has(origin.replace(/^https?:\/\//, ''));
		const isListed = origin !== undefined && origins.has(origin);
		if (origin !== undefined && !isOwn && !isListed) {
			return c.json({ error: `Pages of ${origin} may not use this server. Start it with --origin ${origin} to allow them.` }, 403);
		}
		const site = req.header('sec-fetch-site');
		const isNavigation = req.header('sec-fetch-mode') === 'navigate' && req.method === 'GET' && !req.path.startsWith('/api/');
		if (origin === undefined && (site === 'cross-site' || site === 'same-site') && !isNavigation) {
			return c.json({ error: 'Pages of another site may not use this server.' }, 403);
		}
		if (isListed) {
			c.header('Access-Control-Allow-Origin', origin);
			c.header('Vary', 'Origin');
		}
		c.header('X-Content-Type-Options', 'nosniff');
		c.header('Referrer-Policy', 'no-referrer');
		if (req.method === 'OPTIONS') {
			if (!isListed) return c.body(null, 403);
			c.header('Access-Control-Allow-Methods', 'GET, POST, PUT');
			c.header('Access-Control-Allow-Headers', ALLOWED_HEADERS);
			c.header('Access-Control-Max-Age', String(PREFLIGHT_MAX_AGE_S));
			if (req.header('access-control-request-private-network') === 'true') c.header('Access-Control-Allow-Private-Network', 'true');
			return c.body(null, 204);
		}
		const isUpload = req.method === 'PUT' && req.path.startsWith('/uploads/');
		if (
			!['GET', 'HEAD'].includes(req.method) &&
			!isUpload &&
			req.header('content-type')?.split(';')[0]?.trim().toLowerCase() !== 'application/json'
		) {
			return c.json({ error: 'Send application/json.' }, 415);
		}
		await next();
	};
}
