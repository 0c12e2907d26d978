import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidelog-node-image-'));
let server: RunningServer;

beforeAll(async () => {
	server = await startServer({ port: 0, dataDir: join(folder, 'data') });
});

afterAll(async () => {
	await server.close();
	rmSync(folder, { recursive: true, force: true });
});

test('in Node pixels become PNG without a canvas, and join the row that they were logged with', async () => {
	const program = join(folder, 'log.ts');
	writeFileSync(
		program,
		`import { init } from ${JSON.stringify(resolve('src/index.node.ts'))};
import { Image } from ${JSON.stringify(resolve('src/media.ts'))};
const errors = [];
const run = init({ project: 'media', server: ${JSON.stringify(server.url)}, dir: ${JSON.stringify(join(folder, 'local'))}, onError: ({ message }) => errors.push(message) });
const data = Uint8Array.from({ length: 48 }, (_, i) => i);
run.log({ loss: 1, sample: new Image({ data, shape: [4, 4, 3] }, { masks: { m: { data: new Uint8Array(16), labels: { 0: 'sky' } } } }) });
data.fill(0);
run.log({ loss: 2, bad: new Image({ data: new Float32Array([NaN]), shape: [1, 1] }) });
run.log({ loss: 3, jpeg: new Image({ data, shape: [4, 4, 3] }, { format: 'jpeg' }) });
const { isSynced, status } = await run.finish();
console.log(JSON.stringify({ id: run.id, isSynced, status, errors }));
`,
	);
	const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
	let out = '';
	child.stdout.on('data', (text) => {
		out += text;
	});
	const [code] = await once(child, 'close');
	expect(code).toBe(0);
	const { id, isSynced, status, errors } = JSON.parse(out);
	expect(isSynced).toBe(true);
	expect(status).toMatchObject({ droppedValues: 2, pending: { memory: 0, disk: 0, files: 0 } });
	expect(errors).toEqual([expect.stringMatching(/"bad" at step 1 .*NaN/), expect.stringMatching(/"jpeg" at step 2 .*no canvas/)]);
	const rows = (await (await fetch(`${server.url}/api/projects/media/runs/${id}/history.jsonl`)).text())
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line));
	expect(rows.map(({ loss }) => loss)).toEqual([1, 2, 3]);
	expect(rows[0].sample).toMatchObject({ _type: 'image-file', width: 4, height: 4, path: expect.stringMatching(/^media\/images\/sample_0_/) });
	const file = await fetch(`${server.url}/api/projects/media/runs/${id}/files/${rows[0].sample.path}`);
	expect((await file.arrayBuffer()).byteLength).toBe(rows[0].sample.size);
	const tracked = await (
		await fetch(`${server.url}/graphql`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({
				query: 'query ($name: String!) { project(name: "media", entityName: "local") { run(name: $name) { config } } }',
				variables: { name: id },
			}),
		})
	).json();
	expect(JSON.parse(tracked.data.project.run.config)._wandb.value['mask/class_labels']).toEqual({
		sample_wandb_delimeter_m: { type: 'mask/class_labels', key: 'sample_wandb_delimeter_m', value: { 0: 'sky' } },
	});
});
