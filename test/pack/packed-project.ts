import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');
const USER_CODE = fileURLToPath(new URL('./project', import.meta.url));

/** What a user's shell has, and nothing of the test runner: bundlers look at NODE_ENV. */
const { NODE_ENV: _, VITEST: __, ...userEnv } = process.env;

/** Runs a program of this repository's node_modules in `cwd` as a user would. @throws with all it printed when it fails. */
export async function runTool(script: string, args: readonly string[], cwd: string): Promise<string> {
	return runProgram(process.execPath, [join(ROOT, 'node_modules', script), ...args], cwd);
}

export async function runProgram(program: string, args: readonly string[], cwd: string): Promise<string> {
	try {
		const { stdout } = await run(program, args, { cwd, env: { ...userEnv, NO_COLOR: '1' }, maxBuffer: 2 ** 26 });
		return stdout;
	} catch (error) {
		const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
		throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
	}
}

export interface Packed {
	/** Where tarball and projects are; delete it at the end. */
	folder: string;
	tarball: string;
	/** Paths inside the package. */
	files: string[];
}

/** Packs the built package as `npm publish` would. */
export async function pack(): Promise<Packed> {
	const folder = mkdtempSync(join(tmpdir(), 'tidelog-pack-'));
	const output = await runProgram('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], ROOT);
	const [packed] = JSON.parse(output) as [{ filename: string; files: { path: string }[] }];
	return { folder, tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
}

/** An empty project with the tarball installed, and a page and a worker that use it. Needs no network: the package depends on nothing. */
export async function createProject({ folder, tarball }: Packed, name: string): Promise<string> {
	const project = join(folder, name);
	mkdirSync(project);
	writeFileSync(join(project, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
	await runProgram('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball], project);
	cpSync(USER_CODE, project, { recursive: true });
	if (name === 'esbuild') renameSync(join(project, 'start-own-worker-by-address.js'), join(project, 'start-own-worker.js'));
	return project;
}

export function writePage(path: string, script: string): void {
	writeFileSync(path, `<!doctype html><meta charset="utf-8"><title>Trains</title><script type="module" src="${script}"></script>\n`);
}
