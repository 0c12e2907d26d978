import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { consoleLines, Exchange, events, history, RUN_ID, row, STARTED, sample, summary } from './exchange.ts';

let exchange: Exchange;
beforeEach(async () => {
	exchange = await Exchange.started();
});

const ASK_FEATURES = 'query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }';
const MIB = 2 ** 20;

describe('the form of a request', () => {
	test('all that clients are known to send is taken', async () => {
		await exchange.takes(exchange.stream({}));
		await exchange.takes(exchange.later({ complete: false, failed: false, dropped: 0, uploaded: [] }));
		await exchange.takes(exchange.later({ preempting: true }));
		await exchange.takes(exchange.stream({ complete: true, exitcode: 0 }));
	});

	test('the answer is what the official client reads', async () => {
		expect(await (await exchange.stream({})).json()).toEqual({ exitcode: null, limits: {}, stopped: false });
		exchange.referee.stop(RUN_ID);
		expect(await (await exchange.later({})).json()).toMatchObject({ stopped: true });
	});

	test.each<[what: string, body: unknown, why: RegExp]>([
		['a member that W&B does not know', { tidelog: {} }, /the unknown member "tidelog"/],
		['a list', [], /not an object/],
		['a member twice', '{"complete":false,"complete":false}', /the member "complete" twice/],
		['a bare NaN', '{"dropped":NaN}', /bare NaN/],
		['files that are a list', { files: [] }, /files is no object/],
		['another file', { files: { 'wandb-metadata.json': { offset: 0, content: [] } } }, /the unknown file "wandb-metadata\.json"/],
		['a file that is a list', { files: { 'output.log': [] } }, /output\.log is no object/],
		['a member of a file', { files: { 'output.log': { offset: 0, content: [], gen: 1 } } }, /output\.log has the unknown member "gen"/],
		['no offset', { files: { 'output.log': { content: [] } } }, /output\.log has no offset/],
		['an offset below 0', { files: { 'output.log': { offset: -1, content: [] } } }, /output\.log has no offset/],
		['content that is text', { files: { 'output.log': { offset: 0, content: 'x' } } }, /output\.log has no content/],
		['lines that are objects', { files: { 'wandb-history.jsonl': { offset: 0, content: [{ _step: 0 }] } } }, /has no content/],
		['uploaded with a number', { uploaded: [1] }, /uploaded is no list of paths/],
		['preempting false', { preempting: false }, /preempting is something other than true/],
		['complete with a number', { complete: 1, exitcode: 0 }, /complete is neither/],
		['exitcode in quotes', { complete: true, exitcode: '0' }, /exitcode is no integer/],
		['exitcode null', { complete: true, exitcode: null }, /exitcode is no integer/],
		['complete without exitcode', { complete: true }, /complete without exitcode/],
		['exitcode without complete', { exitcode: 0 }, /exitcode without complete/],
		['dropped below 0', { dropped: -1 }, /dropped is no count/],
		['failed with a number', { failed: 0 }, /failed is neither/],
	])('%s is refused', async (_what, body, why) => {
		await exchange.refuses(exchange.stream(body), why);
		expect(exchange.referee.state(RUN_ID)).toBe('running');
	});

	test('Content-Type is application/json', async () => {
		await exchange.takes(exchange.stream({}, { 'Content-Type': 'application/json; charset=utf-8' }));
		exchange.nowMs += 15_000;
		await exchange.refuses(exchange.stream({}, { 'Content-Type': 'text/plain' }), /Content-Type is text\/plain/);
		exchange.headers = {};
		await exchange.refuses(exchange.stream({}), /Content-Type is missing/);
	});

	test('the body is UTF-8 without a byte order mark', async () => {
		const path = `/files/referee/tides/${RUN_ID}/file_stream`;
		await exchange.refuses(exchange.post(path, new Uint8Array([0x7b, 0xff, 0x7d])), /the body is not UTF-8/);
		await exchange.refuses(exchange.post(path, new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d])), /is not JSON/);
	});

	test('a run that never began is 404 and a violation, one that was deleted is 404 only', async () => {
		const { data } = await exchange.upsert({});
		expect((await exchange.post('/files/referee/tides/nobody/file_stream', '{}')).status).toBe(404);
		expect(exchange.referee.violations).toEqual([expect.stringMatching(/there is no such run/)]);
		await exchange.query('mutation DeleteRun($id: ID!) { deleteRun(input: { id: $id }) { clientMutationId } }', { id: data.upsertBucket.bucket.id });
		expect((await exchange.stream({})).status).toBe(404);
		expect(exchange.referee.violations).toHaveLength(1);
	});
});

describe('gzip', () => {
	const path = `/files/referee/tides/${RUN_ID}/file_stream`;
	const gzip = { 'Content-Encoding': 'gzip' };

	test('is read where the server offers it and was asked', async () => {
		exchange = await Exchange.started({ features: ['FILESTREAM_GZIP'] });
		const body = gzipSync(JSON.stringify(history(0, row(0))));
		await exchange.refuses(exchange.post(path, body, gzip), /did not offer \(FILESTREAM_GZIP\)/);
		await exchange.query(ASK_FEATURES);
		await exchange.takes(exchange.post(path, body, gzip));
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([row(0)]);
		await exchange.refuses(exchange.post(path, 'no gzip', gzip), /the body is no gzip/);
	});

	test('is refused where the feature is not there, or off', async () => {
		await exchange.query(ASK_FEATURES);
		await exchange.refuses(exchange.post(path, gzipSync('{}'), gzip), /did not offer/);
		exchange = await Exchange.started({ features: [{ name: 'FILESTREAM_GZIP', isEnabled: false }] });
		await exchange.query(ASK_FEATURES);
		await exchange.refuses(exchange.post(path, gzipSync('{}'), gzip), /did not offer/);
	});

	test('is the only encoding there is', async () => {
		await exchange.refuses(exchange.stream({}, { 'Content-Encoding': 'br' }), /Content-Encoding is br/);
	});
});

describe('offsets', () => {
	test('go on where the lines end', async () => {
		await exchange.takes(exchange.later({ files: { ...filesOf(history(0, row(0), row(1))), ...filesOf(events(0, sample())) } }));
		await exchange.takes(exchange.history(2, row(2)));
		await exchange.takes(exchange.later(events(1, sample())));
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([row(0), row(1), row(2)]);
		expect(exchange.referee.eventsLines(RUN_ID)).toEqual([sample(), sample()]);
	});

	test('that leave a gap are refused, and nothing of the request is applied', async () => {
		await exchange.takes(exchange.history(0, row(0)));
		await exchange.refuses(exchange.history(2, row(2)), /wandb-history\.jsonl at offset 2 leaves a gap: the next line is number 1/);
		const mixed = { files: { ...filesOf(history(1, row(1))), ...filesOf(events(3, sample())), ...filesOf(summary('{"a":1}')) } };
		await exchange.refuses(exchange.later(mixed), /wandb-events\.jsonl at offset 3 leaves a gap/);
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([row(0)]);
		expect(exchange.referee.summary(RUN_ID)).toBeUndefined();
	});

	test('lines that come again with the same bytes change nothing', async () => {
		await exchange.takes(exchange.history(0, row(0), row(1)));
		await exchange.takes(exchange.history(0, row(0), row(1)));
		await exchange.takes(exchange.history(1, row(1), row(2)));
		await exchange.takes(exchange.history(0, row(0)));
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([row(0), row(1), row(2)]);
		expect(exchange.referee.run(RUN_ID)?.resentLines).toBe(4);
	});

	test('lines that come again with other bytes are refused', async () => {
		await exchange.takes(exchange.later({ files: { ...filesOf(history(0, row(0), row(1))), ...filesOf(events(0, sample())) } }));
		await exchange.refuses(exchange.history(1, row(1, '"loss":0.50'), row(2)), /wandb-history\.jsonl line 1 came again with other bytes/);
		await exchange.refuses(exchange.later(events(0, sample('"system.cpu":4'))), /wandb-events\.jsonl line 0 came again with other bytes/);
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([row(0), row(1)]);
	});

	test('console lines are rewritten, and gaps are filled later', async () => {
		const line = (text: string) => `2026-01-02T03:04:05.123456 ${text}`;
		await exchange.takes(exchange.later(consoleLines(1, line('10 %'))));
		expect(exchange.referee.console(RUN_ID)).toEqual(['', line('10 %')]);
		await exchange.takes(exchange.later(consoleLines(0, line('start'), line('20 %'))));
		expect(exchange.referee.console(RUN_ID)).toEqual([line('start'), line('20 %')]);
	});

	test('the summary is one line at offset 0, and the last one counts', async () => {
		await exchange.takes(exchange.later(summary('{"a":1}')));
		await exchange.takes(exchange.later(summary('{"b":2}')));
		expect(exchange.referee.summary(RUN_ID)).toEqual({ b: 2 });
		await exchange.refuses(exchange.later(summary('{}', '{}')), /it is one line at offset 0/);
		await exchange.refuses(exchange.later(summary()), /it is one line at offset 0/);
		await exchange.refuses(exchange.later({ files: { 'wandb-summary.json': { offset: 1, content: ['{}'] } } }), /it is one line at offset 0/);
	});
});

test('a request has 10 MiB of content at most', async () => {
	const text = (step: number, bytes: number) => row(step, `"text":"${'x'.repeat(bytes - row(step, '"text":""').length)}"`);
	await exchange.takes(exchange.history(0, text(0, 5 * MIB), text(1, 5 * MIB)));
	await exchange.refuses(exchange.history(2, text(2, 5 * MIB), text(3, 5 * MIB + 1)), /10485761 bytes of content in 2 lines; 10485760 are the most/);
});

test('what was uploaded has been put there before', async () => {
	await exchange.refuses(exchange.later({ uploaded: ['media/a.png'] }), /uploaded names "media\/a\.png", whose bytes never came/);
	exchange.referee.run(RUN_ID)?.files.set('media/a.png', new Uint8Array());
	await exchange.takes(exchange.later({ uploaded: ['media/a.png'] }));
});

describe('after complete', () => {
	const last = { ...history(0, row(0)), complete: true, exitcode: 3 };
	beforeEach(async () => {
		await exchange.takes(exchange.stream(last));
		expect(exchange.referee.exitCode(RUN_ID)).toBe(3);
		expect(exchange.referee.state(RUN_ID)).toBe('failed');
	});

	test.each<[what: string, body: object]>([
		['a heartbeat', {}],
		['a new line', { ...history(1, row(1)), complete: true, exitcode: 3 }],
		['another exit code', { complete: true, exitcode: 0 }],
		['a new summary', { ...summary('{}'), complete: true, exitcode: 3 }],
		['a console line', { ...consoleLines(0, '2026-01-02T03:04:05.123456 x'), complete: true, exitcode: 3 }],
	])('%s is refused', async (_what, body) => {
		await exchange.refuses(exchange.later(body), /the run is complete; to go on with it begins with UpsertBucket/);
		expect(exchange.referee.exitCode(RUN_ID)).toBe(3);
	});

	test('the same may come again, as when its answer was lost', async () => {
		await exchange.takes(exchange.later(last));
		await exchange.takes(exchange.later({ complete: true, exitcode: 3 }));
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([row(0)]);
		expect(exchange.referee.check()).toEqual([]);
	});

	test('an upsert begins anew, and the next request may come at once', async () => {
		await exchange.upsert({ config: JSON.stringify(STARTED) });
		expect(exchange.referee.state(RUN_ID)).toBe('running');
		await exchange.takes(exchange.stream(history(1, row(1))));
		await exchange.takes(exchange.stream({ complete: true, exitcode: 0 }));
		expect(exchange.referee.state(RUN_ID)).toBe('finished');
	});
});

function filesOf(body: object): object {
	return (body as { files: object }).files;
}
