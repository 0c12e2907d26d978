import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunComparison, RunFilter, RunGroupsPage, RunGroupsQuery, RunsPage, RunsQuery } from '../../src/core/runs-query.ts';
import { fromWire, toWire } from '../../src/core/wire-values.ts';
import { historyLine, metaLine, TestServer } from './support.ts';

const WRITER = 'a000000000000001';
let server: TestServer;

beforeEach(() => {
	server = new TestServer();
});
afterEach(() => server.close());

interface Made {
	name?: string;
	config?: object;
	summary?: object;
	tags?: string[];
	notes?: string;
}

const make = (id: string, { name = id, config = {}, summary, tags = [], notes = '' }: Made = {}) => {
	server.nowMs += 1_000;
	const wire = Object.fromEntries(Object.entries(config).flatMap(([key, value]) => (value === undefined ? [] : [[key, { value }]])));
	return server.tracker.upsertRun({
		project: 'p',
		name: id,
		displayName: name,
		config: JSON.stringify(wire),
		tags,
		notes,
		...(summary ? { summary: JSON.stringify(summary) } : {}),
	}).run;
};
const ask = async (query: RunsQuery) => {
	const { status, body } = await server.post('/api/projects/p/runs/query', toWire(query) as object);
	if (status !== 200) throw new Error(`${status}: ${String(body.error)}`);
	return fromWire(body) as RunsPage;
};
const ids = async (query: RunsQuery) => (await ask(query)).runs.map(({ id }) => id).sort();
const where = (key: string, op: RunComparison['op'], value: RunComparison['value']) => ids({ filter: { key, op, value } });
const groups = async (query: RunGroupsQuery) => fromWire((await server.post('/api/projects/p/runs/groups', query)).body) as RunGroupsPage;

describe('a comparison', () => {
	beforeEach(() => {
		make('a', { config: { lr: 0.1, model: 'CNN', on: true, net: { deep: 3 } }, tags: ['base', 'old'], summary: { loss: 1 } });
		make('b', { config: { lr: 0.01, model: 'rnn', on: false, net: { deep: 5 } }, tags: ['base'], summary: { loss: 'NaN' } });
		make('c', { config: { lr: '0.5' }, notes: 'diverged' });
	});

	test('of numbers finds numbers only, of text text only', async () => {
		expect(await where('config.lr', '>', 0.01)).toEqual(['a']);
		expect(await where('config.lr', '>=', 0.01)).toEqual(['a', 'b']);
		expect(await where('config.lr', '<', 0.1)).toEqual(['b']);
		expect(await where('config.lr', '<=', '1')).toEqual(['c']);
		expect(await where('config.net.deep', '=', 5)).toEqual(['b']);
		expect(await where('config.on', '=', true)).toEqual(['a']);
		expect(await where('summary.loss', '=', Number.NaN)).toEqual(['b']);
	});

	test('that something is not equal is true where it is missing', async () => {
		expect(await where('config.model', '!=', 'CNN')).toEqual(['b', 'c']);
		expect(await where('config.model', '=', null)).toEqual(['c']);
		expect(await where('config.model', '!=', null)).toEqual(['a', 'b']);
		expect(await where('group', '=', null)).toEqual(['a', 'b', 'c']);
		expect(await where('group', '!=', 'g')).toEqual(['a', 'b', 'c']);
	});

	test('knows lists, parts and patterns', async () => {
		expect(await where('config.lr', 'in', [0.1, '0.5'])).toEqual(['a', 'c']);
		expect(await where('config.on', 'in', [false])).toEqual(['b']);
		expect(await where('config.model', 'contains', 'nN')).toEqual(['a', 'b']);
		expect(await where('config.model', 'regex', '^[Cc]')).toEqual(['a']);
		expect(await where('config.model', 'regex', '(?i:nn)$')).toEqual(['a', 'b']);
		expect(await where('name', 'regex', '[bc]')).toEqual(['b', 'c']);
	});

	test('of tags is true when it is of one', async () => {
		expect(await where('tags', '=', 'base')).toEqual(['a', 'b']);
		expect(await where('tags', '!=', 'old')).toEqual(['b', 'c']);
		expect(await where('tags', '=', null)).toEqual(['c']);
		expect(await where('tags', '!=', null)).toEqual(['a', 'b']);
		expect(await where('tags', 'regex', '^o')).toEqual(['a']);
	});

	test('of the state asks what it is now', async () => {
		expect(await where('state', '=', 'running')).toEqual(['a', 'b', 'c']);
		server.nowMs += 5 * 60_000 + 500;
		expect(await where('state', 'in', ['crashed'])).toEqual(['a', 'b', 'c']);
	});

	test('that makes no sense is refused in words', async () => {
		const refused = (filter: unknown) => ask({ filter: filter as RunFilter });
		await expect(refused({ key: 'loss', op: '=', value: 1 })).rejects.toThrow(/400: There is no key "loss"/);
		await expect(refused({ key: 'config.lr', op: '~', value: 1 })).rejects.toThrow(/"~" is no comparison/);
		await expect(refused({ key: 'config.lr', op: '<', value: [1] })).rejects.toThrow(/a number, text or boolean, but was \[1\]/);
		await expect(refused({ key: 'config.lr', op: 'regex', value: '(' })).rejects.toThrow(/"\(" is no pattern/);
		await expect(ask({ cursor: 'x' })).rejects.toThrow(/"cursor" is not of an answer/);
		await expect(ask({ limit: 0 })).rejects.toThrow(/"limit" must be a whole number/);
	});

	test('with a pattern that would run for ever ends soon', async () => {
		make('long', { notes: `${'a'.repeat(40)}!` });
		const start = performance.now();
		await expect(where('notes', 'regex', '^(a+)+$')).rejects.toThrow(/takes more than 100 ms/);
		expect(performance.now() - start).toBeLessThan(2_000);
		expect(await where('notes', 'regex', '^a+!$')).toEqual(['long']);
	});

	test('with many patterns that each take a while ends as soon as one', async () => {
		// About 10 ms each: 2^18 ways to cut the letters.
		make('long', { notes: `${'a'.repeat(18)}!` });
		const start = performance.now();
		const or = Array.from({ length: 200 }, (_, i): RunFilter => ({ key: 'notes', op: 'regex', value: `^(a+)+${i}$` }));
		await expect(ids({ filter: { or } })).rejects.toThrow(/with those before it, takes more than 100 ms/);
		expect(performance.now() - start).toBeLessThan(1_000);
	});
});

test('the first query of a project with many runs lets others have their turn, and misses none that changed or went meanwhile', async () => {
	const many = 1_500;
	const made = server.tracker.database.transaction(() =>
		Array.from({ length: many }, (_, i) => {
			const config = Object.fromEntries(Array.from({ length: 30 }, (__, k) => [`c${k}`, { value: i + k }]));
			return server.tracker.meta.upsertRun({ project: 'p', name: `r${i}`, config: JSON.stringify(config) }, i).run;
		}),
	);
	let turns = 0;
	let isOver = false;
	const others = (async () => {
		for (; !isOver; turns++) {
			await new Promise((resolve) => setImmediate(resolve));
			// Values are written from the newest run or the oldest: one of each end.
			if (turns === 2) {
				await server.tracker.deleteRun(String(made[0]?.id));
				await server.tracker.deleteRun(String(made[many - 1]?.id));
			}
		}
	})();
	const { total } = await ask({ filter: { key: 'config.c0', op: '>=', value: 0 } });
	isOver = true;
	await others;
	expect(turns).toBeGreaterThan(4);
	expect(total).toBe(many - 2);
	const { rows } = server.tracker.database.sql.prepare('SELECT count(DISTINCT run) AS rows FROM run_kv').get() as { rows: number };
	expect(rows).toBe(many - 2);
});

test('filters equal a naive reading of the runs', async () => {
	const values = fc.constantFrom(-1, 0, 2.5, 'a', 'B', '2', true, undefined);
	const keys = fc.constantFrom('x', 'y');
	const comparison = fc.record({
		key: keys,
		op: fc.constantFrom('=', '!=', '<', '<=', '>', '>='),
		value: fc.constantFrom(-1, 0, 2.5, 'a', 'B', '2', true),
	});
	const tree = fc.letrec<{ node: unknown }>((tie) => ({
		node: fc.oneof(
			{ depthSize: 'small', withCrossShrink: true },
			comparison,
			fc.record({ and: fc.array(tie('node'), { maxLength: 3 }) }),
			fc.record({ or: fc.array(tie('node'), { maxLength: 3 }) }),
		),
	})).node;
	const made = fc.sample(fc.record({ x: values, y: values }), 60);
	for (const [i, config] of made.entries()) make(`r${String(i).padStart(2, '0')}`, { config: JSON.parse(JSON.stringify(config)) as object });
	const text = (value: unknown) => (typeof value === 'boolean' ? String(value) : value);
	const naive = (filter: RunFilter, config: Record<string, unknown>): boolean => {
		if ('and' in filter) return filter.and.every((part) => naive(part, config));
		if ('or' in filter) return filter.or.some((part) => naive(part, config));
		const a = text(config[filter.key]) as number;
		const b = text(filter.value) as number;
		if (filter.op === '=') return a === b;
		if (filter.op === '!=') return a !== b;
		if (typeof a !== typeof b) return false;
		return filter.op === '<' ? a < b : filter.op === '<=' ? a <= b : filter.op === '>' ? a > b : a >= b;
	};
	const prefixed = (filter: RunFilter): RunFilter =>
		'and' in filter
			? { and: filter.and.map(prefixed) }
			: 'or' in filter
				? { or: filter.or.map(prefixed) }
				: { ...filter, key: `config.${filter.key}` };
	await fc.assert(
		fc.asyncProperty(tree, async (filter) => {
			const expected = made.flatMap((config, i) => (naive(filter as RunFilter, config) ? [`r${String(i).padStart(2, '0')}`] : []));
			const page = await ask({ filter: prefixed(filter as RunFilter), limit: 1000 });
			expect(page.runs.map(({ id }) => id).sort()).toEqual(expected);
			expect(page.total).toBe(expected.length);
		}),
		{ numRuns: 150 },
	);
});

test('pages follow each other in the order of any keys, each run once, those without a value last', async () => {
	const values = [3, 1, undefined, 'b', 2, undefined, 'a', 1, undefined, 3];
	for (const [i, x] of values.entries()) make(`r${i}`, { config: { x, y: i % 2 } });
	for (const isDescending of [false, true]) {
		const sort = [{ key: 'config.x', isDescending }, { key: 'config.y' }];
		const all = (await ask({ sort })).runs;
		const paged: string[] = [];
		let cursor: string | undefined;
		do {
			const page: RunsPage = await ask({ sort, limit: 3, ...(cursor ? { cursor } : {}) });
			expect(page.total).toBe(10);
			paged.push(...page.runs.map(({ id }) => id));
			cursor = page.next;
		} while (cursor);
		expect(paged).toEqual(all.map(({ id }) => id));
		const xs = all.map(({ config }) => config.x);
		expect(xs).toEqual(
			isDescending ? ['b', 'a', 3, 3, 2, 1, 1, undefined, undefined, undefined] : [1, 1, 2, 3, 3, 'a', 'b', undefined, undefined, undefined],
		);
	}
	expect((await ask({ limit: 2 })).runs.map(({ id }) => id)).toEqual(['r9', 'r8']);
});

test('a search finds words in names, tags and notes', async () => {
	make('a', { name: 'Calm tide', tags: ['night'], notes: 'lost 100% of it' });
	make('b', { name: 'calm sea' });
	expect(await ids({ search: 'CALM' })).toEqual(['a', 'b']);
	expect(await ids({ search: ' calm night ' })).toEqual(['a']);
	expect(await ids({ search: '100%' })).toEqual(['a']);
	expect(await ids({ search: '%' })).toEqual(['a']);
	expect(await ids({ search: 'tidenight' })).toEqual([]);
});

test('groups by several keys with what their values come to', async () => {
	for (const [i, [model, loss]] of (
		[
			['cnn', 3],
			['cnn', 1],
			['rnn', 7],
			['cnn', undefined],
			[undefined, 5],
		] as const
	).entries())
		make(`r${i}`, { config: { model, big: i % 2 === 1 }, summary: { loss } });
	const fns = ['count', 'min', 'max', 'mean', 'last'] as const;
	const query: RunGroupsQuery = { by: ['config.model'], aggregates: fns.map((fn) => ({ key: 'summary.loss', fn })) };
	const found = await groups(query);
	expect(found.total).toBe(3);
	expect(found.groups[0]).toEqual({ values: ['cnn'], runs: 3, aggregates: [2, 1, 3, 2, 1] });
	expect((await groups({ ...query, sort: [{ key: 'max(summary.loss)', isDescending: true }] })).groups.map(({ values }) => values[0])).toEqual([
		'rnn',
		null,
		'cnn',
	]);
	expect((await groups({ ...query, sort: [{ key: 'config.model' }] })).groups.map(({ values }) => values[0])).toEqual(['cnn', 'rnn', null]);
	expect((await groups({ by: ['config.model', 'config.big'], filter: { key: 'config.model', op: '=', value: 'cnn' } })).groups).toEqual([
		{ values: ['cnn', 'true'], runs: 2, aggregates: [] },
		{ values: ['cnn', 'false'], runs: 1, aggregates: [] },
	]);
	const first = await groups({ ...query, limit: 2 });
	const second = await groups({ ...query, limit: 2, cursor: first.next as string });
	expect([first.groups.length, second.groups.length, second.next]).toEqual([2, 1, undefined]);
});

test('what is found follows config, summary, rows, rewinds and deletion', async () => {
	const run = make('r', { config: { lr: 1 } });
	expect(await where('config.lr', '=', 1)).toEqual(['r']);
	make('r', { config: { lr: 2 } });
	expect(await where('config.lr', '=', 1)).toEqual([]);
	server.send('r', WRITER, { history: [0, [historyLine({ loss: 9 }, 0), historyLine({ loss: 4 }, 1)]] });
	expect(await where('summary.loss', '=', 4)).toEqual(['r']);
	server.send('r', WRITER, { history: [2, [historyLine({ loss: 3 }, 2)]], meta: [0, [metaLine({ config: [[['extra', 'a'], 7]] } as never)]] });
	expect(await where('summary.loss', '=', 3)).toEqual(['r']);
	expect(await where('config.extra.a', '=', 7)).toEqual(['r']);
	server.tracker.rewind(run, 1);
	expect(await where('summary.loss', '=', 3)).toEqual([]);
	server.restart();
	expect(await where('config.lr', '=', 2)).toEqual(['r']);
	await server.tracker.deleteRun(String(run.id));
	expect(await where('config.lr', '!=', 5)).toEqual([]);
	expect(server.tracker.database.sql.prepare('SELECT count(*) AS n FROM run_kv').get()).toEqual({ n: 0 });
});
