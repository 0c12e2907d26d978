import type { Context, MiddlewareHandler } from 'hono';
import { RUN_KEY_HEADER } from '../../src/core/protocol.ts';
import { type Access, type Env, RUN_KEY } from './access/access.ts';
import { requireRead } from './access/guards.ts';
import { RateLimiter } from './access/rate-limiter.ts';
import { networkOf, remoteAddress } from './access/remote-address.ts';
import { readAuthorization } from './access/secrets.ts';
import type { Tokens } from './access/tokens.ts';
import { RequestError } from './request-error.ts';
import type { TokenRow } from './store/token-store.ts';

/** How long a browser remembers what a preflight allowed; the most that Chromium keeps. */
const PREFLIGHT_MAX_AGE_S = 7_200;
/** From one address, where others reach the server: enough for the dashboard's own files and a page that asks for a token, too few for guessing. */
const STRANGER_PER_MINUTE = 1_200;
const ALLOWED_HEADERS = `authorization, content-type, content-encoding, ${RUN_KEY_HEADER}`;
const LOOPBACK = /^https?:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

export interface SafetyOptions {
	/** Values of the Host header that are answered, e.g. `127.0.0.1:8420`; asked at each request, since the port is known late. */
	hosts: () => ReadonlySet<string>;
	/** Origins of the dashboard besides `http://` and a host: where a proxy in front speaks https. */
	ownOrigins: ReadonlySet<string>;
	/** Origins of other sites' pages that may write runs here. */
	origins: ReadonlySet<string>;
	/** Whether only this machine reaches the server: then pages that it serves to itself may write runs too. */
	isLoopback: boolean;
	/** Whether everybody needs a token, even while there is no API key. */
	needsToken: boolean;
	tokens: Tokens;
	nowMs: () => number;
}

/** Where a request comes from: `none` is no page at all, `own` the dashboard, `named` an origin that only tokens name. */
type Source = 'none' | 'own' | 'listed' | 'loopback' | 'named' | 'foreign';

const ALL: Access = { mayRead: true, mayWrite: 'any', mayManage: true, runKey: undefined, token: undefined };
const NOTHING: Access = { mayRead: false, mayWrite: 'none', mayManage: false, runKey: undefined, token: undefined };

/**
 * Decides who a request comes from and what it may do. A web page is not a local user, and any page may send requests to 127.0.0.1, so:
 * - the Host must be one of ours, or a name that an attacker points at this machine (DNS rebinding) would be our own site;
 * - an Origin must be ours or on a list; pages of other origins than ours may write runs at most, unless they bring a secret;
 * - without an Origin, a browser's own word that the request comes from another site is enough to refuse it;
 * - state changes come as application/json, which no form and no "simple" request can send. An upload's address is secret and is its right;
 * - a secret comes in a header that no browser adds by itself. There are no cookies, and no challenge that would make it remember a password.
 */
export function safety(options: SafetyOptions): MiddlewareHandler<Env> {
	const limiter = new RateLimiter(options.nowMs);
	return async (c, next) => {
		const { req } = c;
		c.set('access', NOTHING);
		c.header('X-Content-Type-Options', 'nosniff');
		c.header('Referrer-Policy', 'no-referrer');
		c.header('Cross-Origin-Resource-Policy', 'same-origin');
		c.header('Vary', 'Origin');
		// A health check comes by whatever name the machine has, and learns nothing but that there is a server.
		if (req.path === '/healthz' && req.method === 'GET' && req.header('origin') === undefined) return next();
		const host = req.header('host')?.toLowerCase() ?? '';
		if (!options.hosts().has(host)) return c.json({ error: `This server does not answer for the host "${host}".` }, 403);
		const origin = req.header('origin');
		const source = sourceOf(origin, options);
		if (source === 'foreign') {
			return c.json({ error: `Pages of ${origin} may not use this server. Start it with --origin ${origin} to let them write runs.` }, 403);
		}
		const site = req.header('sec-fetch-site');
		const isNavigation = req.header('sec-fetch-mode') === 'navigate' && req.method === 'GET' && !req.path.startsWith('/api/');
		if (source === 'none' && (site === 'cross-site' || site === 'same-site') && !isNavigation) {
			return c.json({ error: 'Pages of another site may not use this server.' }, 403);
		}
		const isPage = source === 'listed' || source === 'loopback' || source === 'named';
		if (isPage) {
			c.header('Access-Control-Allow-Origin', origin as string);
			c.header('Access-Control-Expose-Headers', 'Date, Retry-After');
		}
		if (req.method === 'OPTIONS') return preflight(c, isPage);
		const isGet = req.method === 'GET' || req.method === 'HEAD';
		const isUpload = req.method === 'PUT' && req.path.startsWith('/uploads/');
		const type = req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
		if (!isGet && !isUpload && type !== 'application/json') return c.json({ error: 'Send application/json.' }, 415);
		const sent = readAuthorization(req.header('authorization'));
		const token = sent.secret === undefined ? undefined : options.tokens.find(sent.secret);
		// An upload has a right of its own.
		const waitMs = token
			? limiter.take(token.id, token.perMinute)
			: options.isLoopback || isUpload
				? undefined
				: limiter.take(networkOf(remoteAddress(c)), STRANGER_PER_MINUTE);
		if (waitMs !== undefined) {
			c.header('Retry-After', String(Math.ceil(waitMs / 1000)));
			const who = token ? 'with this token' : 'without a token that is known here';
			throw new RequestError(429, `Too many requests ${who}; what was sent was not stored. Send it again later.`);
		}
		c.set('access', accessOf(token, sent.isOurs, req.header(RUN_KEY_HEADER), origin, source, options));
		// Whatever is to be had by GET is for readers, the dashboard's own files too.
		if (isPage && isGet) requireRead(c.get('access'));
		await next();
	};
}

function sourceOf(origin: string | undefined, { hosts, ownOrigins, origins, isLoopback, tokens }: SafetyOptions): Source {
	if (origin === undefined) return 'none';
	if (ownOrigins.has(origin) || (origin.startsWith('http://') && hosts().has(origin.slice('http://'.length)))) return 'own';
	if (origins.has(origin)) return 'listed';
	if (isLoopback && LOOPBACK.test(origin)) return 'loopback';
	return tokens.namesOrigin(origin) ? 'named' : 'foreign';
}

function preflight(c: Context<Env>, isPage: boolean): Response {
	if (!isPage) return c.body(null, 403);
	c.header('Access-Control-Allow-Methods', 'GET, POST, PUT');
	c.header('Access-Control-Allow-Headers', ALLOWED_HEADERS);
	c.header('Access-Control-Max-Age', String(PREFLIGHT_MAX_AGE_S));
	if (c.req.header('access-control-request-private-network') === 'true') c.header('Access-Control-Allow-Private-Network', 'true');
	return c.body(null, 204);
}

/** @throws RequestError 401 for a secret that is not valid (any more), 403 for one that pages of this origin may not use. */
function accessOf(
	token: TokenRow | undefined,
	isOurs: boolean,
	sentRunKey: string | undefined,
	origin: string | undefined,
	source: Source,
	{ needsToken, tokens }: SafetyOptions,
): Access {
	const runKey = sentRunKey !== undefined && RUN_KEY.test(sentRunKey) ? sentRunKey : undefined;
	const mustBeKnown = needsToken || tokens.hasApiKey();
	if (!token) {
		// To an open server W&B's clients send the key that they have for another one.
		if (isOurs) throw new RequestError(401, 'This token is not known here, was revoked or has expired.');
		if (mustBeKnown || source === 'named') return { ...NOTHING, runKey };
		return source === 'none' || source === 'own' ? { ...ALL, runKey } : { ...NOTHING, mayWrite: 'own', runKey };
	}
	if (token.kind === 'ingest') {
		if (origin === undefined || !token.origins.includes(origin)) {
			throw new RequestError(403, `This ingest token is not for pages of ${origin ?? 'no origin'}.`);
		}
		return { ...NOTHING, mayWrite: 'own', runKey, token };
	}
	const isOwn = source === 'none' || source === 'own';
	const mayRead = isOwn || source === 'listed';
	const isKey = token.kind === 'api';
	return { mayRead, mayWrite: isKey ? 'any' : 'none', mayManage: isKey && isOwn, runKey, token };
}
