import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../scripts/check/built.ts';
import { builtinsInWebBundles, measureSdk } from '../scripts/check/sizes.ts';
import type { Bench } from './bench.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export const bundleSize: Bench = {
	name: 'bundle-size',
	unit: 'bytes',
	about: 'what a page downloads, gzip -9: the entry with all it imports statically (its worker and media beside it)',
	async measure() {
		ensureBuilt(ROOT, ['sdk']);
		const bundles = measureSdk(ROOT);
		const entry = bundles[0];
		if (!entry) throw new Error('no bundle was found in dist');
		return {
			median: entry.gzipBytes,
			p99: entry.gzipBytes,
			samples: 1,
			samplesAre: 'one: the same files always have the same size',
			parts: Object.fromEntries(bundles.map(({ name, gzipBytes }) => [name, gzipBytes])),
			limits: [
				...bundles.map(({ name, gzipBytes, limitBytes }) => ({ what: name, limit: limitBytes, value: gzipBytes, is: 'at most' as const })),
				{ what: 'Node built-ins in web bundles', limit: 0, value: builtinsInWebBundles(ROOT).length, is: 'at most' as const },
			],
		};
	},
};
