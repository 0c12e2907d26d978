import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkDocs, makePages } from '../../scripts/docs/pages.ts';

const root = mkdtempSync(join(tmpdir(), 'tidelog-docs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
for (const path of ['docs', 'src/errors.ts', 'bench/results.json']) cpSync(path, join(root, path), { recursive: true });
const edit = (path: string, from: string, to: string) => writeFileSync(join(root, path), readFileSync(join(root, path), 'utf8').replace(from, to));

test('the pages here are what the code says', () => {
	expect(checkDocs(root, []).problems).toEqual([]);
});

test('a page that was edited by hand is stale until it is made again', () => {
	for (const path of ['docs/values.md', 'docs/wandb.md']) edit(path, '| --- |', '| -- |');
	edit('docs/durability.md', 'A wrong argument', 'Some argument');
	edit('bench/results.json', '"median": ', '"median": 1');
	const stale = ['docs/values.md', 'docs/wandb.md', 'docs/durability.md', 'docs/benchmarks.md'];
	expect(checkDocs(root, []).problems).toEqual(stale.map((path) => `${path} is stale: run \`node scripts/docs.mjs\`.`));
	expect(makePages(root)).toEqual(stale);
	expect(checkDocs(root, []).problems).toEqual([]);
});

test('an error code without an explanation, or a page without the place for its part, fails', () => {
	edit('src/errors.ts', "| 'shared-steps';", "| 'shared-steps'\n\t/** New. */\n\t| 'brand-new';");
	expect(() => checkDocs(root, [])).toThrow(/brand-new/);
	cpSync('src/errors.ts', join(root, 'src/errors.ts'));
	edit('docs/durability.md', '<!-- made: errors -->', '');
	expect(() => checkDocs(root, [])).toThrow(/no place for "errors"/);
});

test('a link that leads nowhere is told', () => {
	cpSync('docs/durability.md', join(root, 'docs/durability.md'));
	writeFileSync(join(root, 'docs/links.md'), '[here](values.md) [gone](gone.md#part) [out](https://example.com) [below](#part)');
	expect(checkDocs(root, ['docs/links.md']).problems).toEqual(['docs/links.md links to gone.md, which is not there.']);
});
