import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LineValue } from '../../src/core/json-line.ts';
import { addDefinition, decodeDefinitions, definitionOf, encodeDefinitions, type MetricDefinition, SUMMARIES } from '../../src/core/metrics.ts';

describe('as W&B’s client 0.30 writes them', () => {
	test('a metric with a step metric that is defined as well', () => {
		const definitions: MetricDefinition[] = [{ name: 'val/acc', step: 'epoch', summary: ['min', 'max', 'mean', 'last', 'first'] }, { name: 'epoch' }];
		const sent = [
			{ '1': 'val/acc', '5': 2, '6': [1, 3], '7': [1, 2, 3, 5, 8] },
			{ '1': 'epoch', '6': [3], '7': [] },
		];
		expect(encodeDefinitions(definitions)).toEqual(sent);
		expect(encodeDefinitions(definitions, [])).toEqual(sent);
	});

	test('a glob, for a server that takes globs', () => {
		expect(encodeDefinitions([{ name: 'val/*', step: 'epoch', summary: ['min'] }])).toEqual([
			{ '2': 'val/*', '5': 2, '6': [1], '7': [1] },
			{ '1': 'epoch', '6': [], '7': [] },
		]);
	});

	test('a glob, for a server that takes none: the keys logged so far', () => {
		const definitions: MetricDefinition[] = [
			{ name: 'val/*', step: 'epoch', goal: 'maximize', hidden: true },
			{ name: 'val/b', stepSync: false, step: '_step' },
		];
		expect(encodeDefinitions(definitions, ['loss', 'val/a', 'val/b', '_val'])).toEqual([
			{ '1': 'val/b', '5': 3, '6': [3], '7': [] },
			{ '1': 'val/a', '5': 4, '6': [1, 2], '7': [], '8': 2 },
			{ '1': '_step', '6': [], '7': [] },
			{ '1': 'epoch', '6': [], '7': [] },
		]);
	});

	test('a summary that is asked for twice is written once', () => {
		expect(encodeDefinitions([{ name: 'a', summary: ['max', 'min', 'max'] }])).toEqual([{ '1': 'a', '6': [3], '7': [1, 2] }]);
	});
});

describe('reading', () => {
	const name = fc.oneof(fc.constantFrom('loss', 'val/acc', 'val/*', '*', 'epoch', 'a.b'), fc.string({ minLength: 1 }));
	const definition: fc.Arbitrary<MetricDefinition> = fc.record(
		{
			name,
			step: fc.constantFrom('epoch', 'other', '_step'),
			stepSync: fc.boolean(),
			summary: fc.subarray([...SUMMARIES], { minLength: 1 }),
			goal: fc.constantFrom('minimize' as const, 'maximize' as const),
			hidden: fc.constant(true),
		},
		{ requiredKeys: ['name'] },
	);

	test('what was written comes back, with step metrics as metrics of their own', () => {
		fc.assert(
			fc.property(fc.uniqueArray(definition, { selector: (one) => one.name }), (definitions) => {
				const steps = new Set(definitions.flatMap(({ step }) => step ?? []));
				for (const known of definitions) steps.delete(known.name);
				const expected = definitions.map(({ stepSync, ...rest }) => (rest.step === undefined ? rest : { ...rest, stepSync: stepSync ?? true }));
				expect(decodeDefinitions(encodeDefinitions(definitions))).toEqual([...expected, ...[...steps].map((step) => ({ name: step }))]);
			}),
		);
	});

	test('anything else than a list of definitions is read as none, never thrown at', () => {
		fc.assert(fc.property(fc.jsonValue(), (value) => void decodeDefinitions(value as LineValue)));
		expect(decodeDefinitions(undefined)).toEqual([]);
		expect(decodeDefinitions([null, 1, [], {}, { 1: 2 }, { 1: 'a', 5: 9, 6: 'x', 7: [4, 7], 8: 3 }])).toEqual([{ name: 'a' }]);
	});

	test('a step metric may be named by its name, as older clients do', () => {
		expect(decodeDefinitions([{ 1: 'a', 4: 'epoch', 6: [1] }])).toEqual([{ name: 'a', step: 'epoch', stepSync: true }]);
	});
});

describe('definitions', () => {
	test('calls for one name are laid over each other, unless the later one overwrites', () => {
		const first = addDefinition([], { name: 'loss', step: 'epoch', hidden: true });
		expect(addDefinition(first, { name: 'loss', summary: ['min'] })).toEqual([{ name: 'loss', step: 'epoch', hidden: true, summary: ['min'] }]);
		expect(addDefinition(first, { name: 'loss', summary: ['min'], overwrite: true })).toEqual([{ name: 'loss', summary: ['min'] }]);
		expect(first).toEqual([{ name: 'loss', step: 'epoch', hidden: true }]);
	});

	test('a key’s own counts before globs, the longest glob before others, and none for the system’s keys', () => {
		const definitions = ['*', 'val/*', 'val/a*', 'val/acc'].map((one) => ({ name: one }));
		const found = (key: string) => definitionOf(definitions, key)?.name;
		expect(['val/acc', 'val/a', 'val/b', 'loss', '_step'].map(found)).toEqual(['val/acc', 'val/a*', 'val/*', '*', undefined]);
		expect(definitionOf([{ name: '_runtime' }], '_runtime')?.name).toBe('_runtime');
	});
});
