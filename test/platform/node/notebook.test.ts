import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { isNotebook } from '../../../src/platform/node/notebook.ts';

const outsideOfKernel = {
	get jupyter() {
		throw new Error('only in the kernel');
	},
};

test.each([
	['Node', {}, false],
	['Deno', { Deno: outsideOfKernel }, false],
	['an older Deno', { Deno: {} }, false],
	['Deno’s kernel', { Deno: { jupyter: {} } }, true],
	['IJavascript', { $$: { display: () => undefined } }, true],
	['a page of jQuery users', { $$: () => undefined }, false],
])('%s', (_where, scope, expected) => {
	expect(isNotebook(scope)).toBe(expected);
});

test('a cell that is run again finishes the run that it began before', () => {
	const cell = `
		globalThis.Deno = { jupyter: {} };
		const { init } = await import(${JSON.stringify(new URL('../../../src/index.node.ts', import.meta.url).href)});
		const runs = ['a', 'a', 'b'].map((project) => init({ project, store: 'memory' }));
		const kept = [init({ project: 'c', store: 'memory', reinit: 'create_new' })];
		console.log(JSON.stringify([...runs, ...kept].map((run) => run.isFinished)));
		process.exit();`;
	const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', cell], { encoding: 'utf8' });
	expect(stderr).toBe('');
	expect(JSON.parse(stdout)).toEqual([true, true, false, false]);
});
