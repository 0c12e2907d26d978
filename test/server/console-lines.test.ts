import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConsolePage } from '../../server/src/console-lines.ts';
import { CONSOLE_FILE } from '../../src/core/protocol.ts';
import { TestServer } from './support.ts';

const W1 = 'a000000000000001';
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
	const content = Array.from({ length: 50 }, (_, n) => (n % 10 === 7 ? `Loss is HIGH at ${n}` : `line ${n}`));
	// In many pieces, so that ranges begin and end within them.
	for (let offset = 0; offset < content.length; offset += 6)
		server.tracker.stream(server.run('r'), { files: { [CONSOLE_FILE]: { offset, content: content.slice(offset, offset + 6) } } });
	server.send('r', W1, { console: [0, ['{"text":"high"}', '{"text":"low"}']] });
});
afterEach(() => server.close());

async function ask(query: string): Promise<ConsolePage> {
	const response = await server.request('GET', `/api/projects/p/runs/r/console?${query}`);
	const body = (await response.json()) as ConsolePage & { error?: string };
	if (response.status !== 200) throw new Error(`${response.status}: ${body.error}`);
	return body;
}
const places = async (query: string) => (await ask(query)).lines.map(({ writer, n }) => `${writer}:${n}`);

test('lines come by writer and number, with how many there are', async () => {
	const { lines, writers, next } = await ask('');
	expect(lines.length).toBe(52);
	expect(lines[3]).toEqual({ writer: '', n: 3, line: 'line 3' });
	expect(lines.at(-1)).toEqual({ writer: W1, n: 1, line: '{"text":"low"}' });
	expect(writers).toEqual([
		{ writer: '', lines: 50 },
		{ writer: W1, lines: 2 },
	]);
	expect(next).toBeUndefined();
});

test('a range begins and ends where it says, within a writer or in each', async () => {
	expect(await places('writer=&from=4&to=9')).toEqual([':4', ':5', ':6', ':7', ':8']);
	expect(await places('from=1&to=2')).toEqual([':1', `${W1}:1`]);
	expect(await places('writer=&from=48')).toEqual([':48', ':49']);
	expect(await places('writer=&from=60')).toEqual([]);
	expect(await places('writer=nobody')).toEqual([]);
});

test('a search finds text whatever its case, and pages go on where the one before ended', async () => {
	const all = [':7', ':17', ':27', ':37', ':47', `${W1}:0`];
	expect(await places('search=high')).toEqual(all);
	const found: string[] = [];
	let cursor = '';
	let pages = 0;
	do {
		const { lines, next } = await ask(`search=HIGH&limit=2${cursor}`);
		found.push(...lines.map(({ writer, n }) => `${writer}:${n}`));
		cursor = next === undefined ? '' : `&cursor=${encodeURIComponent(next)}`;
		pages++;
	} while (cursor !== '');
	expect(found).toEqual(all);
	expect(pages).toBe(3);
});

test('what makes no sense is refused in words', async () => {
	await expect(ask('limit=0')).rejects.toThrow('400: limit must be from 1 to 10000, but was 0.');
	await expect(ask('from=-1')).rejects.toThrow('400: from must be a whole number from 0, but was "-1".');
	await expect(ask('cursor=x')).rejects.toThrow(/400: cursor "x" is not of an answer/);
	await expect(ask('cursor=nobody:3')).rejects.toThrow(/400: cursor/);
});
