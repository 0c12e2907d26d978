import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The dashboard is static files that any server can hand out from `/`; deep links are answered with index.html. */
export default defineConfig({
	root: fileURLToPath(new URL('.', import.meta.url)),
	base: '/',
	oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
	build: {
		outDir: 'dist',
		emptyOutDir: true,
		target: 'es2023',
		// Inlined assets would be `data:` addresses in CSS, which the server's policy allows for images only.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
	},
});
