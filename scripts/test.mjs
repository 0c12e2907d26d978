/** What `npm test` does: node scripts/test.mjs [unit|dom|browser|e2e|kill|pack|runtimes|interop|all|chaos] [options for vitest] */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureNode24 } from './check/node-24.mjs';

ensureNode24();
const { build, TARGETS } = await import('./build.mjs');
const { findBrowser } = await import('./find-browser.mjs');

/** What each suite needs to be built; those that need something built run in a browser. */
const SUITES = { unit: [], dom: [], browser: ['sdk'], e2e: TARGETS, kill: ['sdk'], pack: ['sdk'], runtimes: ['sdk'] };
const root = fileURLToPath(new URL('..', import.meta.url));
const [first = 'all', ...rest] = process.argv.slice(2);
const isNamed = first === 'all' || first === 'interop' || first === 'chaos' || Object.hasOwn(SUITES, first);
const options = isNamed ? rest : [first, ...rest];
let suites = isNamed && first !== 'all' ? [first] : Object.keys(SUITES);
if (first === 'chaos') {
	// The short form of the simulated scenarios is part of the unit tests; by name it is all of them, and those in a real browser. One seed is a simulated one.
	const at = options.indexOf('--seed');
	if (at !== -1) [, process.env.TIDELOG_CHAOS_SEED] = options.splice(at, 2);
	process.env.TIDELOG_CHAOS_SEEDS ??= '500';
	suites = at === -1 ? ['unit', 'chaos-browser'] : ['unit'];
	options.push('test/chaos');
}
// Asked for by name it is the long form.
if (first === 'kill') {
	process.env.TIDELOG_KILL_ROUNDS ??= '100';
	process.env.TIDELOG_KILL_HIDDEN_S ??= '600';
}

try {
	const needed = new Set(suites.flatMap((suite) => SUITES[suite] ?? (suite === 'interop' ? [] : ['sdk'])));
	if (needed.size > 0) {
		process.env.TIDELOG_BROWSER = await findBrowser();
		if (!build(TARGETS.filter((target) => needed.has(target)))) throw new Error('Building failed; what was printed above says why.');
	}
	const projects = suites.flatMap((suite) => ['--project', suite]);
	const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.config.ts', ...projects, ...options], {
		cwd: root,
		stdio: 'inherit',
	});
	process.exitCode = status ?? 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
