import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

interface Built {
	/** `sdk` can be built alone. */
	part: 'sdk' | 'dashboard';
	/** Written last by the build. */
	output: string;
	sources: readonly string[];
}

const PARTS: readonly Built[] = [
	{ part: 'sdk', output: 'dist/index.js', sources: ['src', 'workers', 'rollup.config.mjs'] },
	{ part: 'dashboard', output: 'dashboard/dist/index.html', sources: ['dashboard/src', 'dashboard/index.html', 'src/core', 'src/query'] },
];

/** Builds what is missing or older than its sources, so that nobody measures or tests yesterday's build. @throws when the build fails. */
export function ensureBuilt(root: string, parts: readonly Built['part'][]): void {
	const stale = PARTS.filter(({ part, output, sources }) => parts.includes(part) && isStale(root, output, sources));
	if (stale.length === 0) return;
	const only = stale.every(({ part }) => part === 'sdk') ? ['--only', 'sdk'] : [];
	const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build.mjs', ...only], { cwd: root, encoding: 'utf8' });
	if (status !== 0) throw new Error(`The build failed:\n${stdout}${stderr}`);
	for (const { output } of stale) if (!existsSync(join(root, output))) throw new Error(`The build ended well, but wrote no ${output}.`);
}

function isStale(root: string, output: string, sources: readonly string[]): boolean {
	const path = join(root, output);
	return !existsSync(path) || newest(root, sources) > statSync(path).mtimeMs;
}

function newest(root: string, paths: readonly string[]): number {
	let newestMs = 0;
	for (const path of paths) {
		const full = join(root, path);
		if (!existsSync(full)) continue;
		const stat = statSync(full);
		const ms = stat.isDirectory() ? newest(full, readdirSync(full)) : stat.mtimeMs;
		newestMs = Math.max(newestMs, ms);
	}
	return newestMs;
}
