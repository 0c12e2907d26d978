import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { PageKeys } from '../../agent/src/page-keys.ts';
import { PageServer } from '../../agent/src/page-server.ts';
import { AGENT_PROTOCOL } from '../../src/core/agent-protocol.ts';

const ORIGIN = 'http://127.0.0.1:8421';
const ends: (() => unknown)[] = [];
afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function begin(file?: string) {
	const notices: string[] = [];
	const needs: boolean[] = [];
	const keys = new PageKeys(file, () => undefined);
	const server = new PageServer({
		port: 0,
		origins: [ORIGIN],
		keys,
		host: 'box',
		intervalMs: 1000,
		onNeed: (isNeeded) => needs.push(isNeeded),
		onNotice: (text) => notices.push(text),
	});
	await server.start();
	ends.push(() => server.close());
	return { server, keys, notices, needs };
}

interface Knock {
	host?: string;
	origin?: string | undefined;
	path?: string;
	protocol?: string;
	address?: string;
}

/** Opens a socket as a browser would. Resolves with it, or with the HTTP status that refused it. */
function knock(
	port: number,
	{ host, origin = ORIGIN, path = '/v1', protocol = AGENT_PROTOCOL, address = '127.0.0.1' }: Knock = {},
): Promise<WebSocket | number> {
	return new Promise((resolve, reject) => {
		const headers = { ...(host === undefined ? {} : { host }), ...(origin === '' ? {} : { origin }) };
		const socket = new WebSocket(`ws://${address}:${port}${path}`, protocol, { headers });
		socket.on('open', () => {
			ends.push(() => socket.terminate());
			resolve(socket);
		});
		socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode ?? 0));
		socket.on('error', reject);
	});
}

async function enter(
	port: number,
	first: unknown,
): Promise<{ socket: WebSocket; heard: { type: string; [key: string]: unknown }[]; closed: Promise<number> }> {
	const socket = (await knock(port)) as WebSocket;
	const heard: { type: string }[] = [];
	socket.on('message', (data) => heard.push(JSON.parse(String(data))));
	const closed = new Promise<number>((resolve) => socket.on('close', resolve));
	socket.send(typeof first === 'string' ? first : JSON.stringify(first));
	return { socket, heard, closed };
}
const until = (condition: () => void) => vi.waitFor(condition, { timeout: 10_000, interval: 10 });

describe('pairing', () => {
	it('a code gives a token, which opens the next connection; samples come to all pages', async () => {
		const { server, keys, needs } = await begin();
		const one = await enter(server.port, { type: 'pair', code: ` ${keys.code.slice(0, 3)}-${keys.code.slice(3)} ` });
		await until(() => expect(one.heard.map(({ type }) => type)).toEqual(['token', 'welcome']));
		expect(one.heard[1]).toEqual({ type: 'welcome', host: 'box', intervalMs: 1000 });
		const two = await enter(server.port, { type: 'hello', token: one.heard[0]?.token });
		await until(() => expect(two.heard).toHaveLength(1));
		server.send({ timestampMs: 5, values: { cpu: 1 } });
		const sample = { type: 'sample', timestampMs: 5, values: { cpu: 1 } };
		await until(() => expect([one.heard.at(-1), two.heard.at(-1)]).toEqual([sample, sample]));
		two.socket.send(JSON.stringify({ type: 'time', sentMs: 7 }));
		await until(() => expect(two.heard.at(-1)).toMatchObject({ type: 'time', sentMs: 7 }));
		expect(Math.abs((two.heard.at(-1)?.nowMs as number) - Date.now())).toBeLessThan(5000);
		expect(needs).toEqual([true]);
	});

	it('a code opens once', async () => {
		const { server, keys } = await begin();
		const { code } = keys;
		const first = await enter(server.port, { type: 'pair', code });
		await until(() => expect(first.heard[0]?.type).toBe('token'));
		const again = await enter(server.port, { type: 'pair', code });
		expect(await again.closed).toBe(1008);
		expect(again.heard).toEqual([{ type: 'refused', reason: 'code' }]);
	});

	it('guessing ends after 25 tries, and five guesses change the code', async () => {
		const { keys } = await begin();
		const first = keys.code;
		const wrong = () => (keys.code === '000000' ? '000001' : '000000');
		for (let i = 0; i < 25; i++) expect(keys.pair(ORIGIN, wrong())).toEqual({ refused: 'code' });
		expect(keys.code).not.toBe(first);
		expect(keys.pair(ORIGIN, keys.code)).toEqual({ refused: 'too-many-tries' });
	});

	it('tokens outlive the agent, as hashes in a file for this user alone, and belong to one origin', async () => {
		const dir = mkdtempSync(join(tmpdir(), 'tidelog-agent-'));
		ends.push(() => rmSync(dir, { recursive: true }));
		const file = join(dir, 'deep', 'agent.json');
		const { keys } = await begin(file);
		const { token } = keys.pair(ORIGIN, keys.code) as { token: string };
		expect(readFileSync(file, 'utf8')).not.toContain(token);
		expect(statSync(file).mode & 0o777).toBe(0o600);
		const later = new PageKeys(file, () => undefined);
		expect(later.isKnown(ORIGIN, token)).toBe(true);
		expect(later.isKnown('http://127.0.0.1:8422', token)).toBe(false);
		expect(later.isKnown(ORIGIN, `${token}x`)).toBe(false);
	});
});

describe('attacks are refused', () => {
	it.each([
		['DNS rebinding: a name of another site that leads here', { host: 'evil.example' }, 403],
		['DNS rebinding with our port', { host: 'evil.example:PORT' }, 403],
		['rebinding whose Origin equals its Host (automagik-dev/genie#2621)', { host: 'evil.example:PORT', origin: 'http://evil.example:PORT' }, 403],
		['a Host that only begins like ours (devframes/devframe#319)', { host: '127.0.0.1.evil.example:PORT' }, 403],
		['another loopback address as Host', { host: '127.0.0.2:PORT' }, 403],
		['a Host without the port', { host: '127.0.0.1' }, 403],
		['a Host with a user before it', { host: 'localhost:PORT@evil.example' }, 403],
		['another site', { origin: 'https://evil.example' }, 403],
		['an Origin that only begins like a listed one', { origin: `${ORIGIN}.evil.example` }, 403],
		['the listed host on another port (webpack/webpack-dev-server#887)', { origin: 'http://127.0.0.1:9999' }, 403],
		['the listed host with another scheme', { origin: 'https://127.0.0.1:8421' }, 403],
		['a sandboxed page or a file: Origin null', { origin: 'null' }, 403],
		['no Origin at all (getpaseo/paseo#364)', { origin: '' }, 403],
		['another path', { path: '/' }, 400],
		['another version of the protocol', { protocol: 'tidelog-agent.v2' }, 400],
	] satisfies [string, Knock, number][])('%s', async (_name, attempt: Knock, status) => {
		const { server, keys } = await begin();
		const filled = Object.fromEntries(Object.entries(attempt).map(([key, value]) => [key, String(value).replace('PORT', String(server.port))]));
		expect(await knock(server.port, filled)).toBe(status);
		// The same with everything right is let in: it is the one difference that is refused.
		expect(await knock(server.port)).toBeInstanceOf(WebSocket);
		expect(keys.code).toHaveLength(6);
	});

	it('plain requests of any kind get nothing, and no permission to read it', async () => {
		const { server } = await begin();
		for (const method of ['GET', 'POST', 'OPTIONS']) {
			const [status, headers, body] = await new Promise<[number, object, string]>((resolve, reject) => {
				request({ host: '127.0.0.1', port: server.port, path: '/v1', method, headers: { origin: ORIGIN } }, async (response) =>
					resolve([response.statusCode ?? 0, response.headers, (await response.toArray()).join('')]),
				)
					.on('error', reject)
					.end();
			});
			expect(status).toBe(404);
			expect(body).toBe('');
			expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
		}
	});

	it.each([
		['a wrong token', { type: 'hello', token: 'x' }],
		['no first word but a question', { type: 'time', sentMs: 1 }],
		['a message of no known type', { type: 'run', command: 'id' }],
		['no JSON', 'hello'],
		['null', 'null'],
		['a message that is too long', { type: 'hello', token: 'x'.repeat(2000) }],
	])('%s closes the connection, and no sample comes', async (_name, first) => {
		const { server } = await begin();
		const { heard, closed } = await enter(server.port, first);
		expect([1008, 1009]).toContain(await closed);
		server.send({ timestampMs: 5, values: { cpu: 1 } });
		expect(heard.filter(({ type }) => type !== 'refused')).toEqual([]);
	});

	it('a flood of messages closes the connection; others go on', async () => {
		const { server, keys } = await begin();
		const one = await enter(server.port, { type: 'pair', code: keys.code });
		await until(() => expect(one.heard).toHaveLength(2));
		const two = await enter(server.port, { type: 'hello', token: one.heard[0]?.token });
		await until(() => expect(two.heard).toHaveLength(1));
		for (let i = 0; i < 100; i++) one.socket.send(JSON.stringify({ type: 'time', sentMs: i }));
		expect(await one.closed).toBe(1008);
		expect(one.heard.filter(({ type }) => type === 'time').length).toBeLessThan(21);
		server.send({ timestampMs: 5, values: { cpu: 1 } });
		await until(() => expect(two.heard.at(-1)?.type).toBe('sample'));
	});

	it('more than 16 connections are not taken', async () => {
		const { server } = await begin();
		const results = [];
		for (let i = 0; i < 17; i++) results.push(await knock(server.port));
		expect(results.at(-1)).toBe(503);
		expect(results.slice(0, 16).every((result) => result instanceof WebSocket)).toBe(true);
	});

	it('tells once that a page was refused, and repeats nothing that it sent but an address', async () => {
		const { server, notices } = await begin();
		for (const origin of ['https://mine.example', 'https://mine.example', 'http://x/\u001b[2J']) await knock(server.port, { origin }).catch(() => 0);
		expect(notices[0]).toContain('https://mine.example');
		expect(notices.join()).not.toContain('\u001b');
		expect(notices.filter((notice) => notice.includes('mine.example'))).toHaveLength(1);
	});
});

it('listens on both loopback addresses', async () => {
	const { server } = await begin();
	expect(await knock(server.port, { address: '127.0.0.1' })).toBeInstanceOf(WebSocket);
	expect(await knock(server.port, { address: '[::1]' })).toBeInstanceOf(WebSocket);
});
