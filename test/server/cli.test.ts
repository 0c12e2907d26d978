import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';

/** Starts that cannot succeed: one clear line, an exit code, no stack trace. */
const folder = mkdtempSync(join(tmpdir(), 'tidelog-cli-'));
let running: RunningServer;

beforeAll(async () => {
	running = await startServer({ port: 0, dataDir: join(folder, 'used') });
	writeFileSync(join(folder, 'file'), '');
});

afterAll(async () => {
	await running.close();
	rmSync(folder, { recursive: true, force: true });
});

function failing(...args: string[]): string {
	const { status, stderr } = spawnSync(process.execPath, ['server/src/main.ts', ...args], { encoding: 'utf8', timeout: 20_000 });
	expect(status).toBe(1);
	expect(stderr).not.toMatch(/ {4}at /);
	expect(stderr.trim().split('\n')).toHaveLength(1);
	return stderr.trim();
}

test('a port that is taken', () => {
	expect(failing('--port', String(running.port), '--data', join(folder, 'a'))).toMatch(/^Port \d+ of 127\.0\.0\.1 is taken by another program\./);
});

test('a data folder that cannot be written', () => {
	expect(failing('--port', '0', '--data', join(folder, 'file', 'x'))).toMatch(/^The data folder cannot be written \(ENOTDIR\)/);
});

test('a data folder that another server uses', () => {
	expect(failing('--port', '0', '--data', join(folder, 'used'))).toMatch(/^Another Tidelog server uses this data folder/);
});

test('a data folder of a newer format', async () => {
	const dataDir = join(folder, 'newer');
	await (await startServer({ port: 0, dataDir })).close();
	const sql = new DatabaseSync(join(dataDir, 'tidelog.db'));
	sql.exec('PRAGMA user_version = 99');
	sql.close();
	expect(failing('--port', '0', '--data', dataDir)).toMatch(/^The data folder has format 99 and this server reads up to 3/);
});

test('an unknown option and a port that is none', () => {
	expect(failing('--prot', '1')).toMatch(/unknown option '--prot'/);
	expect(failing('--port', 'http')).toMatch(/'http' is invalid.*whole number/);
	expect(failing('--keep-days', '0')).toMatch(/'0' is invalid.*whole number of days/);
});
