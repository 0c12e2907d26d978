import { beforeEach, describe, expect, test } from 'vitest';
import { consoleLines, Exchange, events, RUN_ID, row, STARTED, sample, summary, UPSERT } from './exchange.ts';

let exchange: Exchange;
beforeEach(async () => {
	exchange = await Exchange.started();
});

const VIEWER = 'query Viewer { viewer { id entity username email flags teams { edges { node { name } } } } }';
const DELETE = 'mutation DeleteRun($id: ID!) { deleteRun(input: { id: $id, deleteArtifacts: true }) { clientMutationId } }';
const RESUME = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
	model(name: $project, entityName: $entity) {
		id name entity { id name }
		bucket(name: $name, missingOk: true) {
			id name displayName summaryMetrics config historyLineCount eventsLineCount logLineCount historyTail eventsTail tags notes wandbConfig(keys: ["t"])
		}
	}
}`;
const REWIND = `mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!, $metricValue: Float!) {
	rewindRun(input: { runName: $runName, entityName: $entity, projectName: $project, metricName: $metricName, metricValue: $metricValue }) {
		rewoundRun { id historyLineCount summaryMetrics project { name entity { name } } }
	}
}`;
const ALERT = `mutation NotifyScriptableRunAlert(
	$entityName: String!, $projectName: String!, $runName: String!, $title: String!, $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration
) {
	notifyScriptableRunAlert(input: {
		entityName: $entityName, projectName: $projectName, runName: $runName, title: $title, text: $text, severity: $severity, waitDuration: $waitDuration
	}) { success }
}`;

describe('a request', () => {
	test('may have an empty operationName, explicit nulls and variables that nobody declared', async () => {
		await exchange.takes(exchange.query(`#graphql\n${VIEWER}`, { entity: 'x' }, { operationName: '' }));
		await exchange.takes(exchange.query(UPSERT, { name: RUN_ID, project: 'tides', config: null, tags: null }));
		await exchange.takes(exchange.query(VIEWER, null, { operationName: 'Viewer' }));
		const { data } = await exchange.query(VIEWER);
		expect(data.viewer).toMatchObject({ entity: 'referee', flags: '{}' });
		await exchange.takes(
			exchange.query('query Organization($name: String!) { entity(name: $name) { organization { coreWeaveOrganizationId } } }', { name: 'x' }),
		);
	});

	test.each<[what: string, query: unknown, variables: unknown, more: object, why: RegExp]>([
		['no query', null, {}, {}, /query is no text/],
		['a syntax error', 'query {', {}, {}, /the document does not validate: Syntax Error/],
		['an unknown field', '{ viewer { shoeSize } }', {}, {}, /Cannot query field "shoeSize" on type "User"/],
		[
			'an unknown member of an input',
			UPSERT.replace('notes: $notes', 'remarks: $notes'),
			{ name: 'x' },
			{},
			/not to include unknown field "remarks"/,
		],
		['an unknown argument', '{ model(id: "x") { id } }', {}, {}, /Unknown argument "id"/],
		['a variable of another type', REWIND.replace('Float!', 'Int'), {}, {}, /Variable "\$metricValue" of type "Int" used in position/],
		['a value of another type', REWIND, { runName: RUN_ID, metricName: '_step', metricValue: 'x' }, {}, /Float cannot represent/],
		['a variable that is missing', DELETE, {}, {}, /Variable "\$id" has invalid value/],
		['variables that are a list', VIEWER, [], {}, /variables is no object/],
		['a name of an operation that there is not', VIEWER, {}, { operationName: 'Other' }, /operationName "Other" names 0 of 1 operations/],
		['an operationName that is a number', VIEWER, {}, { operationName: 1 }, /operationName is no text/],
		['a member that is not of GraphQL', VIEWER, {}, { extensions: {} }, /the unknown member "extensions"/],
		[
			'two mutations',
			'mutation { a: deleteRun(input: { id: "x" }) { clientMutationId } b: stopRun(input: { id: "x" }) { success } }',
			{},
			{},
			/more than one/,
		],
	])('with %s is refused', async (_what, query, variables, more, why) => {
		await exchange.refuses(exchange.query(query as string, variables, more), why);
		expect(exchange.referee.runs.size).toBe(1);
	});

	test('is JSON and says so', async () => {
		await exchange.refuses(
			exchange.post('/graphql', '{"query":"{ viewer { id } }"}', { 'Content-Type': 'text/plain' }),
			/Content-Type is text\/plain/,
		);
		await exchange.refuses(exchange.post('/graphql', '{}', { 'Content-Encoding': 'gzip' }), /gzip/);
	});
});

describe('UpsertBucket', () => {
	test('creates a run, then changes it; null leaves a field alone', async () => {
		exchange = new Exchange();
		const first = await exchange.upsert({ entity: 'team', config: JSON.stringify(STARTED), displayName: 'tide', tags: ['a'] });
		expect(first.data.upsertBucket).toMatchObject({ inserted: true, bucket: { name: RUN_ID, project: { name: 'tides', entity: { name: 'team' } } } });
		const { data } = await exchange.upsert({ entity: 'team', notes: 'n', displayName: null });
		expect(data.upsertBucket).toMatchObject({ inserted: false, bucket: { displayName: 'tide', notes: 'n', tags: ['a'], state: 'running' } });
		const byId = await exchange.query(UPSERT, { id: data.upsertBucket.bucket.id, summaryMetrics: '{"best":1}', state: 'pending' });
		expect(byId.data.upsertBucket).toMatchObject({ inserted: false, bucket: { name: RUN_ID, state: 'pending' } });
		expect(exchange.referee.summary(RUN_ID)).toEqual({ best: 1 });
	});

	test('without entity and project goes to the default ones', async () => {
		await exchange.query(UPSERT, { name: 'b', config: JSON.stringify(STARTED) });
		expect([...exchange.referee.runs.keys()]).toEqual(['referee/tides/a1b2c3d4', 'referee/uncategorized/b']);
	});

	test.each<[what: string, variables: object, why: RegExp]>([
		['neither name nor id', { name: null }, /UpsertBucket: an upsert needs a name or an id/],
		['an empty name', { name: '' }, /the run id "" is empty/],
		['a run id with a slash', { name: 'a/b' }, /the run id "a\/b" is empty or has a character/],
		['a run id with a space at its end', { name: 'a ' }, /the run id "a " is empty or/],
		['a run id of 129 characters', { name: 'a'.repeat(129) }, /name has more than 128 characters/],
		['a project with a colon', { project: 'a:b' }, /the project "a:b" has a character/],
		['a project of 129 characters', { project: 'a'.repeat(129) }, /modelName has more than 128/],
		['a display name of 129 characters', { displayName: 'a'.repeat(129) }, /displayName has more than 128/],
		['a group of 129 characters', { groupName: 'a'.repeat(129) }, /groupName has more than 128/],
		['a job type of 129 characters', { jobType: 'a'.repeat(129) }, /jobType has more than 128/],
		['an empty tag', { tags: [''] }, /the tag "" has not from 1 to 64/],
		['a tag of 65 characters', { tags: ['a'.repeat(65)] }, /has not from 1 to 64/],
		['a summary that is no JSON', { summaryMetrics: '{"a":NaN}' }, /summaryMetrics is not JSON: bare NaN/],
	])('with %s is refused', async (_what, variables, why) => {
		await exchange.refuses(exchange.upsert({ config: JSON.stringify(STARTED), ...variables }), why);
		expect(exchange.referee.runs.size).toBe(1);
	});

	test('with the longest names there are is taken', async () => {
		const name = 'a'.repeat(128);
		const names = { name, project: name, displayName: name, groupName: name, jobType: name, tags: ['a'.repeat(64)] };
		await exchange.takes(exchange.upsert({ config: JSON.stringify(STARTED), ...names }));
	});

	test('with the id of another run is refused, with an unknown one not found', async () => {
		const { data } = await exchange.upsert({});
		await exchange.refuses(exchange.upsert({ id: data.upsertBucket.bucket.id, name: 'other' }), /the id is that of run a1b2c3d4, not of other/);
		const unknown = await exchange.upsert({ id: 'x' });
		expect(unknown).toMatchObject({ status: 200, errors: [{ message: 'no run has the id x' }] });
		expect(exchange.referee.violations).toHaveLength(1);
	});
});

describe('RunResumeStatus', () => {
	test('says where the run stands', async () => {
		await exchange.takes(exchange.history(0, row(0), row(4, '"loss":NaN')));
		await exchange.takes(exchange.later(events(0, sample())));
		await exchange.takes(exchange.later(consoleLines(0, '2026-01-02T03:04:05.123456 x')));
		await exchange.takes(exchange.later(summary('{"loss":NaN,"n":9007199254740993}')));
		const { data } = await exchange.query(RESUME, { project: 'tides', entity: null, name: RUN_ID });
		const { bucket } = data.model;
		expect(bucket).toMatchObject({ name: RUN_ID, historyLineCount: 2, eventsLineCount: 1, logLineCount: 1, wandbConfig: '{"t":{"5":"0.1.0"}}' });
		expect(bucket.config).toBe(JSON.stringify(STARTED));
		expect(bucket.summaryMetrics).toBe('{"loss":"NaN","n":9007199254740993}');
		expect(JSON.parse(bucket.historyTail)).toEqual([row(4, '"loss":NaN')]);
		expect(JSON.parse(bucket.eventsTail)).toEqual([sample()]);
	});

	test('of a run or a project that is not there is null', async () => {
		expect((await exchange.query(RESUME, { project: 'tides', name: 'nobody' })).data.model.bucket).toBeNull();
		expect((await exchange.query(RESUME, { project: 'nothing', name: 'nobody' })).data.model).toBeNull();
		expect(exchange.referee.violations).toEqual([]);
	});
});

describe('RewindRun', () => {
	beforeEach(async () => {
		await exchange.takes(exchange.history(0, row(0), row(2), row(4, '"acc":1')));
		await exchange.takes(exchange.later(events(0, sample())));
		await exchange.takes(exchange.later(consoleLines(0, '2026-01-02T03:04:05.123456 x')));
	});
	const rewind = (variables: object) =>
		exchange.query(REWIND, { runName: RUN_ID, project: 'tides', metricName: '_step', metricValue: 2, ...variables });

	test('cuts the rows behind the step; events and console begin anew', async () => {
		const { data } = await rewind({ metricValue: 3 });
		expect(data.rewindRun.rewoundRun).toMatchObject({ historyLineCount: 2, project: { name: 'tides', entity: { name: 'referee' } } });
		expect(exchange.referee.summary(RUN_ID)).toMatchObject({ loss: 0.5, _step: 2 });
		expect(exchange.referee.console(RUN_ID)).toEqual([]);
		await exchange.upsert({ config: JSON.stringify(STARTED) });
		await exchange.refuses(exchange.stream(historyAt(2, row(3))), /has _step 3, but the run is at step 3/);
		await exchange.takes(exchange.stream(historyAt(2, row(4))));
		await exchange.takes(exchange.later(events(0, sample('"system.cpu":9'))));
	});

	test.each<[what: string, variables: object, why: RegExp]>([
		['by another metric', { metricName: 'epoch' }, /only _step is known/],
		['to half a step', { metricValue: 1.5 }, /which is no whole number/],
		['to a step that has not come', { metricValue: 5 }, /has only come to 4/],
	])('%s is refused', async (_what, variables, why) => {
		await exchange.refuses(rewind(variables), why);
		expect(exchange.referee.historyLines(RUN_ID)).toHaveLength(3);
	});

	test('of a run that is not there finds none', async () => {
		expect((await rewind({ runName: 'nobody' })).errors).toEqual([expect.objectContaining({ message: 'run referee/tides/nobody not found' })]);
		expect(exchange.referee.violations).toEqual([]);
	});
});

describe('a fork', () => {
	const fork = (runId: string, step: number) =>
		exchange.upsert({ name: 'forked', config: JSON.stringify({ _wandb: { value: { t: {}, branch_point: { run_id: runId, step } } } }) });

	test('has the rows up to the step, and goes on behind it', async () => {
		await exchange.takes(exchange.history(0, row(0), row(2), row(4)));
		const { data } = await fork(RUN_ID, 3);
		expect(data.upsertBucket).toMatchObject({ inserted: true, bucket: { historyLineCount: 2 } });
		expect(exchange.referee.historyLines('forked')).toEqual([row(0), row(2)]);
		const post = (body: object) => exchange.post('/files/referee/tides/forked/file_stream', JSON.stringify(body));
		await exchange.refuses(post(historyAt(2, row(3))), /has _step 3, but the run is at step 3/);
		await exchange.takes(post(historyAt(2, row(4))));
		expect(exchange.referee.historyLines(RUN_ID)).toHaveLength(3);
	});

	test('of nothing is refused', async () => {
		await exchange.refuses(fork('nobody', 3), /a fork of nobody, which there is not/);
		expect(exchange.referee.runs.size).toBe(1);
	});
});

describe('an alert', () => {
	const alert = (more: object = {}) =>
		exchange.query(ALERT, {
			entityName: 'referee',
			projectName: 'tides',
			runName: RUN_ID,
			title: 'Low',
			text: 'loss is low',
			waitDuration: 60_000,
			...more,
		});

	test('is told once within its wait', async () => {
		await exchange.takes(alert());
		await exchange.takes(alert({ text: 'again' }));
		await exchange.takes(alert({ title: 'High', severity: 'WARN' }));
		exchange.nowMs += 60_000;
		await exchange.takes(alert({ text: 'later', waitDuration: null }));
		expect(exchange.referee.alerts.map(({ title, text, severity }) => [title, text, severity])).toEqual([
			['Low', 'loss is low', 'INFO'],
			['High', 'loss is low', 'WARN'],
			['Low', 'later', 'INFO'],
		]);
	});

	test.each<[what: string, more: object, why: RegExp]>([
		['no title', { title: '' }, /has not from 1 to 63 characters/],
		['a title of 64 characters', { title: 'a'.repeat(64) }, /has not from 1 to 63 characters/],
		['another severity', { severity: 'info' }, /Value "info" does not exist in "AlertSeverity"/],
		['a wait that is no whole number', { waitDuration: 1.5 }, /waitDuration 1\.5 is no whole number/],
		['a wait in words', { waitDuration: '60s' }, /waitDuration 60s is no whole number/],
	])('with %s is refused', async (_what, more, why) => {
		await exchange.refuses(alert(more), why);
		expect(exchange.referee.alerts).toEqual([]);
	});
});

test('DeleteRun deletes a run by its storage id, once', async () => {
	const { data } = await exchange.upsert({});
	const { id } = data.upsertBucket.bucket;
	await exchange.takes(exchange.query(DELETE, { id }));
	expect(exchange.referee.runs.size).toBe(0);
	expect((await exchange.query(DELETE, { id })).errors).toHaveLength(1);
	expect(exchange.referee.violations).toEqual([]);
});

test('a run is asked to stop by StopRun', async () => {
	const { data } = await exchange.upsert({});
	await exchange.takes(exchange.query('mutation StopRun($id: ID!) { stopRun(input: { id: $id }) { success } }', { id: data.upsertBucket.bucket.id }));
	const state = await exchange.query('{ project(name: "tides") { run(name: "a1b2c3d4") { stopped } } }');
	expect(state.data.project.run.stopped).toBe(true);
});

function historyAt(offset: number, ...content: string[]): object {
	return { files: { 'wandb-history.jsonl': { offset, content } } };
}
