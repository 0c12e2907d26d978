import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Edit, foldEdits, type MetaRecord } from '../../src/core/meta.ts';
import { metaLine, TestServer } from './support.ts';

/** What is said about a run as a whole, as records. */
const W1 = 'a000000000000001';
const W2 = 'b000000000000002';
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
});
afterEach(() => server.close());

const say = (offset: number, records: MetaRecord[], writer = W1, startedMs = 1, run = 'r') =>
	server.send(run, writer, { meta: [offset, records.map((record) => metaLine(record))] }, { startedMs });
const detail = () => server.tracker.detail(server.run('r'));

test('each line is applied once, whole or not at all', () => {
	say(0, [{ config: [[['lr'], 1]] }, { info: { name: 'first' } }]);
	server.tracker.upsertRun({ project: 'p', name: 'r', displayName: 'renamed by somebody', config: '{"lr":{"value":7}}' });
	say(0, [{ config: [[['lr'], 1]] }, { info: { name: 'first' } }]);
	server.restart();
	say(1, [{ info: { name: 'first' } }]);
	expect(detail()).toMatchObject({ name: 'renamed by somebody', config: { lr: 7 } });
	expect(() => server.send('r', W1, { meta: [2, [metaLine({ info: { name: 'second' } }), '{']] })).toThrow(/not JSON/);
	expect(detail().name).toBe('renamed by somebody');
	say(2, [{ info: { name: 'third' } }]);
	expect(detail().name).toBe('third');
});

test('members that are not as they should be are left out, and the writer goes on', () => {
	const broken =
		'{"config":[5,[],[["a",1],2],[["ok"],1]],"summary":{"x":1},"metric":{"name":5},"info":{"tags":[1],"notes":"n"},"alert":{"title":1},"resumed":"no"}';
	expect(server.send('r', W1, { meta: [0, [broken, metaLine({ config: [[['b'], 2]] })]] }).next['tidelog-meta.jsonl']).toBe(2);
	expect(detail()).toMatchObject({ config: { ok: 1, b: 2 }, notes: 'n', tags: [], metrics: [], alerts: [] });
});

test('notes, tags, group and job type are set and taken away', () => {
	say(0, [{ info: { name: 'n', notes: 'some', tags: ['x', 'y'], group: 'g', jobType: 'train' } }]);
	expect(detail()).toMatchObject({ name: 'n', notes: 'some', tags: ['x', 'y'], group: 'g', jobType: 'train' });
	say(1, [{ info: { notes: null, tags: [], group: null, jobType: null } }]);
	expect(detail()).toMatchObject({ name: 'n', notes: '', tags: [] });
	expect(detail().group).toBeUndefined();
	expect(detail().jobType).toBeUndefined();
	// A page that was opened earlier and sends later does not bring an old name back.
	say(0, [{ info: { name: 'old', group: 'old' } }], W2, 0);
	expect(detail()).toMatchObject({ name: 'n' });
	expect(detail().group).toBeUndefined();
});

describe('config', () => {
	test("is edited inside W&B's wrapping; what others have put there stays", () => {
		server.tracker.upsertRun({
			project: 'p',
			name: 'r',
			config:
				'{"theirs":{"value":{"x":1,"y":2}},"_wandb":{"value":{"t":{"5":"0.1"},"m":[{"1":"acc","6":[3],"7":[2]}]}},"big":{"value":123456789012345678901}}',
		});
		say(0, [
			{
				config: [
					[['theirs', 'x'], 5],
					[['model', 'layers'], 3],
				],
			},
			{ metric: { name: 'val/*', step: 'epoch', summary: ['min'] } },
		]);
		expect(detail().config).toEqual({ theirs: { x: 5, y: 2 }, model: { layers: 3 }, big: 123456789012345678901n });
		expect(detail().metrics).toEqual([
			{ name: 'acc', summary: ['max'] },
			{ name: 'val/*', step: 'epoch', stepSync: true, summary: ['min'] },
			{ name: 'epoch' },
		]);
		expect(server.run('r').config).toContain('{"value":{"t":{"5":"0.1"},"m":[{"1":"acc"');
		say(2, [{ config: [[['theirs']], [['model', 'layers']]] }]);
		expect(detail().config).toEqual({ model: {}, big: 123456789012345678901n });
	});

	test('comes to the same whatever the order in which the writers are heard', () => {
		const path = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 });
		const edit = fc.oneof<fc.Arbitrary<Edit>[]>(
			fc.tuple(path, fc.oneof(fc.integer(), fc.constant({ a: 1, b: { a: 2 } }))) as fc.Arbitrary<Edit>,
			// Deep deletions have tests of their own: they may leave an empty object behind, or not, by what came first.
			fc.tuple(fc.constantFrom(['a'], ['b'])) as fc.Arbitrary<Edit>,
		);
		const edits = fc.array(edit, { maxLength: 6 });
		let count = 0;
		fc.assert(
			fc.property(edits, edits, fc.array(fc.boolean(), { maxLength: 12 }), (first, second, turns) => {
				const name = `c${count++}`;
				server.newRun(name);
				const logs = [first, second];
				const known = [0, 0];
				const put = (w: 0 | 1, count_: number) => {
					const part = (logs[w] as Edit[]).slice(known[w], (known[w] as number) + count_);
					say(
						known[w] as number,
						part.map((one) => ({ config: [one], summary: [one] })),
						[W1, W2][w],
						1 + w,
						name,
					);
					known[w] = (known[w] as number) + part.length;
				};
				for (const isSecond of turns) put(isSecond ? 1 : 0, 1);
				put(1, 99);
				put(0, 99);
				const placed = logs.flatMap((list, w) => list.map((one, n) => ({ startedMs: 1 + w, writer: [W1, W2][w] as string, n, edit: one })));
				const expected = foldEdits(placed);
				expect(server.tracker.detail(server.run(name)).config).toEqual(expected);
				expect(foldEdits(server.tracker.meta.edits(server.run(name), 'summary'))).toEqual(expected);
			}),
			{ numRuns: 150 },
		);
	});
});

test('definitions of several writers are laid over each other by place, and official clients read them', async () => {
	say(0, [{ metric: { name: 'acc', goal: 'maximize' } }], W2, 2);
	say(0, [{ metric: { name: 'acc', summary: ['max'], goal: 'minimize' } }, { metric: { name: 'loss', hidden: true } }], W1, 1);
	expect(detail().metrics).toEqual([
		{ name: 'acc', summary: ['max'], goal: 'maximize' },
		{ name: 'loss', hidden: true },
	]);
	const { body } = await server.graphql('{ project(name: "p") { run(name: "r") { wandbConfig(keys: ["m"]) } } }');
	expect(JSON.parse((body.data as unknown as { project: { run: { wandbConfig: string } } }).project.run.wandbConfig)).toEqual({
		m: [
			{ 1: 'acc', 6: [3], 7: [2], 8: 2 },
			{ 1: 'loss', 6: [2, 3], 7: [] },
		],
	});
});

describe('alerts', () => {
	test('as records have the moment at which they were raised, and one of the same title is not repeated within its wait', () => {
		const alert = (title: string, waitMs: number) => ({ alert: { title, text: 'why', level: 'warn' as const, waitMs } });
		server.send('r', W1, {
			meta: [
				0,
				[
					metaLine(alert('hot', 60_000), 100),
					metaLine(alert('hot', 60_000), 130),
					metaLine(alert('cold', 0), 131),
					metaLine(alert('hot', 60_000), 161),
				],
			],
		});
		expect(detail().alerts).toEqual([
			{ title: 'hot', text: 'why', level: 'warn', timeMs: 100_000 },
			{ title: 'cold', text: 'why', level: 'warn', timeMs: 131_000 },
			{ title: 'hot', text: 'why', level: 'warn', timeMs: 161_000 },
		]);
	});

	test("of official clients are judged by the server's clock", async () => {
		const query = `mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!, $title: String!, $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration) {
			notifyScriptableRunAlert(input: { entityName: $entityName, projectName: $projectName, runName: $runName, title: $title, text: $text, severity: $severity, waitDuration: $waitDuration }) { success } }`;
		const notify = (severity: string | undefined) =>
			server.graphql(query, { entityName: 'local', projectName: 'p', runName: 'r', title: 'low', text: 't', severity, waitDuration: 60_000 });
		expect(await notify('ERROR')).toMatchObject({ status: 200, body: { data: { notifyScriptableRunAlert: { success: true } } } });
		server.nowMs += 59_999;
		await notify('WARN');
		expect(detail().alerts).toHaveLength(1);
		server.nowMs += 1;
		await notify(undefined);
		expect(detail().alerts.map(({ level }) => level)).toEqual(['error', 'info']);
	});
});
