import { readFileSync } from 'node:fs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import esbuild from 'rollup-plugin-esbuild';

const WORKER = 'dist/worker.js';
const plugins = (...more) => [...more, nodeResolve({ browser: true }), esbuild({ target: 'es2022', minify: true, legalComments: 'none' })];

/**
 * The built worker as a module that exports its text. The entry imports it when the first run begins and starts it from a Blob: bundlers
 * find worker files in different ways (Vite and webpack by `new URL(…, import.meta.url)`, esbuild not at all), and all of them know import().
 */
const workerSource = {
	name: 'worker-source',
	resolveId: (id) => (id === 'tidelog:worker-source' ? '\0worker-source' : null),
	load: (id) => (id === '\0worker-source' ? `export default ${JSON.stringify(readFileSync(WORKER, 'utf8'))};` : null),
};

// In this order: the second build reads what the first wrote.
export default [
	// A classic script: a module worker could not be started from a Blob by Safari before 16.4.
	{
		input: 'workers/writer.ts',
		treeshake: { moduleSideEffects: (id) => id.includes('/workers/'), propertyReadSideEffects: false },
		output: { file: WORKER, format: 'iife' },
		plugins: plugins(),
	},
	{
		input: 'src/index.ts',
		output: { dir: 'dist', format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name].js' },
		plugins: plugins(workerSource),
	},
];
