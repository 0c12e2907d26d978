import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { historyLine as line, metaLine, TestServer } from './support.ts';

/** Runs that end, crash, come back, are deleted, forked and rewound. */
const W1 = 'a000000000000001';
const W2 = 'b000000000000002';
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
});
afterEach(() => server.close());

const stream = (run: string, body: object) => server.post(`/files/local/p/${run}/file_stream`, body);
const member = (more: object = {}) => ({ v: 1, writer: W1, startedMs: 1, upTo: 0, gen: 0, ...more });
const state = () => server.tracker.info(server.run('r')).state;
const ours = async (name = 'r') => {
	const { body } = await server.graphql(
		'query ($n: String!) { project(name: "p") { run(name: $n) { tidelog { serverId gen nextStep isLive writers } } } }',
		{ n: name },
	);
	return (body.data as unknown as { project: { run: { tidelog: Record<string, unknown> } } }).project.run.tidelog;
};
const RESUME = `query RunResumeStatus($project: String, $entity: String, $name: String!) { model(name: $project, entityName: $entity) { id name entity { id name } bucket(name: $name, missingOk: true) {
	id name displayName summaryMetrics config historyLineCount eventsLineCount logLineCount historyTail eventsTail tags notes wandbConfig(keys: ["t"]) } } }`;
const resume = async (name: string) => {
	const { body } = await server.graphql(RESUME, { project: 'p', entity: 'local', name });
	return (body.data as unknown as { model: { bucket: Record<string, unknown> } }).model.bucket;
};

describe('a refusal', () => {
	test('of an unknown run is a 404 that names the data folder', async () => {
		const { status, body } = await stream('nobody', { tidelog: member() });
		expect([status, body]).toEqual([
			404,
			{
				errors: [{ message: 'There is no run local/p/nobody.' }],
				error: 'There is no run local/p/nobody.',
				serverId: server.tracker.database.serverId,
			},
		]);
	});

	test('of a generation that is over is a 409, and stores nothing', async () => {
		server.tracker.rewind(server.run('r'), 0);
		const { status, body } = await stream('r', { tidelog: member(), files: { 'output.log': { offset: 0, content: ['x'] } } });
		expect([status, body.serverId]).toEqual([409, server.tracker.database.serverId]);
		expect((await stream('r', { tidelog: member({ gen: 1 }) })).body.tidelog).toMatchObject({ next: { 'wandb-history.jsonl': 0 } });
		expect((await stream('r', { tidelog: member({ gen: 2 }) })).status).toBe(400);
	});
});

describe('signs of life', () => {
	test("are judged by the server's clock: late data of a crashed run are taken and make it running again", async () => {
		server.send('r', W1, { history: [0, [line({ a: 1 }, 0)]] });
		server.nowMs += 6 * 60_000;
		expect(state()).toBe('crashed');
		server.send('r', W1, { history: [1, [line({ a: 2 }, 1)]] });
		expect(state()).toBe('running');
	});

	test('that come late for a run that has ended change its rows and not its state, unless it was opened again', async () => {
		await stream('r', { tidelog: member(), complete: true, exitcode: 2 });
		server.send('r', W2, { history: [0, [line({ a: 1 }, 0)]] });
		expect([state(), server.tracker.history.counts(server.run('r')).records]).toEqual(['failed', 1]);
		server.send('r', W2, { meta: [0, [metaLine({ resumed: true })]] });
		expect(state()).toBe('running');
		await stream('r', { tidelog: member(), complete: true, exitcode: 0 });
		// The same line again says nothing new.
		server.send('r', W2, { meta: [0, [metaLine({ resumed: true })]] });
		expect(state()).toBe('finished');
	});

	test('tell whether another may be writing', async () => {
		expect(await ours()).toEqual({ serverId: server.tracker.database.serverId, gen: 0, nextStep: 0, isLive: false, writers: [] });
		server.send('r', W1, { history: [0, [line({ a: 1 }, 41)]] });
		server.send('r', W2, {});
		expect(await ours()).toMatchObject({ nextStep: 42, isLive: true, writers: [W1] });
		server.nowMs += 60_001;
		expect(await ours()).toMatchObject({ isLive: false });
		await stream('r', {});
		expect(await ours()).toMatchObject({ isLive: true, writers: [W1] });
		await stream('r', { complete: true, exitcode: 0 });
		expect(await ours()).toMatchObject({ isLive: false });
	});
});

describe('a deleted run', () => {
	const UPSERT = 'mutation ($name: String) { upsertBucket(input: { name: $name, modelName: "p" }) { inserted } }';
	const FILES =
		'mutation ($n: String!) { createRunFiles(input: { entityName: "local", projectName: "p", runName: $n, files: ["a.png"] }) { files { uploadUrl } } }';
	const upload = async (name: string, bytes: string) => {
		const { body } = await server.graphql(FILES, { n: name });
		const url = (body.data as unknown as { createRunFiles: { files: { uploadUrl: string }[] } }).createRunFiles.files[0]?.uploadUrl ?? '';
		return (await server.request('PUT', new URL(url).pathname, bytes)).status;
	};
	const blobs = () => readdirSync(join(server.folder, 'blobs'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

	test('is answered 410 wherever it could come back, for good; deleting it again changes nothing', async () => {
		server.send('r', W1, { history: [0, [line({ a: 1, t: 'x' }, 0)]], meta: [0, [metaLine({ summary: [[['k'], 1]] })]] });
		const { id } = server.run('r');
		const remove = () =>
			server.graphql(
				'mutation DeleteRun($id: ID!, $deleteArtifacts: Boolean) { deleteRun(input: { id: $id, deleteArtifacts: $deleteArtifacts }) { clientMutationId } }',
				{ id: String(id), deleteArtifacts: true },
			);
		expect(await remove()).toMatchObject({ status: 200, body: { data: { deleteRun: { clientMutationId: null } } } });
		expect((await remove()).status).toBe(200);
		server.restart();
		for (const answer of [
			await stream('r', { tidelog: member() }),
			await stream('r', {}),
			await server.graphql(UPSERT, { name: 'r' }),
			await server.graphql('mutation ($id: String) { upsertBucket(input: { id: $id, notes: "n" }) { inserted } }', { id: String(id) }),
			await server.graphql(RESUME, { project: 'p', entity: 'local', name: 'r' }),
			await server.graphql(FILES, { n: 'r' }),
		]) {
			expect([answer.status, answer.body.serverId, typeof answer.body.error]).toEqual([410, server.tracker.database.serverId, 'string']);
			expect(answer.body.errors?.[0]?.message).toMatch(/deleted/);
		}
		expect((await server.graphql('{ project(name: "p") { run(name: "r") { id } } }')).body.data).toEqual({ project: { run: null } });
		while (server.tracker.maintain());
		for (const table of ['lines', 'cursors', 'writers', 'stamps', 'spans', 'leaves', 'objects', 'series', 'counts', 'edits', 'files', 'runs']) {
			expect([table, server.tracker.database.sql.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get()]).toEqual([table, { n: 0 }]);
		}
		expect(server.newRun('other').id).not.toBe(id);
	});

	test('takes its files with it, but for those that another run has too', async () => {
		server.newRun('s');
		expect([await upload('r', 'shared'), await upload('s', 'shared')]).toEqual([200, 200]);
		await server.tracker.deleteRun(String(server.run('r').id));
		expect(blobs()).toBe(1);
		expect(await (await server.request('GET', '/api/projects/p/runs/s/files/a.png')).text()).toBe('shared');
		// Replaced content goes too.
		await upload('s', 'new');
		expect(blobs()).toBe(1);
		await server.tracker.deleteRun(String(server.run('s').id));
		expect(blobs()).toBe(0);
	});

	test('is told to open dashboards', async () => {
		const response = await server.request('GET', '/api/live?project=p');
		const reader = (response.body as ReadableStream<Uint8Array>).getReader();
		const next = async () => JSON.parse(new TextDecoder().decode((await reader.read()).value).slice('data: '.length)) as object;
		expect(await next()).toMatchObject({ runs: [{ id: 'r' }], deleted: [] });
		await server.tracker.deleteRun(String(server.run('r').id));
		expect(await next()).toEqual({ type: 'runs', runs: [], deleted: ['r'] });
		await reader.cancel();
	});
});

describe('an official client that resumes', () => {
	/** W&B's rule (0.30): the step in the tail, plus one only when lines are counted. */
	const nextStep = (bucket: Record<string, unknown>) => {
		const text = (JSON.parse(bucket.historyTail as string) as string[]).at(-1) as string;
		const step = /"_step":(\d+)[,}]/.exec(text)?.[1];
		return Number(step) + ((bucket.historyLineCount as number) > 0 ? 1 : 0);
	};

	test('a run of our SDK goes on after the greatest step, and finds every field', async () => {
		server.send('r', W1, {
			history: [0, [line({ a: 1 }, 0), line({ a: 5 }, 9), line({ a: 2 }, 3)]],
			events: [0, ['{"system.cpu":1,"_timestamp":5,"_runtime":2}']],
		});
		server.send('r', W2, { history: [0, [line({ b: 1 })]], events: [0, ['{"system.cpu":2,"_timestamp":9,"_runtime":7}']] }, { startedMs: 2 });
		const bucket = await resume('r');
		expect(Object.entries(bucket).filter(([, value]) => value === null)).toEqual([]);
		expect(nextStep(bucket)).toBe(11);
		expect(bucket).toMatchObject({ historyLineCount: 0, eventsLineCount: 0, logLineCount: 0, summaryMetrics: '{"a":5,"b":1}' });
		expect(JSON.parse((JSON.parse(bucket.eventsTail as string) as string[])[0] as string)).toMatchObject({ _runtime: 7 });
		// It logs on: now its own lines are counted.
		await stream('r', { files: { 'wandb-history.jsonl': { offset: 0, content: ['{"a":3,"_step":11}'] } } });
		expect(nextStep(await resume('r'))).toBe(12);
		expect((await ours()).nextStep).toBe(12);
	});

	test('an empty run has empty tails', async () => {
		expect(await resume('r')).toMatchObject({ historyTail: '[]', eventsTail: '[]', summaryMetrics: '{}', config: '{}', wandbConfig: '{}' });
		expect(await resume('missing')).toBeNull();
	});

	test('gets the summary back as it sent it', async () => {
		await stream('r', { files: { 'wandb-summary.json': { offset: 0, content: ['{"a":{"b":1},"_wandb":{"runtime":7}}'] } } });
		expect((await resume('r')).summaryMetrics).toBe('{"a":{"b":1},"_wandb":{"runtime":7}}');
	});
});

describe('a fork', () => {
	const fork = (name: string, point: object) =>
		server.graphql(
			'mutation ($name: String, $c: JSONString) { upsertBucket(input: { name: $name, modelName: "p", config: $c }) { inserted bucket { historyLineCount config } } }',
			{
				name,
				c: JSON.stringify({ lr: { value: 1 }, _wandb: { value: { branch_point: point } } }),
			},
		);
	const image = { _type: 'image-file', path: 'media/a.png', size: 1 };

	test('begins with the rows of the other run up to the step, as lines of an official client', async () => {
		server.send('r', W1, { history: [0, [line({ a: 1, image }, 0), line({ a: 2 }, 5), line({ a: 9, nan: Number.NaN }, 9)]] });
		server.send('r', W2, { history: [0, [line({ a: 22, b: 2n ** 60n }, 5)]] }, { startedMs: 2 });
		const { body } = await fork('f', { run_id: 'r', step: 5 });
		expect(body.data).toMatchObject({ upsertBucket: { inserted: true, bucket: { historyLineCount: 2 } } });
		expect((await server.exported('f', 'records.jsonl')).map(({ writer, n, step }) => [writer, n, step])).toEqual([
			['', 0, 0],
			['', 1, 5],
		]);
		expect([...server.tracker.rowLines(server.run('f'))]).toMatchObject([
			{ a: 1, image, _step: 0 },
			{ a: 22, b: 2n ** 60n, _step: 5 },
		]);
		expect(server.tracker.summary(server.run('f'))).toEqual({ a: 22, b: 2n ** 60n, image });
		expect(server.tracker.files.all(server.run('f')).map(({ path }) => path)).toEqual(['media/a.png']);
		expect(await ours('f')).toMatchObject({ nextStep: 6, writers: [], gen: 0 });
		// Only when it is made; and the other run stays as it was.
		expect((await fork('f', { run_id: 'r', step: 9 })).body.data).toMatchObject({
			upsertBucket: { inserted: false, bucket: { historyLineCount: 2 } },
		});
		expect(server.tracker.history.counts(server.run('r')).records).toBe(4);
	});

	test('of a run that is not there, or of no step, is refused and leaves no run', async () => {
		expect(await fork('f', { run_id: 'nobody', step: 5 })).toMatchObject({
			status: 404,
			body: { errors: [{ message: expect.stringMatching(/"nobody"/) }] },
		});
		expect((await fork('f', { run_id: 'r' })).status).toBe(400);
		expect(await resume('f')).toBeNull();
	});
});

describe('a rewind', () => {
	const REWIND = `mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!, $metricValue: Float!) { rewindRun(input: { runName: $runName, entityName: $entity, projectName: $project, metricName: $metricName, metricValue: $metricValue }) {
		rewoundRun { id name displayName project { name entity { name } } sweepName historyLineCount config tidelog { gen nextStep } } } }`;
	const rewind = (metricValue: number, metricName = '_step') =>
		server.graphql(REWIND, { runName: 'r', entity: null, project: 'p', metricName, metricValue });

	test('keeps the rows up to the step; what came later, events and console are archived', async () => {
		server.send('r', W1, {
			history: [0, Array.from({ length: 5 }, (_, i) => line({ a: i }, i))],
			events: [0, ['{"_timestamp":1}']],
			console: [0, ['x']],
			meta: [0, [metaLine({ config: [[['lr'], 1]] })]],
		});
		const before = server.run('r').id;
		const { body } = await rewind(2);
		expect(body.data).toMatchObject({
			rewindRun: {
				rewoundRun: { id: String(before), name: 'r', historyLineCount: 3, config: '{"lr":{"value":1}}', tidelog: { gen: 1, nextStep: 3 } },
			},
		});
		expect(await resume('r')).toMatchObject({ historyLineCount: 3, eventsLineCount: 0, logLineCount: 0, eventsTail: '[]' });
		server.restart();
		expect((await server.exported('r', 'history.jsonl')).map(({ a }) => a)).toEqual([0, 1, 2]);
		expect(server.tracker.summary(server.run('r'))).toEqual({ a: 2 });
		expect(server.tracker.detail(server.run('r'))).toMatchObject({ gen: 1, records: 3, lastStep: 2 });
		// The old lines are kept.
		expect([...server.tracker.history.lines({ ...server.run('r'), gen: 0 }, 'wandb-history.jsonl')]).toHaveLength(5);
		// A writer of the new generation begins at 0; an official one goes on at its offset.
		expect(server.send('r', W2, { history: [0, [line({ a: 30 }, 3)]] }, { gen: 1, startedMs: 2 }).next).toEqual({ 'wandb-history.jsonl': 1 });
		await stream('r', { files: { 'wandb-history.jsonl': { offset: 3, content: ['{"a":40,"_step":4}'] } } });
		expect((await server.exported('r', 'history.jsonl')).map(({ a }) => a)).toEqual([0, 1, 2, 30, 40]);
		expect(await ours()).toMatchObject({ gen: 1, nextStep: 5, writers: [W2] });
	});

	test('goes to a whole step only', async () => {
		expect((await rewind(2, 'loss')).status).toBe(400);
		expect((await rewind(2.5)).status).toBe(400);
		expect(server.run('r').gen).toBe(0);
	});
});
