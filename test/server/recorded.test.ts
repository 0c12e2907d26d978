import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Exchange } from '../interop/record.ts';
import { TestServer } from './support.ts';

/** What W&B's client said to the server, recorded by test/interop/record.test.ts, said again. */
const folder = fileURLToPath(new URL('../interop/recorded/', import.meta.url));

describe.each(readdirSync(folder))('%s', (name) => {
	test('each request is answered as when it was recorded, and the run is there', async () => {
		const [, ...exchanges] = readFileSync(folder + name, 'utf8')
			.trim()
			.split('\n')
			.map((line) => JSON.parse(line) as Exchange);
		const server = new TestServer();
		/** Addresses that the recorded answers gave out, and those that stand for them now. */
		const moved = new Map<string, string>();
		for (const { method, path, body, isBase64, status, answer } of exchanges) {
			if (/^\/(uploads|downloads)\//.test(path)) expect(moved.has(path), path).toBe(true);
			const bytes = isBase64 ? Buffer.from(body, 'base64') : body;
			const response = await server.request(method, moved.get(path) ?? path, method === 'GET' ? undefined : bytes);
			expect(response.status, `${method} ${path} ${body.slice(0, 300)}`).toBe(status);
			const text = await response.text();
			if (path !== '/graphql') continue;
			const [before, now] = [JSON.parse(answer), JSON.parse(text)] as [Record<string, unknown>, Record<string, unknown>];
			expect(shape(now), body.slice(0, 300)).toEqual(shape(before));
			addresses(before, now, moved);
		}
		const run = server.tracker.runNamed('local', 'interop', 'recorded');
		expect(server.tracker.info(run)).toMatchObject({ state: 'finished', exitCode: 0, lastStep: 5 });
		expect([...server.tracker.rowLines(run)].slice(0, 5)).toMatchObject(
			Array.from({ length: 5 }, (_, n) => ({ loss: n / 2, odd: Number.NaN, _step: n })),
		);
		expect(server.tracker.artifacts.outputs(run).map(({ version }) => version)).toEqual([0, 0]);
		server.close();
	});
});

/** Which members an answer has, and of which kind. */
function shape(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(shape);
	if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
	return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shape(member)]));
}

function addresses(before: unknown, now: unknown, moved: Map<string, string>): void {
	if (typeof before === 'string' && typeof now === 'string') {
		const [from, to] = [before, now].map((text) => text.replace('http://127.0.0.1:1', ''));
		if (from !== undefined && to !== undefined && /^\/(uploads|downloads)\//.test(from)) moved.set(from, to);
	} else if (typeof before === 'object' && before !== null && typeof now === 'object' && now !== null) {
		for (const [key, member] of Object.entries(before)) addresses(member, (now as Record<string, unknown>)[key], moved);
	}
}
