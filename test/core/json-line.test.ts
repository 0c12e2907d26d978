import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LineValue, parseLine, writeLine } from '../../src/core/json-line.ts';

test('bare NaN and infinities are read, and the same words inside text stay text', () => {
	expect(parseLine('{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN, Infinity", "\\"NaN": 1}')).toEqual({
		a: Number.NaN,
		b: [-Infinity, Infinity],
		c: 'NaN, Infinity',
		'"NaN': 1,
	});
});

test('an integer beyond 2^53 comes as bigint, one within it as number', () => {
	expect(parseLine('[9007199254740993, -9007199254740993, 9007199254740991, 1.2345678901234567890, 12345678901234567e3]')).toEqual([
		9007199254740993n,
		-9007199254740993n,
		9007199254740991,
		1.2345678901234567,
		12345678901234567e3,
	]);
});

test('minus zero keeps its sign', () => {
	expect(Object.is(parseLine(writeLine(-0)), -0)).toBe(true);
});

test('text that is not JSON is refused', () => {
	for (const text of ['{"a": nan}', '{"a": Infinityy}', '', '{', '{"a": NaN']) expect(() => parseLine(text)).toThrow(SyntaxError);
});

test('what is written is read back as it was, and written again as the same bytes', () => {
	const leaf = fc.oneof(
		fc.double(),
		fc.integer(),
		fc.bigInt().filter((n) => n > 2n ** 53n || n < -(2n ** 53n)),
		fc.string(),
		fc.boolean(),
		fc.constant(null),
		fc.constantFrom('\u0000tidelog:NaN', 'NaN', '"', '\\', '\u2028'),
	);
	const { value } = fc.letrec((tie) => ({
		value: fc.oneof(
			{ maxDepth: 4 },
			leaf,
			fc.array(tie('value')),
			fc.dictionary(
				fc.oneof(fc.string(), fc.constant('\u0000tidelog:NaN')).filter((key) => key !== '__proto__'),
				tie('value'),
			),
		),
	}));
	fc.assert(
		fc.property(value as fc.Arbitrary<LineValue>, (logged) => {
			const line = writeLine(logged);
			const read = parseLine(line);
			expect(read).toEqual(logged);
			expect(writeLine(read)).toBe(line);
		}),
		{ numRuns: 2000 },
	);
});
