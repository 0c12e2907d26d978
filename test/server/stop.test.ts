import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startServer } from '../../server/src/index.ts';

const LINES = JSON.stringify({ files: { 'wandb-history.jsonl': { offset: 0, content: ['{"loss":1,"_step":0}'] } } });

/** A request whose body has begun and not ended. */
async function begin(port: number) {
	await fetch(`http://127.0.0.1:${port}/graphql`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ query: 'mutation { upsertBucket(input: { name: "r", modelName: "p" }) { inserted } }' }),
	});
	const headers = { 'content-type': 'application/json', 'content-length': String(LINES.length) };
	const outgoing = request({ host: '127.0.0.1', port, method: 'POST', path: '/files/local/p/r/file_stream', headers });
	const status = new Promise<number | undefined>((resolve) => {
		outgoing.on('response', (incoming) => resolve(incoming.resume().statusCode));
		outgoing.on('error', () => resolve(undefined));
	});
	outgoing.write(LINES.slice(0, 10));
	await new Promise((resolve) => setTimeout(resolve, 100));
	return { outgoing, status };
}

test('a request that is coming in when the server closes is answered and kept; one that never ends is dropped in under 5 s', async () => {
	const dataDir = mkdtempSync(join(tmpdir(), 'tidelog-stop-'));
	try {
		const first = await startServer({ port: 0, dataDir });
		const { outgoing, status } = await begin(first.port);
		const closed = first.close();
		outgoing.end(LINES.slice(10));
		expect(await status).toBe(200);
		await closed;
		const second = await startServer({ port: 0, dataDir });
		expect(await (await fetch(`${second.url}/api/projects/p/runs/r/history.jsonl`)).text()).toContain('"loss":1');
		const hanging = await begin(second.port);
		const startedMs = performance.now();
		await second.close();
		expect(performance.now() - startedMs).toBeLessThan(5_000);
		expect(await hanging.status).toBeUndefined();
	} finally {
		rmSync(dataDir, { recursive: true, force: true });
	}
});
