/**
 * Builds what is stale: node scripts/build.mjs [--only sdk|dashboard|demo] [--force]
 * Stale is what was built from other bytes than those that lie here now (hashes in build/hashes.json).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const hashFile = join(root, 'build', 'hashes.json');
const bin = (name, path) => join(root, 'node_modules', name, path);

const targets = {
	sdk: {
		sources: ['src', 'workers', 'agent/src/sampler', 'rollup.config.mjs', 'tsconfig.json', 'tsconfig.build.json'],
		output: 'dist',
		commands: [
			[bin('rollup', 'dist/bin/rollup'), '-c', 'rollup.config.mjs', '--silent'],
			[bin('typescript', 'bin/tsc'), '-p', 'tsconfig.build.json'],
		],
	},
	dashboard: {
		sources: [
			'dashboard/src',
			'dashboard/public',
			'dashboard/index.html',
			'dashboard/vite.config.ts',
			'src/core',
			'src/query',
			'src/platform/clock.ts',
		],
		output: 'dashboard/dist',
		commands: [[bin('vite', 'bin/vite.js'), 'build', '-c', 'dashboard/vite.config.ts', '--logLevel', 'warn']],
	},
	demo: {
		sources: ['demo', 'src', 'workers', 'rollup.config.mjs'],
		output: 'demo/dist',
		commands: [[bin('vite', 'bin/vite.js'), 'build', '-c', 'demo/vite.config.ts', '--logLevel', 'warn']],
	},
};

/** The demo is built on the SDK, so the order counts. */
export const TARGETS = Object.keys(targets);

/** @param {readonly string[]} names @param {boolean} isForced Builds what is fresh as well. @returns whether all went well; the tools say what did not. */
export function build(names, isForced = false) {
	const known = existsSync(hashFile) ? JSON.parse(readFileSync(hashFile, 'utf8')) : {};
	for (const name of names) {
		const { sources, output, commands } = targets[name];
		const hash = hashOf([...sources, 'package-lock.json']);
		if (!isForced && known[name] === hash && existsSync(join(root, output))) continue;
		console.log(`Building the ${name} …`);
		rmSync(join(root, output), { recursive: true, force: true });
		for (const command of commands) {
			const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
			if (status !== 0) return false;
		}
		known[name] = hash;
		mkdirSync(join(root, 'build'), { recursive: true });
		writeFileSync(hashFile, `${JSON.stringify(known, null, '\t')}\n`);
	}
	return true;
}

function hashOf(paths) {
	const hash = createHash('sha256');
	const add = (path) => {
		const full = join(root, path);
		if (!existsSync(full)) return;
		if (statSync(full).isDirectory()) {
			for (const name of readdirSync(full).sort()) if (name !== 'dist' && name !== 'node_modules') add(join(path, name));
		} else hash.update(path).update('\0').update(readFileSync(full)).update('\0');
	};
	for (const path of paths) add(path);
	return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const { values } = parseArgs({ options: { only: { type: 'string' }, force: { type: 'boolean', default: false } } });
	if (values.only !== undefined && !TARGETS.includes(values.only)) {
		console.error(`--only takes one of ${TARGETS.join(', ')}.`);
		process.exitCode = 1;
	} else if (!build(values.only === undefined ? TARGETS : [values.only], values.force)) process.exitCode = 1;
}
