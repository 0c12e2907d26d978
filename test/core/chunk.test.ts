import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eachRecord } from '../../src/core/batch.ts';
import { decodeChunk } from '../../src/core/chunk.ts';

/** Written once by the release that made version 1; every later one must read it so. */
const CHUNK_V1 = [
	{ n: 41, relative: 7, least: 0, timestampMs: 1732340000120, runtimeS: 3.25, keys: ['loss', 'acc'], values: [0.5, -0] },
	{
		n: 42,
		relative: 8,
		least: 0,
		timestampMs: 1732340000220,
		runtimeS: 3.5,
		keys: ['loss', 'acc'],
		values: [Number.NaN, Number.NEGATIVE_INFINITY],
	},
	{
		n: 43,
		relative: Number.NEGATIVE_INFINITY,
		least: 12,
		timestampMs: 1732340000320,
		runtimeS: 3.75,
		keys: ['näme "x"', 'big', 'ok', 'none', 'list'],
		values: ['text ✓', 18446744073709551616n, true, null, [1, Number.NaN, { a: 'b' }]],
	},
	{ n: 44, relative: 9, least: 13, timestampMs: 1732340000420, runtimeS: 4, keys: [], values: [] },
];

test('a chunk of version 1 is read as it was written', () => {
	const bytes = readFileSync(join(import.meta.dirname, '../fixtures/formats/chunk-v1.bin'));
	expect([...eachRecord(decodeChunk(bytes))]).toEqual(CHUNK_V1);
});
