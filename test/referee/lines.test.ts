import { beforeEach, describe, expect, test } from 'vitest';
import { consoleLines, Exchange, events, RUN_ID, row, sample, summary } from './exchange.ts';

let exchange: Exchange;
beforeEach(async () => {
	exchange = await Exchange.started();
});

const TIMES = '"_runtime":0.5,"_timestamp":1700000000.25';
const MOST_LINE_BYTES = 10_383_360;

describe('a history line', () => {
	test('may hold bare NaN and infinities, nested objects, lists and integers beyond 2^53', async () => {
		const line = row(0, '"loss":NaN,"a":{"b":[Infinity,-Infinity,{"c":null}]},"n":9007199254740993,"text":"NaN, \\"Infinity\\"","yes":true');
		await exchange.takes(exchange.history(0, line));
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([line]);
		expect(exchange.referee.rows(RUN_ID)).toEqual([
			{
				loss: Number.NaN,
				a: { b: [Infinity, -Infinity, { c: null }] },
				n: 9007199254740993n,
				text: 'NaN, "Infinity"',
				yes: true,
				_step: 0,
				_runtime: 0.5,
				_timestamp: 1700000000.25,
			},
		]);
	});

	test.each<[what: string, line: string, why: RegExp]>([
		['that is a list', '[1]', /line 0 is JSON, but not an object/],
		['that is no JSON', '{"loss":0.5', /is not JSON/],
		['with something after it', `${row(0)}{}`, /something follows the value/],
		['with a word that JSON does not know', row(0, '"loss":nan'), /is not JSON/],
		['with a member twice', row(0, '"loss":1,"loss":2'), /has the member "loss" twice/],
		['with a number too large for any double', row(0, '"loss":1e400'), /which no double can hold/],
		['with a line break between its members', row(0, '\n"loss":1'), /has a line break in it/],
		['with half a surrogate pair', row(0, '"loss":"\ud83d"'), /half a surrogate pair/],
		['without _step', `{"loss":1,${TIMES}}`, /has no _step/],
		['with a step that has a point', `{"_step":12.0,${TIMES}}`, /has _step 12\.0, which is no integer literal/],
		['with a step that has an exponent', `{"_step":1.2e1,${TIMES}}`, /has _step 1\.2e1, which is no integer literal/],
		['with a step in quotes', `{"_step":"12",${TIMES}}`, /has _step "12", which is no integer literal/],
		['with a step that is NaN', `{"_step":NaN,${TIMES}}`, /has _step NaN, which is no integer literal/],
		['with a step below 0', `{"_step":-3,${TIMES}}`, /has _step -3, which is not from 0/],
		['with a step beyond 64 bits', `{"_step":9223372036854775808,${TIMES}}`, /which is not from 0 to 2\^63/],
		['without _runtime', '{"_step":0,"_timestamp":1700000000}', /has no _runtime/],
		['without _timestamp', '{"_step":0,"_runtime":1}', /has no _timestamp/],
		['with a _timestamp in quotes', '{"_step":0,"_runtime":1,"_timestamp":"1700000000"}', /has _timestamp "1700000000", which is no number/],
		['with a _runtime that is NaN', '{"_step":0,"_runtime":NaN,"_timestamp":1700000000}', /has _runtime NaN, which is no number/],
		['with a _timestamp in milliseconds', '{"_step":0,"_runtime":1,"_timestamp":1700000000123}', /which cannot be seconds/],
	])('%s is refused', async (_what, line, why) => {
		await exchange.refuses(exchange.history(0, line), why);
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([]);
		await exchange.takes(exchange.history(0, row(0)));
	});

	test('nested too deeply is refused', async () => {
		await exchange.takes(exchange.history(0, row(0, `"a":${'['.repeat(900)}${']'.repeat(900)}`)));
		await exchange.refuses(exchange.history(1, row(1, `"a":${'['.repeat(1000)}${']'.repeat(1000)}`)), /nested deeper than 1000 levels/);
	});

	test('is 10,383,360 bytes at most, counted in UTF-8', async () => {
		const fill = MOST_LINE_BYTES - Buffer.byteLength(row(0, '"text":"é"'));
		await exchange.takes(exchange.history(0, row(0, `"text":"é${'x'.repeat(fill)}"`)));
		await exchange.refuses(exchange.history(1, row(1, `"text":"é${'x'.repeat(fill + 1)}"`)), /has 10383361 bytes; 10383360 are the most/);
	});
});

describe('steps', () => {
	test('grow from line to line, with gaps', async () => {
		await exchange.takes(exchange.history(0, row(0), row(7)));
		await exchange.takes(exchange.history(2, row(8), row(1000)));
	});

	test('that stay or fall are refused, also from one request to the next', async () => {
		await exchange.takes(exchange.history(0, row(5)));
		await exchange.refuses(exchange.history(1, row(5)), /has _step 5, but the run is at step 5 already/);
		await exchange.refuses(exchange.history(1, row(6), row(4)), /line 2 has _step 4, but the run is at step 6/);
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([row(5)]);
	});

	test('beyond 2^53 are told apart', async () => {
		await exchange.takes(exchange.history(0, `{"_step":9007199254740992,${TIMES}}`, `{"_step":9007199254740993,${TIMES}}`));
		await exchange.refuses(exchange.history(2, `{"_step":9007199254740992,${TIMES}}`), /already/);
	});

	test('are absent in shared mode, and only there', async () => {
		const line = `{"loss":1,${TIMES}}`;
		exchange.headers['X-WANDB-USE-ASYNC-FILESTREAM'] = 'true';
		await exchange.refuses(exchange.history(0, line), /shared mode without X-WANDB-ASYNC-CLIENT-ID/);
		exchange.headers['X-WANDB-ASYNC-CLIENT-ID'] = 'one';
		await exchange.takes(exchange.history(0, line));
		await exchange.refuses(exchange.history(1, row(1)), /has _step, which shared mode leaves to the server/);
		exchange.headers['X-WANDB-ASYNC-CLIENT-ID'] = 'two';
		await exchange.takes(exchange.history(0, line));
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([line, line]);
	});
});

describe('an events line', () => {
	test('is a flat object of samples', async () => {
		await exchange.takes(exchange.later(events(0, sample(), sample('"system.gpu.0.gpu":NaN,"system.note":"x"'))));
		expect(exchange.referee.eventsLines(RUN_ID)).toHaveLength(2);
		expect(exchange.referee.events(RUN_ID)[0]).toMatchObject({ _wandb: true, 'system.cpu': 3.1 });
	});

	test.each<[what: string, line: string, why: RegExp]>([
		['without _timestamp', '{"_wandb":true,"_runtime":1,"system.cpu":1}', /wandb-events\.jsonl line 0 has no _timestamp/],
		['without _runtime', '{"_wandb":true,"_timestamp":1,"system.cpu":1}', /has no _runtime/],
		['without _wandb', '{"_timestamp":1,"_runtime":1,"system.cpu":1}', /has no "_wandb": true/],
		['that is nested', sample('"system.cpu":{"0":1}'), /is not flat: "system\.cpu"/],
		['with a key outside system', sample('"cpu":1'), /the key "cpu", which does not begin with "system\."/],
	])('%s is refused', async (_what, line, why) => {
		await exchange.refuses(exchange.later(events(0, line)), why);
		expect(exchange.referee.eventsLines(RUN_ID)).toEqual([]);
	});
});

test('a summary line is an object, in which bare NaN may stand', async () => {
	await exchange.takes(exchange.later(summary('{"loss":NaN,"_wandb":{"runtime":12}}')));
	expect(exchange.referee.summary(RUN_ID)).toEqual({ loss: Number.NaN, _wandb: { runtime: 12 } });
	await exchange.refuses(exchange.later(summary('"loss"')), /wandb-summary\.json line 0 is JSON, but not an object/);
	await exchange.refuses(exchange.later(summary(`{"text":"${'x'.repeat(MOST_LINE_BYTES)}"}`)), /are the most/);
});

describe('a console line', () => {
	const time = '2026-01-02T03:04:05.123456';

	test('begins with its time, and with ERROR on stderr; a newline at its end is an older SDK’s', async () => {
		await exchange.takes(exchange.later(consoleLines(0, `${time} hello`, `ERROR ${time} [gpu] oh\u001b[0m`, `${time} `, `${time} end\n`)));
		expect(exchange.referee.console(RUN_ID)).toEqual([`${time} hello`, `ERROR ${time} [gpu] oh\u001b[0m`, `${time} `, `${time} end`]);
	});

	test('may be structured where the server offers it and was asked', async () => {
		const line = JSON.stringify({ level: 'error', ts: time, label: 'a', content: 'oh' });
		await exchange.refuses(exchange.later(consoleLines(0, line)), /did not offer \(STRUCTURED_CONSOLE_LOGS\)/);
		exchange = await Exchange.started({ features: ['STRUCTURED_CONSOLE_LOGS'] });
		await exchange.refuses(exchange.later(consoleLines(0, line)), /did not offer/);
		await exchange.query('query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }');
		await exchange.takes(exchange.later(consoleLines(0, line, JSON.stringify({ ts: time, content: '' }))));
		for (const [wrong, why] of [
			[{ content: 'x' }, /has no ts/],
			[{ ts: time }, /has no content/],
			[{ ts: time, content: 'x', level: 'info' }, /has a level other than "error"/],
			[{ ts: time, content: 'x', label: 1 }, /has a label that is no string/],
			[{ ts: time, content: 'x', extra: 1 }, /has the unknown member "extra"/],
		] as const)
			await exchange.refuses(exchange.later(consoleLines(2, JSON.stringify(wrong))), why);
	});

	test.each<[what: string, line: string, why: RegExp]>([
		['without a time', 'hello', /output\.log line 0 does not begin with/],
		['with a time of three decimals and a zone', '2026-01-02T03:04:05.123Z hello', /does not begin with/],
		['with a line break in it', `${time} a\nb`, /has a line break in it/],
		['of 4,097 characters', `${time} ${'x'.repeat(4097)}`, /more than 4096 characters/],
	])('%s is refused', async (_what, line, why) => {
		await exchange.refuses(exchange.later(consoleLines(0, line)), why);
		expect(exchange.referee.console(RUN_ID)).toEqual([]);
	});

	test('of 4,096 characters is taken', async () => {
		await exchange.takes(exchange.later(consoleLines(0, `${time} ${'x'.repeat(4096)}`)));
	});
});
