import { afterAll, describe, expect, test } from 'vitest';
import { wandbPage } from '../../scripts/docs/wandb.ts';
import { CALLS } from '../../scripts/docs/wandb-calls.ts';
import type { TidelogError } from '../../src/errors.ts';
import * as entry from '../../src/index.node.ts';
import * as media from '../../src/media.ts';
import { Run } from '../../src/run.ts';
import { InProcess } from '../values/in-process.ts';

const exported = { ...entry, ...media };
const server = new InProcess();
afterAll(() => server.close());

/** Names that a call takes, in its own words: it lists them when it is given one that it does not know. */
function optionsOf(call: () => unknown): string[] {
	try {
		call();
	} catch (error) {
		return (/Known are (.+)\.$/.exec((error as Error).message)?.[1] ?? '').split(', ');
	}
	throw new Error('An unknown option was taken.');
}

const run = server.init({ project: 'table' });
const finished: unknown = await run.finish({ nope: 1 } as never).catch((error: unknown) => error);
const OPTIONS: Record<string, string[]> = {
	init: optionsOf(() => server.init({ project: 'p', nope: 1 } as never)),
	log: optionsOf(() => run.log({}, { nope: 1 } as never)),
	metric: optionsOf(() => run.defineMetric('a', { nope: 1 } as never)),
	alert: optionsOf(() => run.alert({ title: 'a', nope: 1 } as never)),
	finish: optionsOf(() => {
		throw finished;
	}),
	run: [...new Set([...Object.getOwnPropertyNames(Run.prototype), ...Object.keys(run)])].filter((name) => name !== 'constructor'),
};
const exists = (name: string) => {
	const [, owner, member] = /^(\w+)\.(\w+)$/.exec(name) ?? [];
	return owner && member ? (OPTIONS[owner]?.includes(member) ?? false) : name in exported;
};

test('every name that the table speaks of is there, and what is said to be missing is not', () => {
	for (const { theirs, has = [], lacks = [] } of CALLS) {
		for (const name of has) expect(exists(name), `${theirs}: ${name}`).toBe(true);
		for (const name of lacks) expect(exists(name), `${theirs}: ${name} is there now`).toBe(false);
	}
});

test('every public member of a run, and every option of every call, is in the table', () => {
	const named = new Set(CALLS.flatMap(({ has = [] }) => has));
	const all = Object.entries(OPTIONS).flatMap(([owner, names]) => names.map((name) => `${owner}.${name}`));
	expect(all.length).toBeGreaterThan(50);
	expect(all.filter((name) => !named.has(name))).toEqual([]);
	expect(Object.keys(exported).filter((name) => !named.has(name))).toEqual([]);
});

test('a row is refused with a code and a program that shows it, or it is not refused', () => {
	for (const { theirs, how, code, snippet } of CALLS)
		expect([how === 'refused', typeof code, typeof snippet], theirs).toEqual(
			how === 'refused' ? [true, 'string', 'string'] : [false, 'undefined', 'undefined'],
		);
	expect(wandbPage()).toContain('| `run.defineMetric()` |');
});

describe('each refusal is what the code does', () => {
	const AsyncFunction = (async () => undefined).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<unknown>;
	for (const { section, theirs, snippet, code } of CALLS) {
		if (snippet === undefined) continue;
		test(`${section}: ${theirs}: ${snippet}`, async () => {
			const told: TidelogError[] = [];
			const onError = (error: TidelogError) => told.push(error);
			const tracked = server.init({ project: 'table', onError });
			let thrown: unknown;
			try {
				const program = new AsyncFunction('init', 'run', 'server', 'client', 'onError', snippet);
				await program(server.init, tracked, server.url, () => ({ init: server.init }), onError);
			} catch (error) {
				thrown = error;
			}
			expect([(thrown as TidelogError | undefined)?.code, ...told.map((error) => error.code)]).toContain(code);
			if (!tracked.isFinished) await tracked.finish();
		});
	}
});

test('a call that is not there yet throws what JavaScript throws', () => {
	expect(() => (run as unknown as { save(): void }).save()).toThrow(TypeError);
});
