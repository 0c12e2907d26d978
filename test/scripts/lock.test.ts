import { expect, test } from 'vitest';
import { checkLock } from '../../scripts/check/lock.ts';
import { planted } from './planted.ts';

function problemsOf(packages: object): string[] {
	return checkLock(planted({ 'package-lock.json': JSON.stringify({ packages }) })).problems;
}

test('an optional dependency without an entry of its own is found', () => {
	const problems = problemsOf({
		'node_modules/rollup': { optionalDependencies: { '@rollup/rollup-darwin-arm64': '4.0.0', '@rollup/rollup-linux-x64-gnu': '4.0.0' } },
		'node_modules/@rollup/rollup-linux-x64-gnu': {},
	});
	expect(problems).toHaveLength(1);
	expect(problems[0]).toContain('node_modules/rollup names @rollup/rollup-darwin-arm64');
});

test('an entry counts where Node would look: in the package itself and in every node_modules around it, not beside', () => {
	const optionalDependencies = { binary: '1.0.0' };
	expect(problemsOf({ 'node_modules/a': { optionalDependencies }, 'node_modules/a/node_modules/binary': {} })).toEqual([]);
	expect(problemsOf({ 'node_modules/@s/a/node_modules/b': { optionalDependencies }, 'node_modules/@s/a/node_modules/binary': {} })).toEqual([]);
	expect(problemsOf({ server: { optionalDependencies }, 'node_modules/binary': {} })).toEqual([]);
	expect(problemsOf({ 'server/node_modules/a': { optionalDependencies }, 'server/node_modules/binary': {} })).toEqual([]);
	expect(problemsOf({ 'node_modules/a': { optionalDependencies }, 'node_modules/b/node_modules/binary': {} })).toHaveLength(1);
});

test('an address is found; a link to a workspace is none', () => {
	expect(problemsOf({ 'node_modules/a': { resolved: 'https://registry.example/a-1.0.0.tgz' } })[0]).toContain(
		'node_modules/a is locked to an address',
	);
	expect(problemsOf({ 'node_modules/b': { resolved: 'git+ssh://git@example/b.git' } })).toHaveLength(1);
	expect(problemsOf({ 'node_modules/@tidelog/server': { resolved: 'server', link: true } })).toEqual([]);
});
