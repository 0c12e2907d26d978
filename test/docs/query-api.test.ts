import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunsPage } from '../../src/core/runs-query.ts';
import { TestServer } from '../server/support.ts';

/** Runs the examples of docs/query-api.md: a request line, its body, and after `=>` what comes back. */
const page = readFileSync('docs/query-api.md', 'utf8');
const examples = [...page.matchAll(/```json\nPOST (\S+)\n(.*?)\n=> (.*?)\n```/gs)].map(([, path, body, answer]) => ({
	path: String(path),
	body: String(body),
	answer: String(answer),
}));
const server = new TestServer();
afterAll(() => server.close());

beforeAll(() => {
	for (const [row] of page.matchAll(/^\| `r\d` .*$/gm)) {
		const [, id, config, summary, tags, notes] = row.split('|').map((cell) => cell.trim().replace(/^`|`$/g, ''));
		server.nowMs += 1_000;
		server.tracker.upsertRun({
			project: 'tides',
			name: id as string,
			displayName: id as string,
			config: JSON.stringify(Object.fromEntries(members(config).map(([key, value]) => [key, { value }]))),
			...(summary ? { summary: JSON.stringify(Object.fromEntries(members(summary))) } : {}),
			tags: (tags ?? '').split(/[^a-z]+/).filter((tag) => tag !== ''),
			notes: notes as string,
		});
	}
});

function members(text = ''): [string, string | number][] {
	return text.split(', ').map((member) => {
		const [key, value] = member.split(': ') as [string, string];
		return [key, Number.isNaN(Number(value)) ? value : Number(value)];
	});
}

test('the page has examples, and each code block is one', () => {
	expect(examples.length).toBe([...page.matchAll(/^```json$/gm)].length);
	expect(examples.length).toBeGreaterThan(5);
});

test.each(examples)('$path $body', async ({ path, body, answer }) => {
	const response = await server.request('POST', path, body);
	expect(response.status).toBe(200);
	const got = (await response.json()) as RunsPage;
	if (answer.startsWith('{')) expect(got).toEqual(JSON.parse(answer));
	else expect(`${got.runs.map(({ id }) => id).join(' ')}, total ${got.total}`).toBe(answer);
});
