import { gzipSync } from 'fflate';
import type { WriterPlatform } from '../../writer.ts';
import { systemClock } from '../clock.ts';
import { randomId } from '../ids.ts';
import { MemoryStore } from '../memory-store.ts';

/** The writer's runtime where it runs inline. */
export function edgeWriterPlatform(): WriterPlatform {
	return {
		clock: systemClock,
		fetch: (input, init) => fetch(input, init),
		// Not every edge has CompressionStream; level 1 is the fastest and 10 % larger.
		gzip: async (text) => gzipSync(new TextEncoder().encode(text), { level: 1 }) as Uint8Array<ArrayBuffer>,
		openStore: async () => new MemoryStore(),
		exclusively: (_name, _signal, use) => use(),
		hold: async () => () => undefined,
		announce: () => undefined,
		onAnnounced: () => undefined,
		onOnline: () => undefined,
		randomId,
		loadRows: () => import('../../sync/send-rows.ts'),
		loadMedia: () => import('../../media/encode.ts'),
		quotaBytes: async () => undefined,
		evictsAfterDays: undefined,
	};
}
