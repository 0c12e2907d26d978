import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LineObject, LineValue } from '../../src/core/json-line.ts';
import { addEdit, applyEdit, type Edit, foldEdits, type PlacedEdit } from '../../src/core/meta.ts';

const key = fc.constantFrom('a', 'b', '__proto__');
const value = fc.oneof(fc.integer(), fc.constantFrom<LineValue>(null, [1], {}, { b: 1, c: { a: 2 } }));
const edit: fc.Arbitrary<Edit> = fc.oneof(
	fc.tuple(fc.array(key, { minLength: 1, maxLength: 3 }), value),
	fc.tuple(fc.array(key, { minLength: 1, maxLength: 3 })),
) as fc.Arbitrary<Edit>;

/** Records with some edits each. Two writers started in the same millisecond. */
const records = fc
	.array(fc.record({ writer: fc.constantFrom('w0', 'w1', 'w2'), edits: fc.array(edit, { minLength: 1, maxLength: 3 }) }), { maxLength: 12 })
	.map((list) => list.map(({ writer, edits }, n) => edits.map((one): PlacedEdit => ({ writer, n, startedMs: writer === 'w2' ? 5 : 9, edit: one }))));

const addAll = (list: PlacedEdit[][]) => list.flat().reduce(addEdit, [] as PlacedEdit[]);

test('records in any order, some twice, come to the same object', () => {
	fc.assert(
		fc.property(
			records.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: 2 * list.length }))),
			([list, shuffled]) => {
				expect(foldEdits(addAll(shuffled))).toEqual(foldEdits(addAll(list)));
			},
		),
	);
});

test('what they come to is what the edits do one after the other, in the order of writers and numbers', () => {
	fc.assert(
		fc.property(records, (list) => {
			const name = ({ startedMs, writer, n }: PlacedEdit) => `${startedMs} ${writer} ${String(n).padStart(9, '0')}`;
			const sorted = list.flat().sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
			// Of edits of one path the last counts; those above and below it stay.
			const counting = sorted.filter((one, i) => !sorted.slice(i + 1).some((later) => JSON.stringify(later.edit[0]) === JSON.stringify(one.edit[0])));
			const naive = counting.reduce((object, { edit: [path, ...set] }) => changed(object, path, set), {} as LineObject);
			expect(foldEdits(addAll(list))).toEqual(naive);
		}),
	);
});

function changed(object: LineObject, [first, ...below]: string[], set: LineValue[]): LineObject {
	const members = new Map(Object.entries(object));
	const inner = members.get(first as string);
	const isObject = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
	if (below.length > 0) {
		if (isObject || set.length > 0) members.set(first as string, changed(isObject ? inner : {}, below, set));
	} else if (set.length > 0) members.set(first as string, set[0] as LineValue);
	else members.delete(first as string);
	return Object.fromEntries(members);
}

describe('edits', () => {
	const at = (n: number, ...[path, ...set]: Edit): PlacedEdit => ({ startedMs: 0, writer: 'w', n, edit: [path, ...set] as Edit });

	test('one a path is kept, and an older one never comes back', () => {
		const edits = [at(0, ['lr'], 1), at(2, ['lr'], 3), at(1, ['lr'], 2)].reduce(addEdit, [] as PlacedEdit[]);
		expect(edits).toEqual([at(2, ['lr'], 3)]);
	});

	test('edits of one record are made in their order there', () => {
		const before = addEdit([], at(0, ['model', 'layers'], 1));
		const added = [at(1, ['model'], { name: 'small' }), at(1, ['model', 'layers'], 2)].reduce(addEdit, before);
		expect(foldEdits(added)).toEqual({ model: { name: 'small', layers: 2 } });
		const replaced = [at(1, ['model', 'layers'], 2), at(1, ['model'], { name: 'small' })].reduce(addEdit, before);
		expect(foldEdits(replaced)).toEqual({ model: { name: 'small' } });
	});

	test('they lie over what was there, and change nothing of it', () => {
		const base = { lr: 1, model: { layers: 2, name: 'a' } };
		const before = structuredClone(base);
		expect(foldEdits([at(0, ['model', 'layers'], 3), at(1, ['lr'])], base)).toEqual({ model: { layers: 3, name: 'a' } });
		expect(base).toEqual(before);
	});

	test('deleting below what is no object changes nothing; setting there makes one', () => {
		expect(applyEdit({ a: 1 }, [['a', 'b']])).toEqual({ a: 1 });
		expect(applyEdit({}, [['a', 'b']])).toEqual({});
		expect(applyEdit({ a: 1 }, [['a', 'b'], 2])).toEqual({ a: { b: 2 } });
	});

	test('the key __proto__ is a key like any other', () => {
		const object = foldEdits([at(0, ['__proto__', 'polluted'], 1)]);
		expect(Object.keys(object)).toEqual(['__proto__']);
		expect(({} as LineObject).polluted).toBeUndefined();
	});
});
