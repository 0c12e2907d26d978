import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { browserArgs } from './scripts/find-browser.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
/** In a browser the SDK is tested as it is shipped. */
const alias = [
	{ find: /^tidelog$/, replacement: `${root}dist/index.js` },
	{ find: 'tidelog/media', replacement: `${root}dist/media.js` },
];
const folders = (names: string[]) => names.map((name) => `test/${name}/**/*.test.{ts,tsx}`);

export default defineConfig({
	root,
	test: {
		reporters: ['default', './test/reporter.ts'],
		projects: [
			{
				test: {
					name: 'unit',
					environment: 'node',
					include: folders([
						'contract',
						'core',
						'media',
						'sync',
						'transport',
						'remote',
						'platform',
						'query',
						'server',
						'agent',
						'launch',
						'scripts',
						'referee',
						'engine',
						'chaos',
						'values',
						'docs',
					]),
					testTimeout: 60_000,
				},
			},
			{
				oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
				test: { name: 'dom', environment: 'happy-dom', include: folders(['dashboard', 'dom']) },
			},
			{
				resolve: { alias },
				server: { host: '127.0.0.1' },
				test: {
					name: 'browser',
					include: folders(['browser']),
					api: { host: '127.0.0.1' },
					browser: {
						enabled: true,
						headless: true,
						screenshotFailures: false,
						provider: playwright({ launchOptions: { executablePath: process.env.TIDELOG_BROWSER ?? '', args: browserArgs() } }),
						instances: [{ browser: 'chromium' }],
					},
				},
			},
			// These start servers and browsers of their own and kill them: one file at a time, and time enough for a busy machine.
			{ test: { name: 'e2e', environment: 'node', include: folders(['e2e']), testTimeout: 240_000, hookTimeout: 120_000, fileParallelism: false } },
			// As many real browsers' pages at once as two cores carry.
			{
				test: {
					name: 'chaos-browser',
					environment: 'node',
					include: folders(['chaos-browser']),
					testTimeout: 240_000,
					hookTimeout: 120_000,
					maxConcurrency: 4,
				},
			},
			{ test: { name: 'kill', environment: 'node', include: folders(['kill']), testTimeout: 240_000, hookTimeout: 120_000, fileParallelism: false } },
			// W&B's own client in Python processes; each call of it takes seconds.
			{
				test: {
					name: 'interop',
					environment: 'node',
					include: folders(['interop']),
					testTimeout: 240_000,
					hookTimeout: 120_000,
					fileParallelism: false,
				},
			},
			{ test: { name: 'runtimes', environment: 'node', include: folders(['runtimes']), testTimeout: 60_000, hookTimeout: 60_000 } },
			{ test: { name: 'pack', environment: 'node', include: folders(['pack']), testTimeout: 240_000, hookTimeout: 240_000, fileParallelism: false } },
		],
	},
});
