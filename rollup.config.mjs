import { readFileSync } from 'node:fs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import esbuild from 'rollup-plugin-esbuild';

// esbuild takes the types away; terser makes the code 3 % smaller than esbuild's own minifier does (worker 19,836 against 20,453 bytes gzip).
const plugins = (...more) => [...more, esbuild({ target: 'es2022' })];
const web = (...more) => plugins(...more, nodeResolve({ browser: true }));
/** Shorter words for the same numbers. */
const NUMBERS = { '@Number.NEGATIVE_INFINITY': '-1/0', '@Number.POSITIVE_INFINITY': '1/0', '@Number.NaN': '0/0' };
const minify = () =>
	terser({ ecma: 2020, module: true, compress: { passes: 4, pure_getters: true, unsafe_arrows: true, unsafe_methods: true, global_defs: NUMBERS } });
/** What runs outside of browsers is read by people in stack traces, and downloaded by nobody. */
const runtime = (name, entries, options) => ({
	input: entries,
	output: { dir: `dist/${name}`, format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name].js' },
	...options,
});

/**
 * A built script as a module that exports its text. The entry imports the worker's when the first run begins and starts it from a Blob: bundlers
 * find worker files in different ways (Vite and webpack by `new URL(…, import.meta.url)`, esbuild not at all), and all of them know import().
 */
const TEXTS = {
	'tidelog:worker-text': 'dist/worker.js',
	'tidelog:worker-rows-text': 'dist/worker-rows.js',
	'tidelog:worker-media-text': 'dist/worker-media.js',
};
const scriptTexts = {
	name: 'script-texts',
	resolveId: (id) => (id in TEXTS ? `\0${id}` : null),
	load: (id) => (id.slice(1) in TEXTS ? `export default ${JSON.stringify(readFileSync(TEXTS[id.slice(1)], 'utf8'))};` : null),
};
/** Classic scripts: a module worker could not be started from a Blob by Safari before 16.4. */
const script = (input, file) => ({
	input,
	treeshake: { moduleSideEffects: (id) => id.includes('/workers/'), propertyReadSideEffects: false },
	output: { file, format: 'iife' },
	plugins: [...web(), minify()],
});
/** The built file beside the one that imports it. */
const besides = (id) => (id.endsWith('.ts') ? id.replace(/^.*\/(.*)\.ts$/, './$1.js') : id);
const START_WRITER = 'src/platform/web/start-writer.ts';

// In this order: the later builds read what the first ones wrote.
export default [
	script('workers/writer.ts', 'dist/worker.js'),
	script('workers/rows.ts', 'dist/worker-rows.js'),
	script('workers/media.ts', 'dist/worker-media.js'),
	// A build of its own: what it shares with the entry would be a third file, without which the entry could not begin.
	{
		input: START_WRITER,
		external: (id) => id.endsWith('/agent-link.ts'),
		output: {
			dir: 'dist',
			format: 'es',
			entryFileNames: '[name].js',
			chunkFileNames: ({ facadeModuleId }) => `${facadeModuleId.replace(/^.*tidelog:/, '')}.js`,
			paths: besides,
		},
		plugins: [...web(scriptTexts), minify()],
	},
	{
		input: 'src/index.ts',
		external: (id) => id.endsWith('/start-writer.ts'),
		output: { file: 'dist/index.js', format: 'es', paths: besides },
		plugins: [...web(), minify()],
	},
	{ input: 'src/platform/web/agent-link.ts', output: { file: 'dist/agent-link.js', format: 'es' }, plugins: [...web(), minify()] },
	{ input: 'src/media.ts', output: { file: 'dist/media.js', format: 'es' }, plugins: [...web(), minify()] },
	runtime(
		'node',
		{ index: 'src/index.node.ts', media: 'src/media.ts', worker: 'workers/node-writer.ts' },
		{ external: /^node:/, plugins: plugins(nodeResolve()) },
	),
	runtime('edge', { index: 'src/index.edge.ts', media: 'src/media.ts' }, { plugins: web() }),
];
