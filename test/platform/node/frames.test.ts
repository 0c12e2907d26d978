import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eachRecord } from '../../../src/core/batch.ts';
import { decodeChunk } from '../../../src/core/chunk.ts';
import { FileStore } from '../../../src/platform/node/file-store.ts';
import { FRAME_BYTES, isIntact, readFrame } from '../../../src/platform/node/frames.ts';

/** Written once by the release that made version 1; every later one must read it so. */
const FRAMES_V1 = join(import.meta.dirname, '../../fixtures/formats/frame-v1.bin');

test('frames of version 1 are read as they were written', () => {
	const log = readFileSync(FRAMES_V1);
	const heads: unknown[] = [];
	for (let at = 0; at < log.length; ) {
		const head = readFrame(log.subarray(at));
		if (!head) throw new Error(`no frame at ${at}`);
		expect(isIntact(log.subarray(at, at + FRAME_BYTES + head.length))).toBe(true);
		heads.push(head);
		at += FRAME_BYTES + head.length;
	}
	const nothing = { relative: 0, least: 0, runtimeS: 0 };
	expect(heads).toEqual([
		{ stream: undefined, n0: 0, count: 0, length: 146, next: { relative: 7, least: 5, runtimeS: 3 } },
		{ stream: 'history', n0: 41, count: 4, length: 440, next: { relative: 10, least: 14, runtimeS: 4 } },
		{ stream: 'console', n0: 0, count: 1, length: 128, next: nothing },
	]);
});

test('a log of version 1 is a writer with its records', async () => {
	const dir = mkdtempSync(join(tmpdir(), 'tidelog-frames-'));
	try {
		mkdirSync(join(dir, 'run1'));
		copyFileSync(FRAMES_V1, join(dir, 'run1', 'abcdefgh01234567.log'));
		const store = new FileStore(dir);
		expect(await store.writers('run1')).toMatchObject([
			{
				writer: 'abcdefgh01234567',
				startedMs: 1732340000000,
				stored: { history: 45, meta: 2, console: 1 },
				next: { relative: 10, least: 14, runtimeS: 4 },
			},
		]);
		const [bytes = new Uint8Array()] = await store.chunks('run1', 'abcdefgh01234567', 'history', 0, 1);
		expect(bytes).toEqual(new Uint8Array(readFileSync(join(FRAMES_V1, '../chunk-v1.bin'))));
		const [said = new Uint8Array()] = await store.chunks('run1', 'abcdefgh01234567', 'console', 0, 1);
		expect([...eachRecord(decodeChunk(said))]).toEqual([
			{ n: 0, relative: 0, least: 0, timestampMs: 1732340000120, runtimeS: 1, keys: ['line'], values: ['hello'] },
		]);
	} finally {
		rmSync(dir, { recursive: true });
	}
});
