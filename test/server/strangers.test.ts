import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { networkOf } from '../../server/src/access/remote-address.ts';
import { createApp, SqliteTokenStore, Tokens, Tracker } from '../../server/src/index.ts';

/** Requests without a valid token, at a server that others reach. */
const folder = mkdtempSync(join(tmpdir(), 'tidelog-strangers-'));
let nowMs = 1_000_000;
let tracker: Tracker;
let store: SqliteTokenStore;
let tokens: Tokens;

beforeAll(() => {
	tracker = new Tracker(folder, () => nowMs);
	store = new SqliteTokenStore(folder);
	tokens = new Tokens(store, () => nowMs);
});

afterAll(() => {
	tracker.close();
	store.close();
	rmSync(folder, { recursive: true, force: true });
});

function newSender(isLoopback: boolean) {
	const app = createApp(tracker, {
		hosts: () => new Set(['runs.example']),
		origins: new Set(),
		isLoopback,
		needsToken: true,
		tokens,
		dashboardDir: folder,
		closing: new AbortController().signal,
	});
	return (remoteAddress: string, secret?: string, path = '/api/projects', method = 'GET') =>
		app.request(
			`http://runs.example${path}`,
			{ method, headers: { host: 'runs.example', ...(secret === undefined ? {} : { authorization: `Basic ${btoa(`api:${secret}`)}` }) } },
			{ incoming: { socket: { remoteAddress } } },
		);
}

describe('from one address', () => {
	test('200 at once are answered 401, those after it 429 until time has passed; others, known ones and uploads go on', async () => {
		const send = newSender(false);
		const { secret } = tokens.create({ kind: 'read' });
		const guess = `tlr-${'g'.repeat(40)}`;
		for (let n = 0; n < 200; n++) expect((await send('10.0.0.1', n % 2 ? guess : undefined)).status).toBe(401);
		const refused = await send('10.0.0.1', guess);
		expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
		expect((await send('::ffff:10.0.0.1')).status).toBe(429);
		expect((await send('10.0.0.2', guess)).status).toBe(401);
		expect((await send('10.0.0.1', secret)).status).toBe(200);
		expect((await send('10.0.0.1', undefined, '/uploads/guess', 'PUT')).status).toBe(403);
		nowMs += 1_000;
		for (let n = 0; n < 20; n++) expect((await send('10.0.0.1')).status).toBe(401);
		expect((await send('10.0.0.1')).status).toBe(429);
	});

	test('there is no such limit where only this machine reaches the server', async () => {
		const send = newSender(true);
		for (let n = 0; n < 300; n++) expect((await send('127.0.0.1')).status).toBe(401);
	});
});

test('an IPv6 network counts as one', () => {
	expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
	expect(networkOf('2001:db8:1:2::9')).toBe('2001:db8:1:2::/64');
	expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0::/64');
	expect(networkOf('::1')).toBe('0:0:0:0::/64');
	expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
	expect(networkOf('::ffff:1.2.3.4')).toBe('1.2.3.4');
	expect(networkOf('1.2.3.4')).toBe('1.2.3.4');
});
