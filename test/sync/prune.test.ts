import { describe, expect, test } from 'vitest';
import type { RunUsage, Store } from '../../src/core/store.ts';
import { pruneStore } from '../../src/sync/prune.ts';

const DAY_MS = 24 * 3_600_000;
const NOW = 100 * DAY_MS;

/** A store that only keeps account. */
function accounts(runs: (Partial<RunUsage> & { run: string; ageDays: number })[]) {
	const pruned: string[] = [];
	const usage = runs.map(({ ageDays, files = 0, rows = 0, all = files + rows, run }) => ({
		run,
		createdMs: NOW - ageDays * DAY_MS,
		files,
		rows,
		all,
		isSent: true,
	}));
	const store: Pick<Store, 'usage' | 'prune'> = {
		usage: async () => usage,
		prune: async (run, what) => {
			pruned.push(`${run} ${what}`);
		},
	};
	return { store: store as Store, pruned };
}

describe('pruning', () => {
	test('takes files before rows, old runs before young ones, and stops when the rest fits', async () => {
		const { store, pruned } = accounts([
			{ run: 'young', ageDays: 0.5, files: 10, rows: 10 },
			{ run: 'old', ageDays: 9, files: 10, rows: 10 },
			{ run: 'older', ageDays: 30, files: 0, rows: 10 },
		]);
		await pruneStore(store, NOW, undefined, 15);
		expect(pruned).toEqual(['old files', 'young files', 'older rows', 'old rows']);
	});

	test('takes rows of the last day only when nothing else is left', async () => {
		const { store, pruned } = accounts([
			{ run: 'young', ageDays: 0.1, rows: 30 },
			{ run: 'old', ageDays: 2, rows: 10 },
		]);
		await pruneStore(store, NOW, undefined, 20);
		expect(pruned).toEqual(['old rows', 'young rows']);
	});

	test('leaves what no server has, however much it is', async () => {
		const { store, pruned } = accounts([{ run: 'unsent', ageDays: 90, files: 0, rows: 0, all: 1e12 }]);
		await pruneStore(store, NOW, 1e9);
		expect(pruned).toEqual([]);
	});

	test('keeps 200 MB, or a tenth of the quota when that is less', async () => {
		const run = { run: 'r', ageDays: 3, rows: 150e6 };
		const large = accounts([run]);
		await pruneStore(large.store, NOW, 100e9);
		expect(large.pruned).toEqual([]);
		const small = accounts([run]);
		await pruneStore(small.store, NOW, 1e9);
		expect(small.pruned).toEqual(['r rows']);
	});
});
