import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CRASHED_AFTER_MS, type MetaStore, type RunRow, stateAt } from '../../../server/src/store/meta-store.ts';

export interface OpenedMeta {
	meta: MetaStore;
	reopen(): OpenedMeta;
	close(): void;
}

/** What every MetaStore must keep; run for each implementation. Queries of runs have tests of their own (runs-query.test.ts). */
export function metaStoreContract(kind: string, open: () => OpenedMeta): void {
	let opened: OpenedMeta;
	let meta: MetaStore;

	beforeEach(() => {
		opened = open();
		meta = opened.meta;
	});
	afterEach(() => opened.close());

	const reopen = () => {
		opened = opened.reopen();
		meta = opened.meta;
	};
	const make = (name: string, project = 'p', nowMs = 1_000) => meta.upsertRun({ project, name }, nowMs).run;
	const again = (run: RunRow) => meta.runByStorageId(String(run.id)) as RunRow;

	describe(`projects and runs in ${kind}`, () => {
		test('a run is made once, with its project, and found by its names and by its id', () => {
			const first = meta.upsertRun(
				{ entity: 'local', project: 'p', name: 'r', displayName: 'My run', config: '{"lr":{"value":1}}', tags: ['a', 'b'] },
				1_000,
			);
			expect(first).toMatchObject({
				isNew: true,
				run: { name: 'r', displayName: 'My run', state: 'running', gen: 0, createdMs: 1_000, heartbeatMs: 1_000, tags: ['a', 'b'] },
			});
			expect(meta.upsertRun({ project: 'p', name: 'r' }, 2_000)).toEqual({ isNew: false, run: first.run });
			reopen();
			expect([meta.run('local', 'p', 'r'), again(first.run)]).toEqual([first.run, first.run]);
			expect([meta.run('local', 'p', 'other'), meta.run('local', 'q', 'r'), meta.runByStorageId('99'), meta.runByStorageId('no id')]).toEqual(
				Array(4).fill(undefined),
			);
			expect(meta.project('local', 'p')).toEqual({ id: first.run.project.id, entity: 'local', name: 'p', createdMs: 1_000 });
			expect(meta.project('local', 'q')).toBeUndefined();
		});

		test('a change sets what it names and leaves the rest; null takes a field away', () => {
			const run = meta.upsertRun({ project: 'p', name: 'r', notes: 'n', group: 'g', jobType: 'train' }, 1_000).run;
			meta.upsertRun({ storageId: String(run.id), notes: 'other', group: null }, 2_000);
			expect(again(run)).toMatchObject({ notes: 'other', group: 'g', jobType: 'train' });
			meta.update(run, { group: null, displayName: 'D', tags: ['x'], sentSummary: '{"a":1}' });
			expect(again(run)).toMatchObject({ group: undefined, displayName: 'D', tags: ['x'], jobType: 'train', sentSummary: '{"a":1}' });
		});

		test('runs and projects are listed newest first, each project its own', () => {
			const names = ['a', 'b', 'c'].map((name, i) => make(name, 'p', 1_000 + i).name);
			make('z', 'q', 9_000);
			const [q, p] = meta.projects('local');
			expect([q?.name, p?.name]).toEqual(['q', 'p']);
			expect(meta.runs(p as NonNullable<typeof p>).map(({ name }) => name)).toEqual(names.reverse());
			expect(meta.projects('somebody')).toEqual([]);
		});

		test('a new run has the lowest colour that no run of its project has', () => {
			const [a, b, c] = ['a', 'b', 'c'].map((name) => make(name)) as [RunRow, RunRow, RunRow];
			expect([a, b, c, make('z', 'q')].map(({ colour }) => colour)).toEqual([0, 1, 2, 0]);
			meta.deleteRun(b, 2_000);
			expect(make('d').colour).toBe(1);
		});

		test('a run lives, falls silent, ends, and lives again when it is heard', () => {
			const run = make('r');
			meta.heard(run, 5_000);
			expect(stateAt(again(run), 5_000 + CRASHED_AFTER_MS)).toBe('running');
			expect(stateAt(again(run), 5_001 + CRASHED_AFTER_MS)).toBe('crashed');
			meta.finish(run, 0, 6_000);
			expect(again(run)).toMatchObject({ state: 'finished', exitCode: 0, finishedMs: 6_000 });
			expect(stateAt(again(run), 1e12)).toBe('finished');
			meta.finish(run, 3, 7_000);
			expect(again(run)).toMatchObject({ state: 'failed', exitCode: 3, finishedMs: 7_000 });
			meta.heard(run, 8_000);
			expect(again(run)).toMatchObject({ state: 'running', exitCode: undefined, finishedMs: undefined, heartbeatMs: 8_000 });
			meta.setStopped(run, true);
			expect(again(run).isStopped).toBe(true);
			meta.setStopped(run, false);
			expect(again(run).isStopped).toBe(false);
		});

		test('a new generation runs, without the summary that was sent for the one before', () => {
			const run = make('r');
			meta.update(run, { sentSummary: '{"a":1}' });
			meta.finish(run, 0, 2_000);
			const rewound = meta.newGen(run, 3_000);
			expect(rewound).toMatchObject({ gen: 1, state: 'running', sentSummary: undefined, heartbeatMs: 3_000 });
			expect(again(run)).toEqual(rewound);
		});

		test('the run that ended first before a time is found; one that never ended did so when it was last heard of', () => {
			const [silent, finished, late] = [make('silent'), make('finished'), make('late')] as [RunRow, RunRow, RunRow];
			meta.heard(silent, 3_000);
			meta.finish(finished, 1, 2_000);
			meta.finish(late, 0, 9_000);
			expect([1_999, 2_000, 2_001].map((timeMs) => meta.endedBefore(timeMs)?.name)).toEqual([undefined, undefined, 'finished']);
			meta.deleteRun(again(finished), 10_000);
			expect([3_000, 3_001, 9_001].map((timeMs) => meta.endedBefore(timeMs)?.name)).toEqual([undefined, 'silent', 'silent']);
		});

		test('of each path the edit put last is kept, apart for each kind and run', () => {
			const [run, other] = [make('r'), make('other')];
			const edit = (path: string[], value?: number | bigint) => ({
				startedMs: 1,
				writer: 'a000000000000001',
				n: 2,
				edit: (value === undefined ? [path] : [path, value]) as [string[]],
			});
			meta.putEdit(run, 'config', edit(['a', 'b'], 1));
			meta.putEdit(run, 'config', edit(['a', 'b'], 2n ** 60n));
			meta.putEdit(run, 'config', edit(['a.b'], 3));
			meta.putEdit(run, 'summary', edit(['a', 'b']));
			meta.putEdit(other, 'config', edit(['a', 'b'], 9));
			reopen();
			expect(meta.edit(run, 'config', ['a', 'b'])).toEqual(edit(['a', 'b'], 2n ** 60n));
			expect(meta.edits(run, 'config')).toHaveLength(2);
			expect(meta.edits(run, 'config')).toEqual(expect.arrayContaining([edit(['a', 'b'], 2n ** 60n), edit(['a.b'], 3)]));
			expect(meta.edits(run, 'summary')).toEqual([edit(['a', 'b'])]);
			expect(meta.edit(run, 'info', ['a', 'b'])).toBeUndefined();
		});

		test('alerts come oldest first', () => {
			const run = make('r');
			const alerts = [30, 10, 20].map((timeMs) => ({ title: `t${timeMs}`, text: 'x', level: 'warn' as const, timeMs }));
			for (const alert of alerts) meta.addAlert(run, alert);
			expect(meta.alerts(run).map(({ timeMs }) => timeMs)).toEqual([10, 20, 30]);
			expect(meta.alerts(make('other'))).toEqual([]);
		});

		test('the key of a run is kept from when it was made, and no later one takes its place', () => {
			const [key, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
			const { run } = meta.upsertRun({ project: 'p', name: 'r', keyHash: key }, 1_000);
			meta.upsertRun({ project: 'p', name: 'r', keyHash: other }, 2_000);
			expect([...(meta.runKeyHash(run) ?? [])]).toEqual([...key]);
			const open = make('open');
			meta.upsertRun({ project: 'p', name: 'open', keyHash: other }, 2_000);
			expect(meta.runKeyHash(open)).toBeUndefined();
		});

		test('a deleted run leaves its name and id taken for ever, and nothing else', () => {
			const run = make('r');
			meta.putEdit(run, 'config', { startedMs: 1, writer: '', n: 0, edit: [['a'], 1] });
			meta.addAlert(run, { title: 't', text: '', level: 'info', timeMs: 1 });
			const last = make('last');
			meta.deleteRun(last, 5_000);
			meta.deleteRun(run, 5_000);
			reopen();
			expect([meta.run('local', 'p', 'r'), meta.runByStorageId(String(run.id))]).toEqual([undefined, undefined]);
			expect([meta.edits(run, 'config'), meta.alerts(run)]).toEqual([[], []]);
			expect([meta.isDeleted('local', 'p', 'r'), meta.wasDeleted(String(run.id)), meta.wasDeleted(String(last.id))]).toEqual([true, true, true]);
			expect([meta.isDeleted('local', 'q', 'r'), meta.isDeleted('local', 'p', 'other'), meta.wasDeleted('99')]).toEqual([false, false, false]);
			expect(make('new').id).toBeGreaterThan(last.id);
		});
	});
}
