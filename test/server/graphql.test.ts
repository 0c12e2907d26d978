import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Tokens } from '../../server/src/access/tokens.ts';
import { createApp } from '../../server/src/app.ts';
import { SqliteTokenStore } from '../../server/src/store/sqlite-token-store.ts';
import { Tracker } from '../../server/src/tracker.ts';

/** What W&B's clients (0.19 to 0.30) need a server to tolerate and to answer. */
const folder = mkdtempSync(join(tmpdir(), 'tidelog-graphql-'));
const tokenStore = new SqliteTokenStore(folder);
let tracker: Tracker;
let app: ReturnType<typeof createApp>;
let nowMs = Date.UTC(2026, 0, 1);

beforeAll(() => {
	tracker = new Tracker(folder, () => nowMs);
	app = createApp(tracker, {
		hosts: () => new Set(['127.0.0.1:1']),
		origins: new Set(),
		tokens: new Tokens(tokenStore, () => nowMs),
		dashboardDir: folder,
		closing: new AbortController().signal,
	});
});

afterAll(() => {
	tracker.close();
	tokenStore.close();
	rmSync(folder, { recursive: true, force: true });
});

async function post(
	path: string,
	body: object,
): Promise<{ status: number; body: { data?: Record<string, never>; errors?: { message: string }[] } & Record<string, unknown> }> {
	const response = await app.request(`http://127.0.0.1:1${path}`, {
		method: 'POST',
		headers: { host: '127.0.0.1:1', 'content-type': 'application/json' },
		body: JSON.stringify(body),
	});
	return { status: response.status, body: await response.json() };
}
const ask = (query: string, variables: object = {}, more: object = {}) => post('/graphql', { query, variables, ...more });
const UPSERT = `mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $displayName: String, $config: JSONString, $tags: [String!], $notes: String) {
	upsertBucket(input: { id: $id, name: $name, modelName: $project, entityName: $entity, displayName: $displayName, config: $config, tags: $tags, notes: $notes }) {
		bucket { id name displayName description config notes tags project { id name entity { id name } } sweepName historyLineCount }
		inserted
	}
}`;
const bucket = (answer: Awaited<ReturnType<typeof ask>>) =>
	(answer.body.data as unknown as { upsertBucket: { inserted: boolean; bucket: Record<string, unknown> } }).upsertBucket;

test('an empty operationName, undeclared variables, comments, fragments and introspection are tolerated', async () => {
	const query =
		'#graphql\nquery Viewer { viewer { ...F } __type(name: "UpsertBucketInput") { inputFields { name, } } } fragment F on User { entity flags @include(if: true) __typename }';
	const { status, body } = await ask(query, { entity: 'x', name: null }, { operationName: '' });
	expect(status).toBe(200);
	expect(body.data).toMatchObject({
		viewer: { entity: 'local', flags: '{}', __typename: 'User' },
		__type: { inputFields: expect.arrayContaining([{ name: 'displayName' }]) },
	});
});

test('upsertBucket makes a run, brings it up to date, and a null leaves a field alone', async () => {
	const made = bucket(
		await ask(UPSERT, { name: 'abc', project: 'p', entity: null, displayName: null, config: '{"lr":{"value":0.1}}', tags: ['a'], notes: 'first' }),
	);
	expect(made).toMatchObject({
		inserted: true,
		bucket: { name: 'abc', project: { name: 'p', entity: { name: 'local' } }, tags: ['a'], historyLineCount: 0 },
	});
	expect(made.bucket.displayName).toMatch(/^[a-z]+-[a-z]+-\d+$/);
	const again = bucket(
		await ask(UPSERT, { name: 'abc', project: 'p', displayName: 'named', config: '{"lr":{"value":0.2}}', tags: null, notes: null }),
	);
	expect(again).toMatchObject({
		inserted: false,
		bucket: { id: made.bucket.id, displayName: 'named', config: '{"lr":{"value":0.2}}', tags: ['a'], notes: 'first' },
	});
	expect(bucket(await ask(UPSERT, { name: 'abc', project: 'p', config: null })).bucket.config).toBe('{"lr":{"value":0.2}}');
	expect(bucket(await ask(UPSERT, { id: made.bucket.id, notes: 'by id' }))).toMatchObject({
		inserted: false,
		bucket: { name: 'abc', notes: 'by id', displayName: 'named' },
	});
});

test('mistakes are told by status and words that a client does not retry', async () => {
	expect(await ask(UPSERT, { name: 'abc', project: 'p', config: '[1]' })).toMatchObject({
		status: 400,
		body: { errors: [{ message: 'config must be the JSON text of an object.' }] },
	});
	expect((await ask(UPSERT, { id: '999999' })).status).toBe(404);
	expect((await ask(UPSERT, {})).status).toBe(400);
	expect(await ask('{ project(name: "nothing") { id } }')).toMatchObject({ status: 200, body: { data: { project: null } } });
	expect((await ask('{ nothing }')).body.errors?.[0]?.message).toMatch(/Cannot query field/);
});

test('RunResumeStatus answers from what an official client has written', async () => {
	await ask(UPSERT, { name: 'res', project: 'p', config: '{"lr":{"value":0.1},"_wandb":{"value":{"t":{"1":[1]},"m":[]}}}' });
	await post('/files/local/p/res/file_stream', {
		files: {
			'wandb-history.jsonl': { offset: 0, content: ['{"loss":NaN,"_step":0}', '{"loss":0.5,"_step":1,"_runtime":3}'] },
			'wandb-events.jsonl': { offset: 0, content: ['{"system.cpu":3,"_runtime":15}'] },
			'wandb-summary.json': { offset: 0, content: ['{"loss":0.5}'] },
			'output.log': { offset: 0, content: ['one', 'two'] },
		},
	});
	const query = `query RunResumeStatus($project: String, $entity: String, $name: String!) { model(name: $project, entityName: $entity) { id name entity { id name } bucket(name: $name, missingOk: true) {
		id name displayName summaryMetrics config historyLineCount eventsLineCount logLineCount historyTail eventsTail tags notes wandbConfig(keys: ["t"]) } } }`;
	const found = (await ask(query, { project: 'p', entity: 'local', name: 'res' })).body.data as unknown as {
		model: { bucket: Record<string, unknown> };
	};
	expect(found.model.bucket).toMatchObject({
		historyLineCount: 2,
		eventsLineCount: 1,
		logLineCount: 2,
		historyTail: JSON.stringify(['{"loss":0.5,"_step":1,"_runtime":3}']),
		eventsTail: JSON.stringify(['{"system.cpu":3,"_runtime":15}']),
		summaryMetrics: '{"loss":0.5}',
		wandbConfig: '{"t":{"1":[1]}}',
	});
	expect((await ask(query, { project: 'p', entity: 'local', name: 'missing' })).body.data).toMatchObject({ model: { bucket: null } });
});

test('a run that says nothing for five minutes has crashed, one that finished has not, and one that is heard again runs', async () => {
	const state = async (name: string) =>
		(
			(await ask('query ($n: String!) { project(name: "p") { run(name: $n) { state exitcode } } }', { n: name })).body.data as unknown as {
				project: { run: object };
			}
		).project.run;
	await ask(UPSERT, { name: 'silent', project: 'p' });
	await ask(UPSERT, { name: 'failed', project: 'p' });
	await post('/files/local/p/failed/file_stream', { complete: true, exitcode: 3 });
	nowMs += 5 * 60_000 + 1;
	expect(await state('silent')).toEqual({ state: 'crashed', exitcode: null });
	expect(await state('failed')).toEqual({ state: 'failed', exitcode: 3 });
	await post('/files/local/p/silent/file_stream', {});
	expect(await state('silent')).toMatchObject({ state: 'running' });
});
