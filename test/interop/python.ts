import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Versions of W&B's Python package that are tried; `newest` is what the package index has today. */
export const VERSIONS = (process.env.TIDELOG_INTEROP_VERSIONS ?? '0.19.11,0.23.1,0.28.2,newest').split(',');
/** What its media classes need. wandb 0.19 writes masks in a way that later versions of Pillow refuse. */
const COMPANIONS = ['numpy==2.2.6', 'pillow==11.1.0'];
const KEY = '0123456789abcdefghijklmnopqrstuvwxyz0123';

export type Python = { executable: string } | { missing: string };

/** A virtual environment with one version of the client, made once and kept in the user's cache. Says why where it cannot be had. */
export function pythonWith(version: string): Python {
	const cache = process.env.XDG_CACHE_HOME ?? (existsSync(join(homedir(), '.cache')) ? join(homedir(), '.cache') : tmpdir());
	const folder = join(cache, 'tidelog-interop', version);
	const executable = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
	const done = join(folder, 'is-whole');
	const wanted = [version === 'newest' ? 'wandb' : `wandb==${version}`, ...COMPANIONS];
	if (existsSync(done) && readFileSync(done, 'utf8') === wanted.join(' ')) return { executable };
	mkdirSync(join(cache, 'tidelog-interop'), { recursive: true });
	rmSync(folder, { recursive: true, force: true });
	const steps: [string, string[]][] = [
		[process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', folder]],
		[executable, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1', ...wanted]],
	];
	for (const [command, args] of steps) {
		const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 });
		if (status !== 0) return { missing: `${command} ${args.slice(0, 3).join(' ')} … failed: ${error?.message ?? stderr.trim().split('\n').at(-1)}` };
	}
	writeFileSync(done, wanted.join(' '));
	return { executable };
}

export interface ScriptResult {
	code: number | null;
	signal: NodeJS.Signals | null;
	/** Both streams. */
	output: string;
	/** Lines that the script printed with `tell()`, by name. */
	told: Record<string, unknown>;
}

export interface ScriptOptions {
	baseUrl: string;
	/** Where the client keeps its files. */
	folder: string;
	args?: readonly string[];
	env?: Record<string, string>;
	/** Called with all that was printed so far; may end the process. */
	onOutput?: (output: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs one of scripts/*.py; nothing of the user's own settings reaches the client. */
export function runScript(
	executable: string,
	script: string,
	{ baseUrl, folder, args = [], env = {}, onOutput }: ScriptOptions,
): Promise<ScriptResult> {
	const path = fileURLToPath(new URL(`scripts/${script}.py`, import.meta.url));
	const child = spawn(executable, [path, ...args], {
		cwd: folder,
		env: {
			PATH: process.env.PATH,
			HOME: folder,
			PYTHONUNBUFFERED: '1',
			PYTHONIOENCODING: 'utf8',
			WANDB_BASE_URL: baseUrl,
			WANDB_API_KEY: KEY,
			WANDB_DIR: folder,
			WANDB_CACHE_DIR: join(folder, 'cache'),
			WANDB_CONFIG_DIR: join(folder, 'config'),
			WANDB_DATA_DIR: join(folder, 'data'),
			WANDB_ARTIFACT_DIR: join(folder, 'artifacts'),
			WANDB_ERROR_REPORTING: 'false',
			WANDB_DISABLE_GIT: 'true',
			WANDB_CONSOLE: 'wrap',
			WANDB__STATS_SAMPLING_INTERVAL: '0.5',
			...env,
		},
	});
	let output = '';
	const hear = (bytes: Buffer) => {
		output += bytes.toString('utf8');
		onOutput?.(output, (signal) => child.kill(signal));
	};
	child.stdout.on('data', hear);
	child.stderr.on('data', hear);
	return new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (code, signal) => {
			const told: Record<string, unknown> = {};
			for (const [, name, json] of output.matchAll(/^TELL (\w+) (.*)$/gm)) told[name as string] = JSON.parse(json as string);
			resolve({ code, signal, output, told });
		});
	});
}
