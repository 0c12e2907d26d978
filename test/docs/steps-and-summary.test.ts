import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { fromWire } from '../../src/core/wire-values.ts';
import type { Run } from '../../src/run.ts';
import { InProcess } from '../values/in-process.ts';

/** Runs the examples of docs/steps-and-summary.md: each block is a program, in which `// =>` says what the expression before it is. */
const server = new InProcess();
afterAll(() => server.close());

const page = readFileSync('docs/steps-and-summary.md', 'utf8');
const blocks = [...page.matchAll(/## ([^\n]+)|```js\n(.*?)```/gs)];
const AsyncFunction = (async () => undefined).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<unknown>;
const PROJECT = 'docs';

/** What the server has, once it has all of it. */
const reading =
	<T>(read: (id: string) => Promise<T>) =>
	async (run: Run): Promise<T> => {
		await run.synced();
		return read(run.id);
	};
const detail = async (id: string) => fromWire(await server.detail(PROJECT, id)) as { summary: object; config: object };
const helpers = {
	rows: reading(async (id) => (await server.rows(PROJECT, id)).map(({ _step, _runtime, _timestamp, ...row }) => [_step, row])),
	records: reading((id) => server.records(PROJECT, id)),
	summary: reading(async (id) => without((await detail(id)).summary)),
	config: reading(async (id) => without((await detail(id)).config)),
};
const without = (object: object) => Object.fromEntries(Object.entries(object).filter(([key]) => !key.startsWith('_')));

let section = '';
let examples = 0;
for (const [, heading, code] of blocks) {
	if (heading) section = heading;
	if (code === undefined) continue;
	examples++;
	test(`${section}: example ${examples}`, async () => {
		let checked = 0;
		const check = (found: unknown, wanted: unknown) => {
			checked++;
			expect(found).toEqual(wanted);
		};
		const program = code.replace(/^(.+?) \/\/ => (.+)$/gm, 'check($1, $2);');
		const run = server.init({ project: PROJECT, server: server.url, onError: ({ message }) => expect.fail(message) });
		const init = (options: object) => server.init({ project: PROJECT, ...options });
		const names = { run, init, check, project: PROJECT, server: server.url, ...helpers };
		await new AsyncFunction(...Object.keys(names), program)(...Object.values(names));
		expect(checked).toBe((code.match(/\/\/ => /g) ?? []).length);
		await run.finish();
	});
}

test('there are examples', () => {
	expect(examples).toBeGreaterThanOrEqual(6);
});
