import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** `npm start` where it cannot succeed: one clear line, an exit code, no stack trace. Nothing is built in these cases. */
const folder = mkdtempSync(join(tmpdir(), 'tidelog-start-'));
let other: Server;
let tidelog: Server;

beforeAll(async () => {
	other = createServer((_request, response) => response.end('I am something else')).listen(0, '127.0.0.1');
	tidelog = createServer((_request, response) => response.end('{"name":"tidelog"}')).listen(0, '127.0.0.1');
	await Promise.all([once(other, 'listening'), once(tidelog, 'listening')]);
	writeFileSync(join(folder, 'file'), '');
});

afterAll(() => {
	other.close();
	tidelog.close();
	rmSync(folder, { recursive: true, force: true });
});

const portOf = (server: Server) => String((server.address() as AddressInfo).port);

async function start(...args: string[]) {
	const child = spawn(process.execPath, ['scripts/start.mjs', '--no-open', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
	let out = '';
	let err = '';
	child.stdout.on('data', (text) => (out += text));
	child.stderr.on('data', (text) => (err += text));
	const [code] = (await once(child, 'close')) as [number];
	return { code, out: out.trim(), err: err.trim() };
}

test('an unknown option is named', async () => {
	const { code, err } = await start('--prot', '1');
	expect(code).toBe(1);
	expect(err).toMatch(/^Unknown option '--prot'.*--help/);
	expect(err.split('\n')).toHaveLength(1);
});

test('a port that is no port is named with its value', async () => {
	expect(await start('--port', 'http')).toMatchObject({ code: 1, err: '--port must be a whole number from 0 to 65534, but was "http".' });
});

test('a running Tidelog is told by its address and is no failure', async () => {
	const port = portOf(tidelog);
	expect(await start('--port', port)).toEqual({ code: 0, out: `Tidelog is already running: http://127.0.0.1:${port}`, err: '' });
});

test('a port taken by something else is an error', async () => {
	const { code, err } = await start('--port', portOf(other), '--demo-port', '0', '--data', join(folder, 'data'));
	expect(code).toBe(1);
	expect(err).toMatch(/^Port \d+ of 127.0.0.1 is taken by another program/);
	expect(err.split('\n')).toHaveLength(1);
});

test('a data folder that cannot be written is an error', async () => {
	const { code, err } = await start('--port', '0', '--demo-port', '0', '--data', join(folder, 'file', 'data'));
	expect(code).toBe(1);
	expect(err).toMatch(/^The data folder cannot be written \(ENOTDIR\)/);
	expect(err.split('\n')).toHaveLength(1);
});
