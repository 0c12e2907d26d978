import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
/** Where installers put it, for a PATH that does not name the place. */
const PLACES = {
	linux: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome', '/snap/bin/chromium'],
	darwin: ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'],
	win32: ['C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe', 'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe'],
};
const APT = 'apt-get update && apt-get install -y --no-install-recommends chromium fonts-liberation';

/**
 * How to come by a Chromium: one that is there, or the command that brings one. Looks at nothing but what it is given.
 *
 * @param {{ env: Record<string, string | undefined>, platform: string, isRoot: boolean, isFile(path: string): boolean, playwrightCli: string | undefined }} machine
 * @returns {{ kind: 'found', path: string } | { kind: 'install', command: string, args: string[] } | { kind: 'none', message: string }}
 */
export function planBrowser({ env, platform, isRoot, isFile, playwrightCli }) {
	const wanted = env.TIDELOG_BROWSER;
	if (wanted) {
		if (isFile(wanted)) return { kind: 'found', path: wanted };
		return { kind: 'none', message: `TIDELOG_BROWSER names a file that is not there: ${wanted}` };
	}
	const folders = (env.PATH ?? '').split(platform === 'win32' ? ';' : ':').filter((folder) => folder !== '');
	const suffix = platform === 'win32' ? '.exe' : '';
	const candidates = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name + suffix))), ...(PLACES[platform] ?? [])];
	const path = candidates.find((candidate) => isFile(candidate));
	if (path) return { kind: 'found', path };
	if (platform === 'linux' && isRoot && isFile('/usr/bin/apt-get')) return { kind: 'install', command: '/bin/sh', args: ['-c', APT] };
	if (playwrightCli) return { kind: 'install', command: process.execPath, args: [playwrightCli, 'install', 'chromium'] };
	return {
		kind: 'none',
		message: 'The tests need Chromium or Chrome and found none. Install one, or name it: TIDELOG_BROWSER=/path/to/chromium npm test',
	};
}

/** Finds or installs a Chromium and returns its path. @throws Error with one clear message when there is none to be had. */
export async function findBrowser() {
	const cli = fileURLToPath(new URL('../node_modules/playwright/cli.js', import.meta.url));
	const machine = {
		env: process.env,
		platform: process.platform,
		isRoot: isRoot(),
		isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
		playwrightCli: existsSync(cli) ? cli : undefined,
	};
	const plan = planBrowser(machine);
	if (plan.kind === 'found') return plan.path;
	if (plan.kind === 'none') throw new Error(plan.message);
	console.log(`No Chromium here; running: ${plan.args.join(' ')}`);
	const { status } = spawnSync(plan.command, plan.args, {
		stdio: ['ignore', 'ignore', 'inherit'],
		env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
	});
	if (status === 0) {
		const after = planBrowser({ ...machine, isRoot: false, playwrightCli: undefined });
		if (after.kind === 'found') return after.path;
		const { chromium } = await import('playwright');
		if (existsSync(chromium.executablePath())) return chromium.executablePath();
	}
	throw new Error('Chromium could not be installed. Install Chromium or Chrome yourself, or name it: TIDELOG_BROWSER=/path/to/chromium npm test');
}

export function isRoot() {
	return process.getuid?.() === 0;
}

/** Arguments for every browser that a test starts: no calls home, no GPU, and no sandbox only where Chromium refuses to start with one. */
export function browserArgs({ isRoot: asRoot } = { isRoot: isRoot() }) {
	return [
		...(asRoot ? ['--no-sandbox'] : []),
		'--disable-gpu',
		'--disable-quic',
		'--no-first-run',
		'--disable-background-networking',
		'--disable-component-update',
		'--disable-sync',
	];
}
