import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { parseLine } from '../../src/core/json-line.ts';
import { init } from '../../src/index.node.ts';
import { fakeSmi } from '../agent/fake-smi.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidelog-events-'));
let server: RunningServer | undefined;
afterAll(async () => {
	await server?.close();
	rmSync(folder, { recursive: true, force: true });
});

it('values of the machine reach the server as events with their own time, are waited for, and take no step', async () => {
	server = await startServer({ port: 0, dataDir: join(folder, 'server') });
	const run = init({ project: 'events', id: 'machine', server: server.url, dir: join(folder, 'local') });
	const timestampMs = Date.now() - 60_000;
	run.log({ loss: 1 });
	run.logSystem({ 'gpu.0.temp': 61, 'gpu.0.gpu': Number.NaN, cpu: 0 }, timestampMs);
	run.logSystem({ cpu: Number.NaN });
	run.log({ loss: 2 });
	await run.synced();
	expect(run.status).toMatchObject({ accepted: 2, synced: 2, verified: true });
	const query = '{ model(name: "events", entityName: "local") { bucket(name: "machine") { eventsTail } } }';
	const response = await fetch(`${server.url}/graphql`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ query }),
	});
	const { eventsTail } = ((await response.json()) as { data: { model: { bucket: { eventsTail: string } } } }).data.model.bucket;
	const { _runtime, ...event } = parseLine((JSON.parse(eventsTail) as string[])[0] ?? '') as Record<string, number>;
	expect(event).toEqual({ 'system.gpu.0.temp': 61, 'system.cpu': 0, _timestamp: timestampMs / 1000 });
	expect(_runtime).toBeLessThan(-50);
	const records = await (await fetch(`${server.url}/api/projects/events/runs/machine/records.jsonl`)).text();
	expect([...records.matchAll(/"step":(\d+)/g)].map(([, step]) => step)).toEqual(['0', '1']);
	await run.finish();
	expect(() => run.logSystem({ cpu: 1 })).toThrow('was finished');
});

it('`system` samples the machine and this process into the run until it is finished', async () => {
	const smi = fakeSmi('rows 2');
	const run = init({ project: 'events', id: 'sampled', server: server?.url ?? '', system: { intervalMs: 100, nvidiaSmi: smi.path } });
	const query = '{ model(name: "events", entityName: "local") { bucket(name: "sampled") { eventsTail } } }';
	const seen = new Set<string>();
	await vi.waitFor(
		async () => {
			const body = JSON.stringify({ query });
			const response = await fetch(`${server?.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
			const tail = ((await response.json()) as { data: { model: { bucket: { eventsTail: string } | null } } }).data.model.bucket?.eventsTail;
			for (const key of Object.keys(JSON.parse((JSON.parse(tail ?? '[]') as string[])[0] ?? '{}'))) seen.add(key);
			expect([...seen]).toEqual(expect.arrayContaining(['system.gpu.1.temp', 'system.cpu', 'system.proc.memory.rssMB']));
		},
		{ timeout: 20_000, interval: 20 },
	);
	const pid = smi.starts()[0]?.pid ?? 0;
	await run.finish();
	await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 5_000 });
	smi.remove();
});

it('an agent is for pages alone', async () => {
	const run = init({ project: 'events', mode: 'disabled' });
	await expect(run.connectAgent()).rejects.toMatchObject({ code: 'unsupported-runtime' });
});
