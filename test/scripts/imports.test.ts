import { describe, expect, test } from 'vitest';
import { checkImports } from '../../scripts/check/imports.ts';
import { planted } from './planted.ts';

/** Files that the planted imports point to, so that only the rule under test speaks. */
const THERE = {
	'package.json': JSON.stringify({ name: 'tidelog', devDependencies: { vitest: '1' }, workspaces: ['server', 'dashboard'] }),
	'server/package.json': JSON.stringify({ name: '@tidelog/server', dependencies: { hono: '1' } }),
	'dashboard/package.json': JSON.stringify({ name: '@tidelog/dashboard', devDependencies: { preact: '1' } }),
	'src/core/keys.ts': 'export const STEP = 0;',
	'src/query/query.ts': '',
	'src/platform/clock.ts': 'export interface Clock {}',
	'src/platform/web/store.ts': '',
	'src/platform/node/store.ts': '',
	'src/run.ts': '',
	'workers/writer.ts': '',
	'server/src/app.ts': '',
	'dashboard/src/app.tsx': '',
	'demo/page.ts': '',
};

function problemsOf(files: Record<string, string>): string[] {
	return checkImports(planted({ ...THERE, ...files })).problems;
}

test('the planted repository itself has no problem', () => {
	expect(problemsOf({})).toEqual([]);
});

describe('a wrong import is found, with its line', () => {
	test.each<[what: string, file: string, text: string, says: RegExp]>([
		['core → run', 'src/core/a.ts', "import '../run.ts';", /^src\/core\/a\.ts:1 imports \.\.\/run\.ts: src\/core\/ may import src\/core\/ only$/],
		['core → a type elsewhere', 'src/core/a.ts', "\nexport type A = import('../run.ts').Run;", /^src\/core\/a\.ts:2 imports/],
		['core → package', 'src/core/a.ts', "import { openDB } from 'idb';", /no package/],
		['core → Node', 'src/core/a.ts', "export { join } from 'node:path';", /no Node built-ins/],
		['core → Node without prefix', 'src/core/a.ts', "import fs from 'fs';", /no Node built-ins/],
		['sync → clock as a value', 'src/sync/a.ts', "import { systemClock } from '../platform/clock.ts';", /types of it only/],
		['sync → platform', 'src/sync/a.ts', "import type { S } from '../platform/web/store.ts';", /src\/sync\/ may import/],
		['platform → platform', 'src/platform/web/a.ts', "import '../node/store.ts';", /never imports another platform \(web → node\)/],
		['shared platform → one platform', 'src/platform/web/a.ts', "await import('../node/store.ts');", /never imports another platform/],
		['src → workers', 'src/a.ts', "import '../workers/writer.ts';", /reached by URL/],
		['test → workers', 'test/a.test.ts', "import '../workers/writer.ts';", /reached by URL/],
		['src → server', 'src/a.ts', "import '../server/src/app.ts';", /src\/ may import src\/ only/],
		['server → dashboard', 'server/src/a.ts', "export * from '../../dashboard/src/app.tsx';", /server\/ may import/],
		['server → run', 'server/src/a.ts', "import type { Run } from '../../src/run.ts';", /server\/ may import/],
		['server → undeclared package', 'server/src/a.ts', "import 'preact';", /server\/package\.json does not declare preact/],
		['dashboard → server', 'dashboard/src/a.tsx', "const a = <b>{await import('../../server/src/app.ts')}</b>;", /may import/],
		['dashboard → Node', 'dashboard/src/a.tsx', "import { join } from 'node:path';", /no Node built-ins/],
		['demo → src', 'demo/a.ts', "import { init } from '../src/run.ts';", /demo\/ may import demo\/ only/],
		['a file that is not there', 'src/a.ts', "import './run';", /no such file/],
	])('%s', (_what, file, text, says) => {
		const problems = problemsOf({ [file]: text });
		expect(problems).toHaveLength(1);
		expect(problems[0]).toMatch(says);
	});
});

describe('a right import is not', () => {
	test.each([
		['src/core/a.ts', "import { STEP } from './keys.ts';"],
		['src/sync/a.ts', "import type { Clock } from '../platform/clock.ts'; import { type Clock as C } from '../platform/clock.ts';"],
		['src/platform/node/a.ts', "import { join } from 'node:path'; import '../../run.ts';"],
		['server/src/a.ts', "import { Hono } from 'hono'; import { STEP } from '../../src/core/keys.ts'; import fs from 'node:fs';"],
		['dashboard/src/a.tsx', "import { render } from 'preact'; import '../../src/query/query.ts';"],
		['demo/a.ts', "import { init } from 'tidelog'; import './page.ts';"],
		['src/a.ts', "// import '../server/src/app.ts';\nconst text = \"import '../server/src/app.ts'\";"],
	])('%s: %s', (file, text) => {
		expect(problemsOf({ [file]: text })).toEqual([]);
	});
});

describe('time, timers and chance outside src/platform are found', () => {
	test.each([
		['Date.now', 'const t = Date.now();'],
		['Date.now', 'const clock = { nowMs: Date.now };'],
		['Date.now', 'const t = globalThis.Date.now();'],
		['new Date()', 'const t = new Date();'],
		['Math.random', 'const r = Math.random();'],
		['setTimeout', 'setTimeout(() => {}, 5);'],
		['setInterval', 'globalThis.setInterval(f, 5);'],
		['setTimeout', 'wait(setTimeout);'],
	])('%s in: %s', (what, text) => {
		const problems = problemsOf({ 'src/a.ts': text });
		expect(problems).toHaveLength(1);
		expect(problems[0]).toContain(`src/a.ts:1 uses ${what}:`);
	});

	test.each([
		['src/platform/a.ts', 'const t = Date.now(); setTimeout(f, 5);'],
		['src/a.ts', 'const d = new Date(timestampMs); const o = { setTimeout: 5 }; o.setTimeout; type T = ReturnType<typeof setTimeout>;'],
		['server/src/a.ts', 'const t = Date.now();'],
		['src/a.ts', '// Date.now() and setTimeout in a comment'],
	])('but not in %s: %s', (file, text) => {
		expect(problemsOf({ [file]: text })).toEqual([]);
	});
});
