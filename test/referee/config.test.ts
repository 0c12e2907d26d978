import { describe, expect, test } from 'vitest';
import { Exchange, RUN_ID, STARTED } from './exchange.ts';

const T = { 5: '0.1.0' };

function configOf(wandb: object, values: object = {}): string {
	return JSON.stringify({ ...values, _wandb: { value: { t: T, ...wandb } } });
}

describe('config', () => {
	test('is read without its wrapping; each one replaces the last', async () => {
		const exchange = new Exchange();
		const values = { lr: { value: 0.1 }, model: { value: { layers: [1, null] }, desc: null } };
		await exchange.takes(exchange.upsert({ config: configOf({ cli_version: '0.30.0' }, values) }));
		expect(exchange.referee.config(RUN_ID)).toEqual({ lr: 0.1, model: { layers: [1, null] } });
		expect(exchange.referee.wandbConfig(RUN_ID)).toEqual({ t: T, cli_version: '0.30.0' });
		await exchange.takes(exchange.upsert({ config: configOf({}, { lr: { value: 0.2 } }) }));
		expect(exchange.referee.config(RUN_ID)).toEqual({ lr: 0.2 });
		await exchange.takes(exchange.upsert({ notes: 'x', config: null }));
		expect(exchange.referee.config(RUN_ID)).toEqual({ lr: 0.2 });
	});

	test.each<[what: string, config: string | undefined, why: RegExp]>([
		['no config at all', undefined, /the first upsert of a run has no config/],
		['a list', '[]', /config is JSON, but not an object/],
		['a bare NaN', configOf({}, { lr: { value: '?' } }).replace('"?"', 'NaN'), /config is not JSON: bare NaN/],
		['a value without its wrapping', configOf({}, { lr: 0.1 }), /config has "lr" without \{"value": …\} around it/],
		['an object without its wrapping', configOf({}, { model: { layers: 2 } }), /config has "model" without/],
		['another member in the wrapping', configOf({}, { lr: { value: 1, unit: 's' } }), /config has "lr" with the unknown member "unit"/],
		['no _wandb', '{"lr":{"value":1}}', /config has no object under _wandb\.value\.t/],
		['no t', '{"_wandb":{"value":{}}}', /config has no object under _wandb\.value\.t/],
		['a t that is text', '{"_wandb":{"value":{"t":"0.1"}}}', /config has no object under _wandb\.value\.t/],
		['a t without field numbers', '{"_wandb":{"value":{"t":{"version":"1"}}}}', /"version" in _wandb\.value\.t, which is no field number/],
		['a version that is a number', configOf({ cli_version: 1 }), /cli_version that is no string/],
		['a branch point without step', configOf({ branch_point: { run_id: 'x' } }), /branch_point that is not/],
	])('with %s is refused', async (_what, config, why) => {
		const exchange = new Exchange();
		await exchange.refuses(exchange.upsert({ config }), why);
		expect(exchange.referee.runs.size).toBe(0);
	});

	test('may not lose its t later on', async () => {
		const exchange = await Exchange.started();
		await exchange.refuses(exchange.upsert({ config: '{"lr":{"value":1}}' }), /no object under _wandb\.value\.t/);
		expect(exchange.referee.config(RUN_ID)).toEqual({});
	});
});

describe('metric definitions', () => {
	const EPOCH = { 1: 'epoch', 6: [3], 7: [] };

	async function exchangeWithGlobs(): Promise<Exchange> {
		const exchange = await Exchange.started({ features: ['EXPAND_DEFINED_METRIC_GLOBS'] });
		await exchange.query('{ serverInfo { features { name } } }');
		return exchange;
	}

	test.each<[what: string, m: unknown]>([
		['as 0.30.0 sends them', [{ 1: 'val/acc', 5: 2, 6: [1, 3], 7: [1, 2, 3, 5, 8] }, EPOCH]],
		[
			'with globs',
			[
				{ 2: 'val/*', 5: 2, 6: [1], 7: [1] },
				{ 1: 'epoch', 6: [], 7: [] },
			],
		],
		['with older fields', [{ 1: 'acc', 4: 'epoch', 8: 2 }]],
		['none', []],
	])('%s are taken', async (_what, m) => {
		const exchange = await exchangeWithGlobs();
		await exchange.takes(exchange.upsert({ config: configOf({ m }) }));
		expect(exchange.referee.wandbConfig(RUN_ID)?.m).toEqual(m);
	});

	test.each<[what: string, m: unknown, why: RegExp]>([
		['an object', { epoch: {} }, /_wandb\.value\.m: is no list/],
		['null', null, /is no list/],
		['text', ['epoch'], /element 1 is no object/],
		['neither name nor glob', [{ 6: [3] }], /element 1 needs either "1" \(name\) or "2"/],
		['name and glob', [{ 1: 'a', 2: 'a*' }], /element 1 needs either/],
		['an empty name', [{ 1: '' }], /element 1 has a name that is no text/],
		['a name twice', [EPOCH, EPOCH], /element 2 defines epoch a second time/],
		['a glob for a name', [{ 1: 'val/*' }], /element 1 has the name val\/\*: a glob is spelled out/],
		['a glob whose * is not last', [{ 2: '*/acc' }], /the \* is the last character/],
		['a glob without *', [{ 2: 'acc' }], /the \* is the last character/],
		['a word for a field', [{ name: 'acc', 1: 'acc' }], /element 1 has the unknown field "name"/],
		['an unknown number', [{ 1: 'acc', 9: 1 }], /element 1 has the unknown field "9"/],
		['a step metric by name in "5"', [{ 1: 'acc', 5: 'epoch' }, EPOCH], /"5" \(step metric\) epoch, which is no index/],
		['an index from 0', [{ 1: 'acc', 5: 0 }, EPOCH], /"5" \(step metric\) 0, which is no index from 1 to 2/],
		['an index behind the end', [{ 1: 'acc', 5: 3 }, EPOCH], /"5" \(step metric\) 3, which is no index from 1 to 2/],
		['an index of a glob', [{ 1: 'acc', 5: 2 }, { 2: 'e*' }], /where there is no metric with a name/],
		['a step name that is a number', [{ 1: 'acc', 4: 1 }], /"4" \(step metric name\) that is no text/],
		['options as an object', [{ 1: 'acc', 6: { 1: true } }], /"6" \(options\) that is no list/],
		['an option that there is not', [{ 1: 'acc', 6: [4] }], /"6" \(options\) with 4, not from 1 to 3/],
		['summaries in words', [{ 1: 'acc', 7: ['min'] }], /"7" \(summary\) with min, not from 1 to 8/],
		['a summary that there is not', [{ 1: 'acc', 7: [9] }], /"7" \(summary\) with 9/],
		['flags that are not sorted', [{ 1: 'acc', 7: [2, 1] }], /"7" \(summary\) not sorted/],
		['a flag twice', [{ 1: 'acc', 7: [1, 1] }], /"7" \(summary\) not sorted, or with a number twice/],
		['a goal in words', [{ 1: 'acc', 8: 'minimize' }], /"8" \(goal\) minimize, which is neither 1 nor 2/],
	])('with %s are refused', async (_what, m, why) => {
		const exchange = await exchangeWithGlobs();
		await exchange.refuses(exchange.upsert({ config: configOf({ m }) }), why);
		expect(exchange.referee.wandbConfig(RUN_ID)).toEqual(STARTED._wandb.value);
	});

	test('have globs only where the server offers it', async () => {
		const exchange = await Exchange.started();
		await exchange.refuses(exchange.upsert({ config: configOf({ m: [{ 2: 'val/*' }] }) }), /did not offer \(EXPAND_DEFINED_METRIC_GLOBS\)/);
	});
});
