import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureBuilt } from '../../scripts/check/built.ts';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { createProject, type Packed, pack, ROOT, runProgram } from './packed-project.ts';

let packed: Packed;
let server: RunningServer;

beforeAll(async () => {
	ensureBuilt(ROOT, ['sdk']);
	packed = await pack();
	server = await startServer({ port: 0, dataDir: join(packed.folder, 'server-data'), origins: [] });
});

afterAll(async () => {
	await server?.close();
	rmSync(packed.folder, { recursive: true, force: true, maxRetries: 5 });
});

test('in plain Node, what was logged on the line before process.exit() is sent by the next process', async () => {
	const project = await createProject(packed, 'node');
	const node = (program: string) => runProgram(process.execPath, [program, server.url], project);
	const id = await node('node-exit.js');
	expect(id).toMatch(/^[0-9a-z]{12}$/);
	expect(existsSync(join(project, 'tidelog', id))).toBe(true);
	expect(JSON.parse(await node('node-next.js'))).toMatchObject({ isSynced: true, isVerified: true });
	// A process ends by itself and does not wait for what others left: with a busy machine it may take one more to send it all.
	await expect
		.poll(
			async () => {
				const response = await fetch(`${server.url}/api/projects/pack/runs/${id}/history.jsonl`);
				const lines = response.ok ? (await response.text()).trimEnd().split('\n') : [];
				if (lines.length < 250) await node('node-next.js');
				return lines.map((line) => (JSON.parse(line) as { label: string }).label);
			},
			{ timeout: 30_000 },
		)
		.toEqual(Array.from({ length: 250 }, (_, i) => `row ${i}`));
});

/** Files that browsers and edge runtimes load, which have no Node. */
test('no file for browsers or the edge names a built-in of Node', () => {
	const built = (folder: string) => readdirSync(join(ROOT, 'dist', folder)).map((name) => join('dist', folder, name));
	const files = ['', 'edge'].flatMap(built).filter((path) => path.endsWith('.js'));
	expect(files).toEqual(
		expect.arrayContaining(['dist/index.js', 'dist/start-writer.js', 'dist/worker.js', 'dist/worker-rows.js', 'dist/edge/index.js']),
	);
	expect(files.filter((path) => builtinsIn(readFileSync(join(ROOT, path), 'utf8')).length > 0)).toEqual([]);
	// The same look at what is made for Node finds them.
	expect(builtinsIn(readFileSync(join(ROOT, 'dist/node/index.js'), 'utf8'))).toContain('node:fs');
});

function builtinsIn(text: string): string[] {
	const named = [...text.matchAll(/(?:from|import|require|import\(|require\()\s*["'`]([^"'`]+)["'`]/g)].map(([, name]) => name as string);
	return named.filter((name) => name.startsWith('node:') || builtinModules.includes(name));
}
