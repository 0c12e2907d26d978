/**
 * Begins `npm start` and `npm test` on a machine that has Node ≥ 20 and npm and nothing else: installs what is missing, then hands
 * over to the Node that this repository brings along (npm package `node`). Node 20 built-ins only, and nothing out of node_modules.
 *
 *     node launch.mjs start|test|build|check|bench|mutants|install [options]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST_NODE = 24;
const root = dirname(fileURLToPath(import.meta.url));
const lockFile = join(root, 'package-lock.json');
const noteFile = join(root, 'node_modules', '.tidelog-lock');
const scripts = {
	start: 'scripts/start.mjs',
	test: 'scripts/test.mjs',
	build: 'scripts/build.mjs',
	check: 'scripts/check.mjs',
	bench: 'bench/run.mjs',
	mutants: 'scripts/mutants.mjs',
	install: undefined,
};

const [command = '', ...options] = process.argv.slice(2);
if (!Object.hasOwn(scripts, command)) fail(`launch.mjs knows ${Object.keys(scripts).join(', ')}, but was given "${command}".`);
install();
const node = pickNode();
if (scripts[command] !== undefined) run(node, [join(root, scripts[command]), ...options]);

/** Runs `npm install` unless the lock is the one that was installed last. */
function install() {
	const lock = readFileSync(lockFile);
	const hash = createHash('sha256').update(lock).digest('hex');
	if (existsSync(noteFile) && readFileSync(noteFile, 'utf8') === hash) return;
	console.log('Installing packages …');
	// Development packages are named because NODE_ENV=production would leave them out, and they are what builds.
	const args = ['install', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
	// npm tells its own path to what it starts; without it (`node launch.mjs`) the one on PATH is taken.
	const npm = /[\\/]npm(-cli)?\.[cm]?js$/.test(process.env.npm_execpath ?? '') ? process.env.npm_execpath : undefined;
	const { status, error } = npm
		? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: 'inherit' })
		: spawnSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
	if (error) fail(`npm could not be started (${error.message}). Install npm, or run this through it: npm ${command}.`);
	if (status !== 0) fail('npm install failed; what it printed above says why. Nothing was started.');
	// npm 10 may write the lock in its own manner; what the repository says stays.
	if (!readFileSync(lockFile).equals(lock)) writeFileSync(lockFile, lock);
	writeFileSync(noteFile, hash);
}

/** The repository's own Node, or the system's when that is new enough. */
function pickNode() {
	const own = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
	const version = existsSync(own) ? spawnSync(own, ['-p', 'process.version'], { encoding: 'utf8' }).stdout?.trim() : undefined;
	if (version !== undefined && major(version) >= LEAST_NODE) return own;
	if (major(process.version) >= LEAST_NODE) return process.execPath;
	return fail(
		`Tidelog runs on Node ${LEAST_NODE}, which the npm package "node" brings along by its install script, and that did not run (found ${version || 'nothing'}). ` +
			'Allow it (`npm config delete ignore-scripts`; npm 11 reads allowScripts in package.json, which names it) and run `npm rebuild node`, or install Node 24 yourself.',
	);
}

/** Hands over: same terminal, same signals, same exit code. */
function run(node, args) {
	const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
	const child = spawn(node, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } });
	// A terminal sends Ctrl-C to both of us; whoever signals this process alone means the child.
	process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
	for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
	child.on('error', (error) => fail(`${node} could not be started (${error.message}).`));
	child.on('exit', (code, signal) => {
		process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
	});
}

function major(version) {
	return Number(version.replace(/^v/, '').split('.')[0]);
}

function fail(message) {
	console.error(message);
	process.exit(1);
}
