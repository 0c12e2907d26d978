import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import { importsOf } from './parse-source.ts';
import type { Finding } from './source-files.ts';

/** What somebody downloads for one purpose: a file and all it imports statically. */
export interface Bundle {
	name: 'entry' | 'worker' | 'media' | 'dashboard';
	/** From the root. */
	files: string[];
	/** Sum over the files, each compressed alone with gzip -9, as a server sends it. */
	gzipBytes: number;
	limitBytes: number;
}

/** @throws Error when a build is missing. */
export function measureSdk(root: string): Bundle[] {
	const bundles = [measure(root, 'entry', ['dist/index.js'], 8_192), measure(root, 'worker', ['dist/worker.js'], 20_480)];
	const media = readdirSync(join(root, 'dist')).filter((name) => /^(worker-)?media\.js$/.test(name));
	if (media.length > 0)
		bundles.push(
			measure(
				root,
				'media',
				media.map((name) => `dist/${name}`),
				15_360,
			),
		);
	return bundles;
}

/** Script of the dashboard's first load: what its page names and what that imports statically. @throws Error when the build is missing. */
export function measureDashboard(root: string): Bundle {
	const page = 'dashboard/dist/index.html';
	const html = readBuilt(root, page);
	const scripts = [...html.matchAll(/<script\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\brel="modulepreload"[^>]*\bhref="([^"]+)"/g)];
	const files = scripts.map(([, src, href]) => posix.join('dashboard/dist', (src ?? href ?? '').replace(/^\/|\?.*$/g, '')));
	const bundle = measure(root, 'dashboard', files, 102_400);
	for (const [, text] of html.matchAll(/<script\b(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)) bundle.gzipBytes += gzipBytes(text ?? '');
	return bundle;
}

export function checkSizes(root: string): Finding {
	const bundles = [...measureSdk(root), measureDashboard(root)];
	const problems = bundles
		.filter(({ gzipBytes, limitBytes }) => gzipBytes > limitBytes)
		.map(({ name, files, gzipBytes, limitBytes }) => `${name} (${files.join(', ')}) has ${gzipBytes} bytes gzip; ${limitBytes} are the most.`);
	problems.push(...builtinsInWebBundles(root));
	return { problems, summary: bundles.map(({ name, gzipBytes, limitBytes }) => `${name} ${gzipBytes}/${limitBytes}`).join(', ') };
}

/** Every file at the top of dist/ runs in a page or worker; builds for other runtimes have folders of their own. */
export function builtinsInWebBundles(root: string): string[] {
	const problems: string[] = [];
	const bundles = ['dist', 'dashboard/dist', 'dashboard/dist/assets', 'demo/dist', 'demo/dist/assets'].flatMap((folder) =>
		existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : [],
	);
	for (const file of bundles.filter((name) => name.endsWith('.js'))) {
		for (const { specifier } of importsOf(file, readBuilt(root, file))) {
			if (specifier.startsWith('node:') || builtinModules.includes(specifier)) problems.push(`${file} imports ${specifier}, which no page has.`);
		}
	}
	return problems;
}

function measure(root: string, name: Bundle['name'], entries: readonly string[], limitBytes: number): Bundle {
	const files = new Set<string>();
	const add = (file: string) => {
		if (files.has(file)) return;
		files.add(file);
		for (const { specifier, isDynamic } of importsOf(file, readBuilt(root, file))) {
			if (!isDynamic && specifier.startsWith('.')) add(posix.join(posix.dirname(file), specifier));
		}
	};
	for (const entry of entries) add(entry);
	return { name, files: [...files], gzipBytes: [...files].reduce((sum, file) => sum + gzipBytes(readBuilt(root, file)), 0), limitBytes };
}

function gzipBytes(text: string): number {
	return gzipSync(text, { level: 9 }).length;
}

function readBuilt(root: string, path: string): string {
	if (!existsSync(join(root, path))) throw new Error(`${path} is not there: run \`npm run build\` first.`);
	return readFileSync(join(root, path), 'utf8');
}
