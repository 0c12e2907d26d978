import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { packDigits } from './pack-digits.ts';

/** The demo is static files that run from any folder of any origin; the server's address comes from `config.json` beside them. */
export default defineConfig({
	root: fileURLToPath(new URL('.', import.meta.url)),
	base: './',
	resolve: {
		alias: [
			{ find: /^tidelog$/, replacement: fileURLToPath(new URL('../dist/index.js', import.meta.url)) },
			{ find: 'tidelog/media', replacement: fileURLToPath(new URL('../dist/media.js', import.meta.url)) },
		],
	},
	plugins: [packDigits()],
	worker: { format: 'es' },
	build: {
		outDir: 'dist',
		emptyOutDir: true,
		target: 'es2023',
		modulePreload: { polyfill: false },
		// TensorFlow.js with all its kernels is 1.5 MB in the training worker, which the page does not wait for.
		chunkSizeWarningLimit: 2500,
	},
});
