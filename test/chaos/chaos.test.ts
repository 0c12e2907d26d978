import { describe, expect, test } from 'vitest';
import { play } from './scenario.ts';

/** `npm test` plays a short form, `npm run test:chaos` all; TIDELOG_CHAOS_SEED names one. */
const seed = Number(process.env.TIDELOG_CHAOS_SEED ?? 0);
const count = Number(process.env.TIDELOG_CHAOS_SEEDS ?? 60);
const seeds = seed > 0 ? [seed] : Array.from({ length: count }, (_, i) => i + 1);

describe('whatever the network, the pages and the server do, the export is what was logged', () => {
	test.each(seeds)('seed %i', async (seed) => {
		const { wrong, trace } = await play(seed);
		if (wrong.length > 0) console.error(`Again: npm run test:chaos -- --seed ${seed}\n${trace.join('\n')}`);
		expect(wrong).toEqual([]);
	});
});
