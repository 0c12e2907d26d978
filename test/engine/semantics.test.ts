import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareReferee, compareTide } from './compare.ts';
import type { Session } from './session.ts';
import { World } from './world.ts';

/** One thing that happens to a run; `page` picks one of those that are open. */
type Event =
	| { kind: 'log'; data: Record<string, unknown>; step?: number; commit?: boolean }
	| { kind: 'set'; where: 'config' | 'summary'; key: string; value: number | undefined }
	| { kind: 'metric'; name: string; summary: 'min' | 'max' | 'mean' | 'last' | 'first' | 'none' }
	| { kind: 'flush' | 'synced' | 'die' | 'kill the server' }
	| { kind: 'wait'; ms: number };

const key = fc.constantFrom('loss', 'acc', 'val/loss', 'deep.a');
const value = fc.oneof(
	{ weight: 4, arbitrary: fc.double() },
	fc.integer(),
	fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
	fc.string(),
	fc.boolean(),
	fc.constant(null),
	fc.array(fc.integer(), { maxLength: 3 }),
	fc.record({ a: fc.integer(), 'b/c': fc.double() }),
);
const event: fc.Arbitrary<Event> = fc.oneof(
	{
		weight: 10,
		arbitrary: fc.record(
			{
				kind: fc.constant('log' as const),
				data: fc.dictionary(key, value, { minKeys: 1, maxKeys: 3 }),
				step: fc.oneof(fc.nat(12), fc.constant(Number.MAX_SAFE_INTEGER - 1_000)),
				commit: fc.boolean(),
			},
			{ requiredKeys: ['kind', 'data'] },
		),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant('set' as const),
			where: fc.constantFrom('config' as const, 'summary' as const),
			key: fc.constantFrom('lr', 'best', 'loss', 'val'),
			value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: undefined }),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant('metric' as const),
			name: fc.constantFrom('loss', 'acc', 'val/*', '*'),
			summary: fc.constantFrom('min' as const, 'max' as const, 'mean' as const, 'last' as const, 'first' as const, 'none' as const),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'synced' as const, 'die' as const, 'kill the server' as const) }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 99, 101, 1_000, 16_000, 61_000) }) },
);

/** Plays the events on pages that follow one another, until everything is sent. */
async function play(world: World, events: readonly Event[], kind: 'tide' | 'referee'): Promise<Session[]> {
	const device = world.device();
	const sessions: Session[] = [];
	const open = async () => {
		// Writers of one millisecond would stand in the order of their names.
		await world.clock.advance(1);
		const session = world.begin(device, { id: 'r', resume: 'allow' });
		sessions.push(session);
		return session;
	};
	let session = await open();
	for (const event of events) {
		if (event.kind === 'log') {
			const { data, step, commit } = event;
			session.log(data, { ...(step === undefined ? {} : { step }), ...(commit === undefined ? {} : { commit }) });
		} else if (event.kind === 'set') session.set(event.where, [event.key], event.value);
		else if (event.kind === 'metric') session.defineMetric(event.name, { summary: event.summary });
		else if (event.kind === 'wait') await world.clock.advance(event.ms);
		else if (event.kind === 'flush') await world.clock.wait(session.flush());
		else if (event.kind === 'synced') await world.clock.wait(session.run.synced());
		else if (event.kind === 'kill the server') {
			if (kind === 'tide') world.tide.restart();
		} else {
			session.page.die();
			world.interrupted();
			session = await open();
		}
	}
	const { isSynced } = await world.clock.wait(session.finish(3_600_000));
	expect([isSynced, sessions.flatMap(({ faults }) => faults)]).toEqual([true, []]);
	return sessions;
}

describe('any interleaving of calls, flushes and deaths of pages comes to what a simple model says', () => {
	test.each([
		['tide', 150],
		['referee', 100],
	] as const)('on a server that is the %s', async (kind, numRuns) => {
		await fc.assert(
			fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 25 }), async (events) => {
				const world = new World(1, kind);
				try {
					const sessions = await play(world, events, kind);
					const wrong = kind === 'tide' ? await compareTide(world.tide, 'r', sessions) : await compareReferee(world.referee, 'r', sessions);
					expect(wrong).toEqual([]);
				} finally {
					world.close();
				}
			}),
			{ numRuns, seed: 20_260_101 },
		);
	});
});

describe('the steps of a run', () => {
	async function stepsOf(calls: [step?: number, commit?: boolean][]): Promise<unknown[]> {
		const world = new World(1, 'tide');
		try {
			const session = world.begin(world.device(), { id: 'r' });
			for (const [i, [step, commit]] of calls.entries())
				session.log({ i }, { ...(step === undefined ? {} : { step }), ...(commit === undefined ? {} : { commit }) });
			await world.clock.wait(session.run.synced());
			return (await world.tide.records('r')).map(({ step }) => step);
		} finally {
			world.close();
		}
	}

	test.each<[string, [step?: number, commit?: boolean][], number[]]>([
		['each call a new one, from 0', [[], [], []], [0, 1, 2]],
		['commit: false gathers into the open row', [[undefined, false], [undefined, false], [], []], [0, 0, 0, 1]],
		['a named step is joined, and the next call follows it', [[5], [5], []], [5, 5, 6]],
		['a late step does not move the next one', [[], [], [], [0], []], [0, 1, 2, 0, 3]],
		['a named step without commit is joined by the next call', [[7, false], [], []], [7, 7, 8]],
		['a smaller step without commit is not', [[], [], [0, false], []], [0, 1, 0, 2]],
	])('%s', async (_name, calls, steps) => {
		expect(await stepsOf(calls)).toEqual(steps);
	});
});
