import { describe, expect, test } from 'vitest';
import { plainJson, readJson, readObject } from './json-reader.ts';

const read = (text: string) => readJson(text, { bareNumbers: true }).value;

describe('JSON is read', () => {
	test.each([
		['{"a": [1, -2.5e3, 0, "x\\n\\u00e9\\"", true, false, null], "b": {}}'],
		[' [ [ ] , { "" : "\\\\" } ] '],
		['"ends with a backslash \\\\"'],
		['-0.5E-2'],
	])('%j as JSON.parse reads it', (text) => {
		expect(read(text)).toEqual(JSON.parse(text));
	});

	test('with bare numbers where they may stand', () => {
		expect(read('[NaN,Infinity,-Infinity]')).toEqual([Number.NaN, Infinity, -Infinity]);
		expect(() => readJson('[-Infinity]', { bareNumbers: false })).toThrow('is not JSON: bare -Infinity');
	});

	test('with integers as they are, and names as they come', () => {
		expect(read('[9007199254740993,-9007199254740993,9007199254740993.0]')).toEqual([9007199254740993n, -9007199254740993n, 9007199254740992]);
		expect(Object.entries(readObject('{"__proto__":1}', { bareNumbers: true }).value)).toEqual([['__proto__', 1]]);
	});

	test('with the numbers of the outermost object as they are written', () => {
		const { literals } = readJson('{"a":1.0,"b":{"c":2},"d":"3","e": 1e1 }', { bareNumbers: true });
		expect([...literals]).toEqual([
			['a', '1.0'],
			['e', '1e1'],
		]);
	});

	test('even a string of many megabytes', () => {
		const text = 'é\\"'.repeat(4 * 2 ** 20);
		expect(read(`"${text}"`)).toBe('é"'.repeat(4 * 2 ** 20));
	});
});

test.each([
	['', /is not JSON \(at character 0\)/],
	['[01]', /expected ,/],
	['[.5]', /is not JSON \(at character 1\)/],
	['[1 2]', /expected ,/],
	['[1,]', /is not JSON \(at character 3\)/],
	['{"a" 1}', /expected :/],
	['{"a":1 "b":2}', /expected ,/],
	['{a:1}', /a member needs a name/],
	['{"a":1,}', /a member needs a name/],
	['"a', /a string has no end/],
	['"a\\"', /a string has no end/],
	['"a\tb"', /a control character in a string/],
	['"\\x41"', /an unknown escape in a string/],
	['1 1', /something follows the value/],
	['nul', /is not JSON/],
	['+1', /is not JSON/],
])('%j is no JSON', (text, why) => {
	expect(() => read(text)).toThrow(why);
	expect(() => JSON.parse(text)).toThrow();
});

test('what a double cannot say is handed back as text that any reader takes', () => {
	expect(plainJson({ a: [Number.NaN, -Infinity, 9007199254740993n, 'x"', null, true], b: {} })).toBe(
		'{"a":["NaN","-Infinity",9007199254740993,"x\\"",null,true],"b":{}}',
	);
});
