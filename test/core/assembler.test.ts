import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AssemblerState, assemble, initialState, nest, type PlacedRecord, summaryLine } from '../../src/core/assembler.ts';
import { type LineObject, type LineValue, parseLine, writeLine } from '../../src/core/json-line.ts';
import { eachLeaf } from '../../src/core/keys.ts';
import type { Edit, PlacedEdit } from '../../src/core/meta.ts';
import type { MetricDefinition } from '../../src/core/metrics.ts';
import { MAX_LINE_BYTES } from '../../src/core/protocol.ts';
import { wandbConfig } from '../../src/core/wandb-config.ts';

const NONE = { history: 0, events: 0, console: 0 };
const start = (nextStep = 0) => initialState({ nextStep, lines: NONE, runtimeS: 0 });

let made = 0;
/** A record of a named step, or of the writer's own (`step` undefined, `relative` given). */
function record(values: { [key: string]: LineValue }, at: { step?: number; relative?: number; writer?: string; base?: number | null }): PlacedRecord {
	const n = made++;
	const { step, relative = Number.NEGATIVE_INFINITY, writer = 'w', base = 0 } = at;
	const view = { n, relative, least: step ?? 0, timestampMs: 1_000 * n, runtimeS: n / 4, keys: Object.keys(values), values: Object.values(values) };
	return { stream: 'history', writer, base, runtimeBaseS: 0, record: view };
}

function run(records: PlacedRecord[], { state = start(), definitions = [] as MetricDefinition[], isEnd = true } = {}) {
	return assemble(state, records, { isEnd, definitions });
}

/** A row as a test wants to read it: `_step`, own step, values. */
function brief(line: string): [LineValue | undefined, LineValue | undefined, LineObject] {
	const { _step, _runtime, _timestamp, 'tidelog/step': own, ...values } = parseLine(line) as LineObject;
	return [_step, own, values];
}

/** As the file store keeps it. */
const stored = (state: AssemblerState) => parseLine(writeLine(state as unknown as LineObject)) as unknown as AssemblerState;

describe('rows', () => {
	test('calls on one step are one line, written when a later step begins or at the end', () => {
		const first = run([record({ a: 1 }, { step: 0 }), record({ b: 2, a: 3 }, { step: 0 })], { isEnd: false });
		expect(first.history).toEqual([]);
		const second = run([record({ a: 4 }, { step: 7 })], { state: first.state, isEnd: false });
		expect(second.history.map(brief)).toEqual([[0, 0, { a: 3, b: 2 }]]);
		const third = run([], { state: second.state });
		expect(third.history.map(brief)).toEqual([[7, 7, { a: 4 }]]);
		expect(run([], { state: third.state }).history).toEqual([]);
		expect(third.state.lines).toEqual({ history: 2, events: 0, console: 0 });
		expect(third.state.lateKeys).toEqual([]);
	});

	test('the line is W&B’s: values nested, own step, an integer literal as _step, seconds of the last record', () => {
		const placed = record({ loss: Number.NaN, 'val.acc': 0.5, 'val.top.5': 1 }, { step: 3 });
		placed.record = { ...placed.record, timestampMs: 1_732_340_000_120, runtimeS: 3.5 };
		placed.runtimeBaseS = 60;
		expect(run([placed]).history).toEqual([
			'{"loss":NaN,"val":{"acc":0.5,"top":{"5":1}},"tidelog/step":3,"_step":3,"_timestamp":1732340000.12,"_runtime":63.5}',
		]);
		expect(run([placed]).state.runtimeS).toBe(63.5);
	});

	test('a value for a row that is gone goes out at once, and the keys of all moved lines are told', () => {
		const { history, state } = run([
			record({ a: 1, z: 1 }, { step: 3 }),
			record({ a: 2 }, { step: 4 }),
			record({ late: 9 }, { step: 3 }),
			record({ a: 3 }, { step: 4 }),
			record({ a: 4 }, { step: 9 }),
		]);
		expect(history.map(brief)).toEqual([
			[3, 3, { a: 1, z: 1 }],
			[4, 3, { late: 9 }],
			[5, 4, { a: 3 }],
			[9, 9, { a: 4 }],
		]);
		expect(state.lateKeys).toEqual(['late', 'a']);
	});

	test('a step between two rows that nothing was written for keeps its place', () => {
		const { history, state } = run([record({ a: 1 }, { step: 3 }), record({ a: 2 }, { step: 9 }), record({ a: 3 }, { step: 5 })]);
		expect(history.map(brief).map(([step]) => step)).toEqual([3, 5, 9]);
		expect(state.lateKeys).toEqual([]);
	});

	test('a run that goes on begins after what the server has', () => {
		const state = initialState({ nextStep: 100, lines: { history: 40, events: 2, console: 0 }, runtimeS: 60 });
		const next = run([record({ a: 1 }, { relative: 0, base: 100 }), record({ a: 2 }, { step: 5 })], { state });
		expect(next.history.map(brief)).toEqual([
			[100, 5, { a: 2 }],
			[101, 100, { a: 1 }],
		]);
		expect(next.state.lines).toEqual({ history: 42, events: 2, console: 0 });
		expect(next.state.runtimeS).toBeGreaterThanOrEqual(60);
	});

	test('a writer without a base gets the next free step for each of its rows', () => {
		const other = { writer: 'x', base: null };
		const { history } = run([
			record({ a: 1 }, { relative: 5 }),
			record({ b: 1 }, { ...other, relative: 0 }),
			record({ c: 1 }, { ...other, relative: 0 }),
			record({ b: 2 }, { ...other, relative: 1 }),
			record({ d: 1 }, { ...other, step: 20 }),
			record({ b: 3 }, { ...other, relative: 2 }),
		]);
		expect(history.map(brief)).toEqual([
			[5, 5, { a: 1 }],
			[6, 6, { b: 1, c: 1 }],
			[7, 7, { b: 2 }],
			[20, 20, { d: 1 }],
			[21, 21, { b: 3 }],
		]);
	});

	test('steps at the end of the whole numbers stay integer literals', () => {
		const step = Number.MAX_SAFE_INTEGER;
		const { history } = run([record({ a: 1 }, { step }), record({ a: 2 }, { step: 1 }), record({ a: 3 }, { step: 2 })]);
		const last = run([record({ a: 4 }, { step: 3 })], { state: stored(run([record({ a: 1 }, { step })]).state) }).history;
		expect([...history, ...last].map((line) => /"_step":(\d+),/.exec(line)?.[1])).toEqual(['1', '2', '9007199254740991', '9007199254740992']);
	});

	test('a record without values makes no line', () => {
		expect(run([record({}, { step: 0 }), record({ a: 1 }, { step: 1 })]).history.map(brief)).toEqual([[1, 1, { a: 1 }]]);
	});

	test('a row that is longer than servers take is left out as a whole, told, and kept out of the summary', () => {
		const long = record({ text: 'é'.repeat(MAX_LINE_BYTES / 2) }, { step: 2 });
		const { history, dropped, state } = run([record({ a: 1 }, { step: 1 }), long, record({ a: 2 }, { step: 2 }), record({ a: 3 }, { step: 2 })]);
		// The row takes values until the end, so all of them go with it.
		expect(history.map(brief)).toEqual([[1, 1, { a: 1 }]]);
		expect(dropped).toHaveLength(1);
		expect(dropped[0]?.step).toBe(2);
		expect(dropped[0]?.bytes).toBeGreaterThan(MAX_LINE_BYTES + 60);
		expect(summaryLine(state, [], [], false)).toContain('{"a":1,');
		expect(run([record({ b: 1 }, { step: 0 })], { state }).history.map(brief)).toEqual([[3, 0, { b: 1 }]]);
	});

	test('bytes are counted as UTF-8, up to the limit itself', () => {
		const [shell] = run([record({ text: '' }, { step: 2 })]).history as [string];
		made--;
		const room = MAX_LINE_BYTES - shell.length;
		expect(run([record({ text: 'x'.repeat(room) }, { step: 2 })]).history).toHaveLength(1);
		made--;
		expect(run([record({ text: 'x'.repeat(room + 1) }, { step: 2 })]).dropped).toEqual([{ step: 2, bytes: MAX_LINE_BYTES + 1 }]);
		made--;
		expect(run([record({ text: `${'x'.repeat(room - 1)}é` }, { step: 2 })]).dropped).toEqual([{ step: 2, bytes: MAX_LINE_BYTES + 1 }]);
	});
});

describe('step metrics', () => {
	const definitions = [
		{ name: 'val/*', step: 'epoch' },
		{ name: 'val/own', step: 'epoch', stepSync: false },
	];

	test('a row without its step metric takes the last known value', () => {
		const { history, state } = run(
			[
				record({ 'val/acc': 1 }, { step: 0 }),
				record({ epoch: 7 }, { step: 1 }),
				record({ 'val/acc': 2 }, { step: 2 }),
				record({ 'val/own': 2 }, { step: 3 }),
				record({ 'val/acc': 3, epoch: 8 }, { step: 4 }),
			],
			{ definitions },
		);
		expect(history.map((line) => brief(line)[2])).toEqual([
			{ 'val/acc': 1 },
			{ epoch: 7 },
			{ 'val/acc': 2, epoch: 7 },
			{ 'val/own': 2 },
			{ 'val/acc': 3, epoch: 8 },
		]);
		// What was filled in was logged once only.
		expect(new Map(state.folds).get('epoch')).toMatchObject({ finite: 2, firstStep: 1, lastStep: 4 });
	});

	test('a late row never takes the value of a later step', () => {
		const { history } = run(
			[record({ epoch: 1 }, { step: 5 }), record({ epoch: 2 }, { step: 9 }), record({ a: 0 }, { step: 10 }), record({ 'val/acc': 1 }, { step: 6 })],
			{ definitions },
		);
		expect(history.map(brief)).toContainEqual([10, 6, { 'val/acc': 1 }]);
	});
});

describe('nesting', () => {
	const keys = fc.oneof(
		fc.constantFrom('a', 'a.b', 'a.b.c', 'a.b.c.d', 'b.', '.b', '', '__proto__', 'a.__proto__', '__proto__.b', 'a.__proto__.b'),
		fc.string(),
	);

	test('the leaves of a nested row are the leaves of the row', () => {
		fc.assert(
			fc.property(fc.array(fc.tuple(keys, fc.oneof(fc.double(), fc.constantFrom<LineValue>([1], { _type: 'histogram', bins: [] })))), (leaves) => {
				const out = new Map<string, LineValue>();
				eachLeaf(parseLine(writeLine(nest(new Map(leaves)))) as LineObject, (key, value) => out.set(key, value));
				expect(new Map([...out].sort())).toEqual(new Map([...new Map(leaves)].sort()));
				expect(({} as LineObject).b).toBeUndefined();
			}),
		);
	});
});

describe('events and console', () => {
	const other = (stream: 'events' | 'console', values: { [key: string]: LineValue }): PlacedRecord => {
		const placed = record(values, { step: 0 });
		return { ...placed, stream, runtimeBaseS: 10, record: { ...placed.record, timestampMs: 1_732_340_000_120, runtimeS: 2 } };
	};

	test('an event is a flat line', () => {
		const { events, history, state } = run([other('events', { 'system.cpu': 3.5, 'system.disk./.usageGB': 1 })]);
		expect(events).toEqual(['{"_wandb":true,"_timestamp":1732340000.12,"_runtime":12,"system.cpu":3.5,"system.disk./.usageGB":1}']);
		expect(history).toEqual([]);
		expect([state.lines.events, state.runtimeS]).toEqual([1, 12]);
	});

	test('console output has a time in UTC, is one line and at most 4,096 characters', () => {
		const { console } = run([
			other('console', { text: 'epoch 1\ndone \ud83d' }),
			other('console', { text: 'bad \u{1f600}', level: 'error' }),
			other('console', { text: `${'x'.repeat(4095)}\u{1f600}` }),
		]);
		expect(console).toEqual([
			'2024-11-23T05:33:20.120000 epoch 1\ufffddone \ufffd',
			'ERROR 2024-11-23T05:33:20.120000 bad \u{1f600}',
			`2024-11-23T05:33:20.120000 ${'x'.repeat(4095)}\ufffd`,
		]);
	});
});

const edit = (...[path, ...value]: Edit): PlacedEdit => ({ startedMs: 0, writer: 'w', n: made++, edit: [path, ...value] as Edit });

describe('summary', () => {
	const summary = (state: AssemblerState, definitions: MetricDefinition[] = [], edits: PlacedEdit[] = [], isEnd = false) =>
		parseLine(summaryLine(state, definitions, edits, isEnd) as string);

	test('it is nested, with what definitions ask for, and the last line’s own values', () => {
		made = 8;
		const { state } = run([record({ 'val.acc': 1, loss: 4 }, { step: 0 }), record({ 'val.acc': 0, loss: Number.NaN, hidden: 1 }, { step: 1 })]);
		const definitions: MetricDefinition[] = [
			{ name: 'val.acc', summary: ['max', 'mean', 'first'] },
			{ name: 'hidden', summary: ['none'] },
		];
		const times = { _step: 1, _timestamp: 9, _runtime: 2.25 };
		expect(summary(state, definitions)).toEqual({ val: { acc: { max: 1, mean: 0.5, first: 1 } }, loss: Number.NaN, ...times });
		expect(summary(state, [{ name: 'loss', summary: ['min'] }])).toMatchObject({ loss: { min: Number.NaN } });
		expect(summary({ ...state, runtimeS: 5.9 }, [{ name: '*', summary: ['none'] }], [], true)).toEqual({
			...times,
			_runtime: 5.9,
			_wandb: { runtime: 5 },
		});
	});

	test('values set by hand lie over logged ones until deleted; NaN and null take a key away', () => {
		const { state } = run([record({ a: 1, 'b.c': 2, d: 3 }, { step: 0 })]);
		const shown = (...edits: PlacedEdit[]) => {
			const { _step, _runtime, _timestamp, ...values } = summary(state, [], edits) as LineObject;
			return values;
		};
		expect(shown(edit(['a'], 9), edit(['b'], 8), edit(['e', 'f'], [Number.NaN, 1]))).toEqual({ a: 9, b: 8, d: 3, e: { f: [null, 1] } });
		expect(shown(edit(['a'], Number.NaN), edit(['b', 'c'], null), edit(['d'], Infinity))).toEqual({ d: Infinity });
		expect(shown(edit(['a'], 9), edit(['a']))).toEqual({ a: 1, b: { c: 2 }, d: 3 });
		expect(shown(edit(['a', 'x'], 9))).toEqual({ a: 1, 'a.x': 9, b: { c: 2 }, d: 3 });
	});

	test('what the server had of a run stays under what is logged now', () => {
		const state = { ...start(5), summary: { loss: { min: 1, max: 2 }, old: { a: 1, b: Number.NaN }, gone: 1, _step: 4 } };
		const next = run([record({ loss: 3, 'old.a': 2 }, { step: 5 })], { state }).state;
		expect(summary(stored(next), [], [edit(['gone'])])).toMatchObject({ loss: 3, old: { a: 2, b: Number.NaN }, _step: 5 });
		expect(summary(next, [], [edit(['gone'])])).not.toHaveProperty('gone');
		expect(next.summary?.old).toEqual({ a: 1, b: Number.NaN });
	});

	test('one that is longer than servers take is not made', () => {
		expect(summaryLine(start(), [], [edit(['text'], 'x'.repeat(MAX_LINE_BYTES))], false)).toBeUndefined();
	});
});

describe('config', () => {
	const self = { takesGlobs: false, writers: ['w1'], version: '1.2.3', platform: 'web' };
	const hidden = { 1: 'tidelog/step', 6: [2, 3], 7: [] };

	test('each key is wrapped, and _wandb says what W&B’s client says', () => {
		const config = [edit(['lr'], 0.1), edit(['model', 'layers'], 3), edit(['list'], [Number.NaN, Infinity, { x: -Infinity }])];
		expect(JSON.parse(writeLine(wandbConfig({ config, metrics: [] }, self)))).toEqual({
			lr: { value: 0.1 },
			model: { value: { layers: 3 } },
			list: { value: [null, null, { x: null }] },
			_wandb: { value: { t: { 5: '1.2.3', 13: 'web' }, m: [hidden], e: { w1: {} }, cli_version: '1.2.3' } },
		});
	});

	test('a fork says where it leaves its parent; what the server had stays', () => {
		const base = { lr: 1, keep: 2, _wandb: { visualize: { chart: 1 }, t: { 5: '0' } } };
		const branch = { kind: 'fork' as const, run: 'parent', step: 9 };
		const config = wandbConfig({ config: [edit(['lr'], 3)], metrics: [] }, { ...self, branch, base });
		expect(config).toMatchObject({
			lr: { value: 3 },
			keep: { value: 2 },
			_wandb: { value: { visualize: { chart: 1 }, t: { 5: '1.2.3' }, branch_point: { run_id: 'parent', step: 9 } } },
		});
	});

	test('keys of moved lines are drawn against their own step, unless they have a step metric', () => {
		const metrics: MetricDefinition[] = [
			{ name: 'val/*', summary: ['max'] },
			{ name: 'test/*', step: 'epoch' },
		];
		const keys = ['loss', 'val/a', 'val/b', 'test/a', 'epoch'];
		const m = (takesGlobs: boolean) => {
			const config = wandbConfig({ config: [], metrics }, { ...self, takesGlobs, keys, lateKeys: ['loss', 'val/a', 'test/a'] });
			return ((config._wandb as LineObject).value as LineObject).m;
		};
		const late = [
			{ 1: 'loss', 5: -1, 6: [1, 3], 7: [] },
			{ 1: 'val/a', 5: -1, 6: [1, 3], 7: [2] },
		];
		const at = (place: number) => late.map((item) => ({ ...item, 5: place }));
		expect(m(true)).toEqual([{ 2: 'val/*', 6: [], 7: [2] }, { 2: 'test/*', 5: 6, 6: [1], 7: [] }, hidden, ...at(3), { 1: 'epoch', 6: [], 7: [] }]);
		expect(m(false)).toEqual([hidden, ...at(1), { 1: 'val/b', 6: [], 7: [2] }, { 1: 'test/a', 5: 6, 6: [1], 7: [] }, { 1: 'epoch', 6: [], 7: [] }]);
	});
});

describe('laws', () => {
	const value = fc.oneof(
		fc.integer({ min: -9, max: 9 }),
		fc.constantFrom<LineValue>(Number.NaN, Infinity, -0, 2n ** 60n, 'text', null, [1, 2], { _type: 'image' }),
	);
	const call = fc.record({
		writer: fc.constantFrom(0, 0, 0, 1, 2),
		step: fc.option(fc.nat(9), { nil: undefined }),
		isOpen: fc.boolean(),
		values: fc.dictionary(fc.constantFrom('loss', 'val', 'epoch', 'a', 'a.b', 'a.b.c', '__proto__', 'x.__proto__.y', '_mine'), value, { maxKeys: 4 }),
	});
	const bases = [0, 4, null];
	const definitions: MetricDefinition[] = [
		{ name: 'val', step: 'epoch' },
		{ name: 'loss', summary: ['min', 'max', 'mean', 'first', 'last'] },
	];

	/** The records that a log of such calls has, as `log()` numbers them. */
	function records(calls: { writer: number; step: number | undefined; isOpen: boolean; values: { [key: string]: LineValue } }[]): PlacedRecord[] {
		const writers = bases.map((base, i) => ({ name: `w${i}`, base, relative: 0, least: 0 }));
		return calls.map(({ writer, step, isOpen, values }) => {
			const of = writers[writer] as (typeof writers)[number];
			if (step !== undefined) of.least = Math.max(of.least, step);
			const placed = record(values, {
				writer: of.name,
				base: of.base,
				...(step === undefined ? { relative: of.relative, step: of.least } : { step }),
			});
			if (!isOpen && step === undefined) {
				of.relative++;
				of.least++;
			} else if (!isOpen && step !== undefined && step >= of.least) of.least = step + 1;
			return placed;
		});
	}

	/** What the records come to: step → key → value. A writer without a base gets the step after all others, once a row. */
	function naive(list: PlacedRecord[], nextStep: number) {
		const steps = new Map<number, Map<string, LineValue>>();
		const given = new Map<string, number>();
		let free = nextStep;
		for (const { base, writer, record } of list) {
			const isNamed = record.relative === Number.NEGATIVE_INFINITY;
			const name = `${writer} ${record.relative}`;
			const step = isNamed ? record.least : base === null ? (given.get(name) ?? free) : Math.max(base + record.relative, record.least);
			given.set(name, step);
			free = Math.max(free, step + 1);
			const row = steps.get(step) ?? new Map<string, LineValue>();
			steps.set(step, row);
			for (const [i, key] of record.keys.entries()) row.set(key, record.values[i] as LineValue);
		}
		return steps;
	}

	function leavesOf(line: string): Map<string, LineValue> {
		const leaves = new Map<string, LineValue>();
		eachLeaf(parseLine(line) as LineObject, (key, value) => leaves.set(key, value));
		for (const key of ['_step', '_runtime', '_timestamp', 'tidelog/step']) leaves.delete(key);
		return leaves;
	}

	const log = fc.tuple(fc.array(call, { maxLength: 40 }).map(records), fc.nat(5));

	test('records split over any number of calls give the same lines and the same state', () => {
		fc.assert(
			fc.property(log, fc.infiniteStream(fc.tuple(fc.nat(6), fc.boolean())), ([list, nextStep], cuts) => {
				const whole = run(list, { state: start(nextStep), definitions });
				let state = start(nextStep);
				const history: string[] = [];
				for (let from = 0; from < list.length; ) {
					const [count, isText] = cuts.next().value as [number, boolean];
					const part = run(list.slice(from, from + count), { state, definitions, isEnd: false });
					history.push(...part.history);
					state = isText ? stored(part.state) : structuredClone(part.state);
					from += count;
				}
				const end = run([], { state, definitions });
				expect([...history, ...end.history]).toEqual(whole.history);
				expect(stored(end.state)).toEqual(stored(whole.state));
				expect(summaryLine(end.state, definitions, [], true)).toBe(summaryLine(whole.state, definitions, [], true));
			}),
		);
	});

	test('_step grows, no value is lost, and keys of every moved line are told', () => {
		fc.assert(
			fc.property(log, ([list, nextStep]) => {
				const { history, state } = run(list, { state: start(nextStep), definitions });
				const steps = naive(list, nextStep);
				const out = new Map<number, Map<string, LineValue>>();
				const moved = new Set<string>();
				let last = nextStep - 1;
				for (const line of history) {
					const [step, own] = brief(line) as [number, number, LineObject];
					expect(step).toBe(Math.max(last + 1, own));
					last = step;
					const row = out.get(own) ?? new Map();
					out.set(own, row);
					for (const [key, value] of leavesOf(line)) {
						// Filled in beside `val`; all else was logged on this step.
						if (!steps.get(own)?.has(key)) expect(key).toBe('epoch');
						else {
							row.set(key, value);
							if (step !== own) moved.add(key);
						}
					}
				}
				for (const [step, row] of steps) if (row.size > 0) expect(out.get(step)).toEqual(row);
				expect(state.lines.history).toBe(history.length);
				// `epoch` may have been filled in or logged: the lines alone do not say.
				expect(new Set([...state.lateKeys, 'epoch'])).toEqual(moved.add('epoch'));
			}),
		);
	});

	test('the summary is that of the values sent: the last and the first as the rows have them', () => {
		fc.assert(
			fc.property(log, ([list, nextStep]) => {
				const { history, state } = run(list, { state: start(nextStep), definitions });
				const steps = [...naive(list, nextStep)].sort(([a], [b]) => a - b).map(([, row]) => row);
				const expected = new Map<string, LineValue>();
				for (const row of steps) for (const [key, value] of row) expected.set(key, value);
				if (expected.has('loss')) {
					expected.set('loss.last', expected.get('loss') as LineValue);
					expected.set('loss.first', steps.find((row) => row.has('loss'))?.get('loss') as LineValue);
					expected.delete('loss');
				}
				const sent = history.flatMap((line) => [leavesOf(line).get('loss')].map((loss) => (typeof loss === 'bigint' ? Number(loss) : loss)));
				const numbers = sent.filter((loss) => typeof loss === 'number');
				if (numbers.length > 0) {
					const isNan = !numbers.every(Number.isFinite);
					expected.set('loss.min', isNan ? Number.NaN : numbers.reduce((a, b) => Math.min(a, b)));
					expected.set('loss.max', isNan ? Number.NaN : numbers.reduce((a, b) => Math.max(a, b)));
					expected.set('loss.mean', isNan ? Number.NaN : numbers.reduce((a, b) => a + b, 0) / numbers.length);
				}
				const line = summaryLine(state, definitions, [], false) as string;
				expect(new Map([...leavesOf(line)].sort())).toEqual(new Map([...expected].sort()));
			}),
		);
	});
});
