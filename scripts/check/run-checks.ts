import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkDocs } from '../docs/pages.ts';
import { ensureBuilt } from './built.ts';
import { checkFiles } from './files.ts';
import { checkImports } from './imports.ts';
import { checkLock } from './lock.ts';
import { checkSizes } from './sizes.ts';
import { type Finding, sourceFiles } from './source-files.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');
const TSC = 'node_modules/typescript/bin/tsc';
const BIOME = 'node_modules/@biomejs/biome/bin/biome';

/** In the order in which they run: what fails most often and fastest comes first. */
const CHECKS: Record<string, () => Finding | Promise<Finding>> = {
	types: async () =>
		joined([await command([TSC, '-p', 'tsconfig.json', '--noEmit']), await command([TSC, '-p', 'src/core/tsconfig.json', '--noEmit'])]),
	lint: () => command([BIOME, 'ci', '--colors=off', '--diagnostic-level=warn', '.']),
	imports: () => checkImports(ROOT),
	lock: () => checkLock(ROOT),
	sizes: () => {
		ensureBuilt(ROOT, ['sdk', 'dashboard']);
		return checkSizes(ROOT);
	},
	tokens: () => command(['dashboard/check-tokens.mjs']),
	docs: () =>
		checkDocs(
			ROOT,
			sourceFiles(ROOT, ['README.md', 'docs'], /\.md$/).map(({ path }) => path),
		),
	files: () => checkFiles(ROOT),
};

/** Runs the named checks, or all, prints one line each and the details of failures. Returns the exit code. */
export async function runChecks(names: readonly string[]): Promise<number> {
	const unknown = names.filter((name) => !(name in CHECKS));
	if (unknown.length > 0) {
		console.error(`There is no check "${unknown.join('", "')}". Known are ${Object.keys(CHECKS).join(', ')}.`);
		return 1;
	}
	let failures = 0;
	for (const [name, check] of Object.entries(CHECKS)) {
		if (names.length > 0 && !names.includes(name)) continue;
		const startedMs = performance.now();
		const { problems, warnings = [], summary = '' } = await outcome(check);
		const took = `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
		if (problems.length > 0) failures++;
		console.log(`${name.padEnd(8)} ${problems.length > 0 ? 'FAIL' : 'ok  '} ${took.padStart(7)}  ${summary}`.trimEnd());
		for (const line of problems) console.log(`  ${line.replaceAll('\n', '\n  ')}`);
		for (const line of warnings) console.log(`  warning: ${line}`);
	}
	return failures === 0 ? 0 : 1;
}

/** A check that cannot even run has failed; the others still do. */
async function outcome(check: () => Finding | Promise<Finding>): Promise<Finding> {
	try {
		return await check();
	} catch (error) {
		return { problems: [error instanceof Error ? error.message : String(error)] };
	}
}

function command([script, ...args]: [script: string, ...args: string[]]): Promise<Finding> {
	if (!existsSync(join(ROOT, script))) return Promise.resolve({ problems: [`${script} is not there.`] });
	return new Promise((resolve) => {
		const child = spawn(process.execPath, [script, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
		let output = '';
		for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
		child.on('close', (code, signal) => resolve({ problems: code === 0 ? [] : [output.trim() || `${script} ended with ${signal ?? code}.`] }));
	});
}

function joined(findings: Finding[]): Finding {
	return { problems: findings.flatMap(({ problems }) => problems) };
}
