import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import webpack from 'webpack';
import { chromiumPath, sandboxArgs } from '../../bench/chromium.ts';
import { type StaticServer, startStaticServer } from '../../bench/static-server.ts';
import { ensureBuilt } from '../../scripts/check/built.ts';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { createProject, type Packed, pack, ROOT, runTool, writePage } from './packed-project.ts';
import { startViteDev } from './vite-dev.ts';

/** What a program of test/pack/project says when it is done. */
interface Logged {
	id: string;
	isSynced: boolean;
	errors: string[];
}

const CSP = { 'Content-Security-Policy': "worker-src 'self'" };

let packed: Packed;
let browser: Browser;
let server: RunningServer;
const pages: Record<'vite' | 'viteCsp' | 'viteDev' | 'webpack' | 'esbuild', string> = {
	vite: '',
	viteCsp: '',
	viteDev: '',
	webpack: '',
	esbuild: '',
};
const closing: (() => Promise<unknown> | unknown)[] = [];

async function serve(folder: string, headers?: Record<string, string>): Promise<string> {
	const served: StaticServer = await startStaticServer({ folder, headers });
	closing.push(() => served.close());
	return served.origin;
}

beforeAll(async () => {
	ensureBuilt(ROOT, ['sdk']);
	packed = await pack();
	closing.push(() => rmSync(packed.folder, { recursive: true, force: true, maxRetries: 5 }));
	await Promise.all([viteProject(), webpackProject(), esbuildProject()]);
	server = await startServer({ port: 0, dataDir: join(packed.folder, 'server-data'), origins: Object.values(pages) });
	closing.push(() => server.close());
	browser = await chromium.launch({ executablePath: chromiumPath(), args: sandboxArgs });
	closing.push(() => browser.close());
}, 180_000);

afterAll(async () => {
	for (const close of closing.reverse()) await close();
}, 30_000);

async function viteProject(): Promise<void> {
	const project = await createProject(packed, 'vite');
	writePage(join(project, 'index.html'), '/page.js');
	await runTool('vite/bin/vite.js', ['build'], project);
	// What the docs tell a user to do whose page forbids blob: workers.
	copyFileSync(join(project, 'node_modules/tidelog/dist/worker.js'), join(project, 'dist/tidelog-worker.js'));
	pages.vite = await serve(join(project, 'dist'));
	pages.viteCsp = await serve(join(project, 'dist'), CSP);
	const dev = await startViteDev(project);
	closing.push(dev.close);
	pages.viteDev = dev.origin;
}

async function webpackProject(): Promise<void> {
	const project = await createProject(packed, 'webpack');
	const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
		webpack({ context: project, entry: './page.js', mode: 'production', output: { path: join(project, 'out') } }, (error, result) =>
			error ? reject(error) : resolve(result),
		);
	});
	if (stats?.hasErrors()) throw new Error(stats.toString());
	writePage(join(project, 'out/index.html'), '/main.js');
	pages.webpack = await serve(join(project, 'out'));
}

async function esbuildProject(): Promise<void> {
	const project = await createProject(packed, 'esbuild');
	// The same as `esbuild page.js worker.js --bundle --outdir=out`.
	await esbuild.build({ absWorkingDir: project, entryPoints: ['page.js', 'worker.js'], bundle: true, outdir: 'out', logLevel: 'silent' });
	writePage(join(project, 'index.html'), '/out/page.js');
	pages.esbuild = await serve(project);
}

/** Opens the project's page and waits until its two programs are done. */
async function openPage(origin: string, workerUrl?: string): Promise<{ page: Logged; worker: Logged }> {
	const context = await browser.newContext();
	const page = await context.newPage();
	const faults: string[] = [];
	page.on('pageerror', (error) => faults.push(String(error)));
	page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
	try {
		await page.goto(`${origin}/?${new URLSearchParams({ server: server.url, ...(workerUrl && { workerUrl }) })}`);
		// A page whose module does not load says nothing; its faults below do.
		await page.waitForFunction(() => 'tidelogResult' in globalThis, undefined, { timeout: 20_000 }).catch(() => undefined);
		const result = await page.evaluate(() =>
			Promise.race([
				(globalThis as unknown as { tidelogResult?: Promise<object> }).tidelogResult ?? { error: 'the page did not begin' },
				new Promise<object>((resolve) =>
					setTimeout(resolve, 30_000, { error: 'the page did not end', errors: Reflect.get(globalThis, 'tidelogErrors') }),
				),
			]),
		);
		if ('error' in result) throw new Error(`${JSON.stringify(result)}\n${faults.join('\n')}`);
		return result as { page: Logged; worker: Logged };
	} finally {
		await context.close();
	}
}

/** Rows as the server exports them, without the columns that it adds. */
async function exportedRows(id: string): Promise<unknown[]> {
	const response = await fetch(`${server.url}/api/projects/pack/runs/${id}/history.jsonl`);
	const lines = (await response.text()).trimEnd().split('\n');
	return lines.map((line) => {
		const { _timestamp, _runtime, ...row } = JSON.parse(line) as Record<string, unknown>;
		expect(_timestamp).toBeGreaterThan(1.7e9);
		expect(_runtime).toBeGreaterThanOrEqual(0);
		return row;
	});
}

const loggedRows = Array.from({ length: 250 }, (_, i) => ({ _step: i, loss: 1 / (i + 1), 'val/acc': i / 100, label: `row ${i}`, isLast: i === 249 }));

describe('a page and a worker that import the installed package log a run to the server', () => {
	test.each<[how: string, page: keyof typeof pages]>([
		['built by Vite', 'vite'],
		["served by Vite's dev server", 'viteDev'],
		['built by webpack', 'webpack'],
		['built by esbuild', 'esbuild'],
	])('%s', { timeout: 90_000 }, async (_how, which) => {
		const logged = await openPage(pages[which]);
		for (const { id, isSynced, errors } of Object.values(logged)) {
			expect({ isSynced, errors }).toEqual({ isSynced: true, errors: [] });
			expect(await exportedRows(id)).toEqual(loggedRows);
		}
	});

	test('on a page that forbids blob: workers, with workerUrl', { timeout: 90_000 }, async () => {
		const logged = await openPage(pages.viteCsp, '/tidelog-worker.js');
		for (const { id, isSynced, errors } of Object.values(logged)) {
			expect({ isSynced, errors }).toEqual({ isSynced: true, errors: [] });
			expect(await exportedRows(id)).toEqual(loggedRows);
		}
	});
});

test('a page that forbids blob: workers and has no workerUrl is told what to do', { timeout: 60_000 }, async () => {
	const context = await browser.newContext();
	const page = await context.newPage();
	await page.goto(`${pages.viteCsp}/?${new URLSearchParams({ server: server.url })}`);
	await page.waitForFunction(() => 'tidelogErrors' in globalThis, undefined, { timeout: 20_000 });
	const errors = await page.evaluate(() => (globalThis as unknown as { tidelogErrors: string[] }).tidelogErrors);
	await context.close();
	expect(errors[0]).toMatch(/Content-Security-Policy.*workerUrl/);
});

test('the package holds the build and its papers, and nothing else', () => {
	const papers = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
	expect(packed.files.filter((path) => !path.startsWith('dist/')).sort()).toEqual(papers);
	expect(packed.files).toEqual(
		expect.arrayContaining([
			'dist/index.js',
			'dist/worker.js',
			'dist/worker-rows.js',
			'dist/node/index.js',
			'dist/node/worker.js',
			'dist/edge/index.js',
			'dist/types/src/index.d.ts',
		]),
	);
	const others = packed.files.filter((path) => path.startsWith('dist/') && !/\.(js|js\.map|d\.ts)$/.test(path));
	expect(others).toEqual([]);
});

test('what bundlers make of it for a page holds nothing that is for Node', () => {
	for (const folder of ['vite/dist', 'webpack/out', 'esbuild/out']) {
		const scripts = readdirSync(join(packed.folder, folder), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
		expect(scripts.length).toBeGreaterThan(1);
		for (const path of scripts) expect(readFileSync(join(packed.folder, folder, path), 'utf8')).not.toMatch(/["'`]node:|worker_threads/);
	}
});

test('no file of the package names a folder of the machine that built it', () => {
	const own = [ROOT, homedir()].filter((path) => path.length > 1).map((path) => `${path}/`);
	const naming = packed.files.filter((path) => {
		const text = readFileSync(join(ROOT, path), 'utf8');
		const sources = path.endsWith('.map') ? (JSON.parse(text) as { sources: string[] }).sources : [];
		return own.some((folder) => text.includes(folder)) || sources.some((source) => /^(\/|[A-Z]:|file:)/.test(source));
	});
	expect(naming).toEqual([]);
});

describe('the types of the package are found, whole, and refuse mistakes', () => {
	test.each([
		['bundler', 'esnext'],
		['nodenext', 'nodenext'],
	])('moduleResolution %s', { timeout: 60_000 }, async (moduleResolution, module) => {
		const project = await createProject(packed, `types-${moduleResolution}`);
		const compilerOptions = {
			strict: true,
			noEmit: true,
			target: 'es2022',
			lib: ['es2022', 'dom'],
			types: [],
			module,
			moduleResolution,
			skipLibCheck: false,
		};
		writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['user.ts'] }));
		expect(await runTool('typescript/bin/tsc', ['-p', '.'], project)).toBe('');
	});
});
