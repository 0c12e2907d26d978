import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { checkSizes, measureDashboard, measureSdk } from '../../scripts/check/sizes.ts';
import { planted } from './planted.ts';

const SMALL = {
	'dist/index.js': 'export const a = 1;',
	'dist/worker.js': 'self.onmessage = () => {};',
	'dashboard/dist/index.html': '<script type="module" src="/assets/index-1.js"></script>',
	'dashboard/dist/assets/index-1.js': 'console.log(1);',
};

/** A module of about `bytes` bytes even after gzip. */
const incompressible = (bytes: number) => `export const text = '${randomBytes(bytes).toString('base64')}';`;

const problemsOf = (files: Record<string, string>) => checkSizes(planted({ ...SMALL, ...files })).problems;

test('small bundles pass', () => {
	expect(problemsOf({})).toEqual([]);
});

test.each([
	['entry', 'dist/index.js', 12_000],
	['worker', 'dist/worker.js', 28_000],
	['media', 'dist/media.js', 22_000],
	['dashboard', 'dashboard/dist/assets/index-1.js', 140_000],
])('%s over its limit is found', (name, file, bytes) => {
	const problems = problemsOf({ [file]: incompressible(bytes) });
	expect(problems).toHaveLength(1);
	expect(problems[0]).toMatch(new RegExp(`^${name} \\(${file}\\) has \\d+ bytes gzip`));
});

test('what a file imports statically counts with it, what it loads later does not', () => {
	const chunk = incompressible(2_000);
	const entry = "import './chunk.js'; export const later = () => import('./later.js');";
	const [bundle] = measureSdk(planted({ ...SMALL, 'dist/index.js': entry, 'dist/chunk.js': chunk, 'dist/later.js': incompressible(9_000) }));
	expect(bundle?.files).toEqual(['dist/index.js', 'dist/chunk.js']);
	expect(bundle?.gzipBytes).toBe(gzipSync(entry, { level: 9 }).length + gzipSync(chunk, { level: 9 }).length);
});

test("the dashboard's first load is what its page names, preloads and inlines", () => {
	const html = `<script>${'var theme = 1;'.repeat(9)}</script><link rel="modulepreload" crossorigin href="./assets/b.js"><script type="module" src="./assets/a.js"></script>`;
	const root = planted({ 'dashboard/dist/index.html': html, 'dashboard/dist/assets/a.js': 'a()', 'dashboard/dist/assets/b.js': 'b()' });
	const { files, gzipBytes } = measureDashboard(root);
	expect(files.sort()).toEqual(['dashboard/dist/assets/a.js', 'dashboard/dist/assets/b.js']);
	expect(gzipBytes).toBe([...['a()', 'b()'], 'var theme = 1;'.repeat(9)].reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0));
});

test.each([
	['dist/index.js', "import { join } from 'node:path'; export default join;"],
	['dist/worker.js', "const fs = require('fs');"],
	['dist/chunk.js', "export const load = () => import('node:zlib');"],
	['dashboard/dist/assets/index-1.js', "import 'crypto';"],
])('a Node built-in in %s is found', (file, text) => {
	expect(problemsOf({ [file]: text })).toEqual([expect.stringMatching(/imports .*, which no page has/)]);
});

test('a build that is not there is told in one sentence', () => {
	expect(() => measureSdk(planted({ 'dist/worker.js': '' }))).toThrow('dist/index.js is not there: run `npm run build` first.');
});
