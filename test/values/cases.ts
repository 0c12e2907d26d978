import type { LineObject } from '../../src/core/json-line.ts';

/**
 * What becomes of each kind of value given to `run.log()`. docs/values.md is made from this list (scripts/docs/values.ts), and values.test.ts sends each case
 * all the way: what the documentation says is what was seen.
 */
export interface ValueCase {
	section: (typeof SECTIONS)[number];
	/** The argument of `log()`: an expression of JavaScript, run as it stands. */
	code: string;
	/** What the row then holds. */
	row: LineObject;
	/** The row in words, where it is too long to be shown. */
	rowInWords?: string;
	/** Keys that were left out, each with its reason. */
	left?: Record<string, string>;
	note?: string;
}

export const SECTIONS = [
	'Numbers',
	'Text, truth and nothing',
	'Objects and keys',
	'Lists',
	'Dates, wrappers and classes',
	'What cannot be read',
	'Too long, too deep',
] as const;

const TOO_LONG = 'a row holds at most 4000000 characters; log it in parts';
const TOO_DEEP = 'values nest deeper than 32, or contain themselves';
const RESERVED = 'every row has that of its own';
const noType = (type: string) => `a value of type ${type} cannot be logged`;
const noClass = (name: string) => `an object of class ${name} cannot be logged; log its numbers`;

const numbers: Omit<ValueCase, 'section'>[] = [
	{ code: '{ loss: 0.25, epoch: 3 }', row: { loss: 0.25, epoch: 3 } },
	{ code: '{ a: Infinity, b: -Infinity }', row: { a: Infinity, b: -Infinity } },
	{ code: '{ loss: NaN }', row: { loss: Number.NaN } },
	{ code: '{ a: -0 }', row: { a: -0 }, note: 'Keeps its sign.' },
	{
		code: '{ a: 2 ** 53, b: 1.7976931348623157e308, c: 5e-324 }',
		row: { a: 2 ** 53, b: 1.7976931348623157e308, c: 5e-324 },
		note: 'Whole numbers from 2^53 on are written with an exponent, so that digits alone are always exact.',
	},
	{ code: '{ n: 5n }', row: { n: 5 }, note: 'A BigInt up to 2^53 − 1 is a number like any other.' },
	{ code: '{ n: 2n ** 64n, m: -(10n ** 30n) }', row: { n: 2n ** 64n, m: -(10n ** 30n) }, note: 'Every digit is kept.' },
];

const text: Omit<ValueCase, 'section'>[] = [
	{ code: '{ ok: true, failed: false }', row: { ok: true, failed: false } },
	{ code: "{ phase: 'warm-up', empty: '', emoji: '🌊' }", row: { phase: 'warm-up', empty: '', emoji: '🌊' } },
	{ code: "{ text: 'a\\nb\\u0000c' }", row: { text: 'a\nb\u0000c' } },
	{
		code: "{ half: '\\ud83c' }",
		row: { half: '\ud83c' },
		note: 'Half a surrogate pair is kept: the line holds it as an escape.',
	},
	{ code: '{ a: null }', row: { a: null } },
	{ code: '{ a: undefined, b: 1 }', row: { b: 1 }, left: { a: noType('undefined') } },
];

const objects: Omit<ValueCase, 'section'>[] = [
	{ code: '{ val: { loss: 0.5, acc: { top1: 0.9 } } }', row: { 'val.loss': 0.5, 'val.acc.top1': 0.9 }, note: 'Nested keys are joined by dots.' },
	{ code: "{ 'a.b': 1 }", row: { 'a.b': 1 }, note: 'The same key as `{ a: { b: 1 } }`.' },
	{ code: "{ 'a.b': 1, a: { b: 2 } }", row: { 'a.b': 2 }, note: 'One key twice: the later value wins.' },
	{ code: "{ a: 1, 'a.b': 2 }", row: { a: 1, 'a.b': 2 }, note: 'Two keys.' },
	{ code: '{ a: {}, b: 1 }', row: { b: 1 }, note: 'An empty object holds no value.' },
	{ code: '{}', row: {}, note: 'An empty row; it counts as a step.' },
	{ code: "{ 'train/loss': 1, 'lr 🔥': 2, ' ': 3, '': 4 }", row: { 'train/loss': 1, 'lr 🔥': 2, ' ': 3, '': 4 } },
	{ code: "{ a: { '': 1 } }", row: { 'a.': 1 } },
	{ code: '{ 10: 1, 9: 2 }', row: { 9: 2, 10: 1 }, note: 'JavaScript itself sorts keys that are whole numbers.' },
	{
		code: "{ ['__proto__']: 1, constructor: 2, toString: 3, hasOwnProperty: 4, x: { ['__proto__']: 5 } }",
		row: Object.fromEntries([
			['__proto__', 1],
			['constructor', 2],
			['toString', 3],
			['hasOwnProperty', 4],
			['x.__proto__', 5],
		]),
		note: 'Keys like any other.',
	},
	{
		code: '{ _step: 7, _timestamp: 7, _runtime: 7, a: 1 }',
		row: { a: 1 },
		left: { _step: RESERVED, _timestamp: RESERVED, _runtime: RESERVED },
		note: 'Name a step with `log(values, { step: 7 })`.',
	},
	{ code: '{ x: { _step: 7 }, _mine: 1 }', row: { 'x._step': 7, _mine: 1 }, note: 'W&B’s pages hide keys that begin with `_`.' },
	{
		code: "{ h: { _type: 'histogram', values: [1, 2], bins: [0, 1, 2] } }",
		row: { h: { _type: 'histogram', values: [1, 2], bins: [0, 1, 2] } },
		note: 'An object with `_type` is one value, not taken apart.',
	},
	{
		code: "{ m: { _type: 'mine', media: 'image', isList: false, items: [] } }",
		row: { m: { _type: 'mine', media: 'image', isList: false, items: [] } },
	},
	{ code: '{ o: Object.assign(Object.create(null), { a: 1 }) }', row: { 'o.a': 1 } },
	{ code: "{ a: 1, [Symbol('s')]: 2 }", row: { a: 1 }, note: 'Keys that are symbols are no keys of a row, and are not counted as left out.' },
	{
		code: '{ a: Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } }) }',
		row: {},
		left: { a: noClass('Object') },
		note: 'Only plain objects are taken apart.',
	},
	{ code: '(() => { const shared = { n: 1 }; return { a: shared, b: shared }; })()', row: { 'a.n': 1, 'b.n': 1 } },
	{
		code: "Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => ['k' + i, i]))",
		row: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])),
		rowInWords: 'all 100,000 keys',
	},
];

const lists: Omit<ValueCase, 'section'>[] = [
	{
		code: "{ a: [1, NaN, -0, 'x', true, null, [2n ** 70n]] }",
		row: { a: [1, Number.NaN, -0, 'x', true, null, [2n ** 70n]] },
		note: 'A list is one value.',
	},
	{ code: '{ a: [] }', row: { a: [] } },
	{ code: '{ a: [{ x: 1, y: { z: 2 } }] }', row: { a: [{ x: 1, y: { z: 2 } }] }, note: 'Objects inside lists stay objects.' },
	{ code: '{ a: [1, undefined, 2] }', row: { a: [1, null, 2] } },
	{ code: '{ a: [1, , 2] }', row: { a: [1, null, 2] }, note: 'Holes of sparse lists become null.' },
	{ code: '{ a: [{ x: undefined, y: 1 }] }', row: { a: [{ y: 1 }] }, note: 'As in JSON.' },
	{ code: '{ a: new Float32Array([0.5, NaN, -0]) }', row: { a: [0.5, Number.NaN, -0] } },
	{
		code: '{ a: new Uint8ClampedArray([1, 300]), b: new Float64Array(2), c: new Int16Array(0) }',
		row: { a: [1, 255], b: [0, 0], c: [] },
	},
	{ code: '{ a: new BigInt64Array([1n, 2n ** 62n]), b: new BigUint64Array([2n ** 64n - 1n]) }', row: { a: [1, 2n ** 62n], b: [2n ** 64n - 1n] } },
	{
		code: '{ a: [1, () => 2], b: 3 }',
		row: { b: 3 },
		left: { a: noType('function') },
		note: 'A list with something that cannot be kept is left out as a whole.',
	},
	{ code: '{ a: new ArrayBuffer(8), b: new DataView(new ArrayBuffer(8)) }', row: {}, left: { a: noClass('ArrayBuffer'), b: noClass('DataView') } },
	{ code: '{ a: [Infinity], b: new Array(3) }', row: { a: [Infinity], b: [null, null, null] } },
];

const classes: Omit<ValueCase, 'section'>[] = [
	{ code: '{ at: new Date(0) }', row: { at: '1970-01-01T00:00:00.000Z' } },
	{ code: '{ at: new Date(NaN) }', row: { at: null } },
	{ code: "{ n: new Number(1), s: new String('x'), b: new Boolean(false) }", row: { n: 1, s: 'x', b: false } },
	{ code: '{ n: Object(1n), s: Object(Symbol()) }', row: {}, left: { n: noClass('BigInt'), s: noClass('Symbol') } },
	{ code: '{ n: Object.assign(new Number(1), { valueOf: () => () => 2 }) }', row: {}, left: { n: noType('function') } },
	{ code: "{ at: Object.assign(new Date(0), { toISOString: () => Symbol('x') }) }", row: {}, left: { at: noType('symbol') } },
	{
		code: '{ f: () => 1, s: Symbol(), g: function* () {}, c: class {}, n: 1 }',
		row: { n: 1 },
		left: { f: noType('function'), s: noType('symbol'), g: noType('function'), c: noType('function') },
	},
	{
		code: '{ m: new Map([[1, 2]]), s: new Set([1]), w: new WeakMap() }',
		row: {},
		left: { m: noClass('Map'), s: noClass('Set'), w: noClass('WeakMap') },
	},
	{ code: '{ p: new (class Point { x = 1; })() }', row: {}, left: { p: noClass('Point') } },
	{
		code: 'new (class Point { x = 1; get y() { return 2; } })()',
		row: { x: 1 },
		note: 'What is given to `log()` itself may be of any class; its own properties are read.',
	},
	{ code: 'new Map([[1, 2]])', row: {}, note: 'A Map has no properties of its own: an empty row.' },
	{
		code: '{ p: Promise.resolve(1), r: /x/, e: new Error("x"), u: new URL("http://x") }',
		row: {},
		left: { p: noClass('Promise'), r: noClass('RegExp'), e: noClass('Error'), u: noClass('URL') },
	},
];

const unreadable: Omit<ValueCase, 'section'>[] = [
	{ code: '{ get a() { throw new Error("not yet"); }, b: 1 }', row: { b: 1 }, left: { a: 'not yet' } },
	{
		code: '{ get a() { throw undefined; }, get b() { throw Symbol("s"); }, get c() { throw Object.create(null); }, d: 1 }',
		row: { d: 1 },
		left: { a: 'undefined', b: 'Symbol(s)', c: 'it cannot be read' },
	},
	{
		code: '{ get a() { throw Object.assign(new Error(), { message: Symbol("m") }); }, get b() { throw new Proxy({}, { getPrototypeOf() { throw 1; } }); }, c: 1 }',
		row: { c: 1 },
		left: { a: 'Symbol(m)', b: 'it cannot be read' },
	},
	{ code: '{ x: { get a() { throw new Error("no"); }, b: 1 } }', row: { 'x.b': 1 }, left: { 'x.a': 'no' } },
	{ code: '{ p: new Proxy({ a: 1 }, {}) }', row: { 'p.a': 1 }, note: 'A proxy is read like what it stands for.' },
	{ code: '{ p: new Proxy({}, { ownKeys() { throw new Error("closed"); } }), b: { c: 1 } }', row: { 'b.c': 1 }, left: { p: 'closed' } },
	{
		code: '(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return { p: proxy, b: 1 }; })()',
		row: { b: 1 },
		left: { p: "Cannot perform 'IsArray' on a proxy that has been revoked" },
		note: 'The reason is in the words of the JavaScript engine.',
	},
	{
		code: 'new Proxy({}, { ownKeys() { throw new Error("closed"); } })',
		row: {},
		left: { '*': 'it cannot be read' },
		note: 'Nothing can be read: the row is empty, and counts as a step.',
	},
	{ code: '(() => { const loop = { a: 1 }; loop.self = loop; return { loop }; })()', row: { 'loop.a': 1 }, left: { 'loop.self': TOO_DEEP } },
	{ code: '(() => { const list = [1]; list.push(list); return { list, b: 1 }; })()', row: { b: 1 }, left: { list: TOO_DEEP } },
];

const large: Omit<ValueCase, 'section'>[] = [
	{ code: "{ text: 'x'.repeat(3_900_000), loss: NaN }", row: { text: 'x'.repeat(3_900_000), loss: Number.NaN }, rowInWords: 'both' },
	{
		code: "{ text: '\\u0001'.repeat(3_900_000), loss: Infinity }",
		row: { text: '\u0001'.repeat(3_900_000), loss: Infinity },
		rowInWords: 'both: 28 MB of a request',
	},
	{ code: "{ text: 'x'.repeat(10_000_000), loss: 1 }", row: { loss: 1 }, left: { text: TOO_LONG } },
	{
		code: '{ a: new Float64Array(150_000), b: 1 }',
		row: { a: Array.from({ length: 150_000 }, () => 0), b: 1 },
		rowInWords: 'both',
		note: 'A number counts as 20 characters.',
	},
	{ code: '{ a: new Uint8Array(50_000_000), b: 1 }', row: { b: 1 }, left: { a: TOO_LONG } },
	{ code: '(() => { const a = []; a.length = 2 ** 32 - 1; return { a, b: 1 }; })()', row: { b: 1 }, left: { a: TOO_LONG } },
	{ code: "{ ['k'.repeat(5_000_000)]: 1, b: 2 }", row: { b: 2 }, left: { ['k'.repeat(5_000_000)]: TOO_LONG } },
	{
		code: '(() => { let o = { n: 1 }; for (let i = 0; i < 30; i++) o = { d: o }; return o; })()',
		row: { [`${'d.'.repeat(30)}n`]: 1 },
		rowInWords: '31 keys, joined by dots',
	},
	{
		code: '(() => { let o = { n: 1 }; for (let i = 0; i < 40; i++) o = { d: o }; return { ...o, b: 1 }; })()',
		row: { b: 1 },
		left: { [`d${'.d'.repeat(32)}`]: TOO_DEEP },
	},
	{ code: '(() => { let a = [1]; for (let i = 0; i < 40; i++) a = [a]; return { a, b: 1 }; })()', row: { b: 1 }, left: { a: TOO_DEEP } },
	{
		code: '(() => { let a = [1]; for (let i = 0; i < 31; i++) a = [a, a]; return { a, b: 1 }; })()',
		row: { b: 1 },
		left: { a: TOO_LONG },
		note: 'Two thousand million numbers by 32 lists that share one another.',
	},
	{
		code: '(() => { let a = [1], o = { n: 1 }; for (let i = 0; i < 20; i++) [a, o] = [[a], { d: o }]; return { a, o }; })()',
		row: { a: JSON.parse(`${'['.repeat(21)}1${']'.repeat(21)}`), [`o.${'d.'.repeat(20)}n`]: 1 },
		rowInWords: 'both',
	},
];

const bySection = { numbers, text, objects, lists, classes, unreadable, large };

export const CASES: readonly ValueCase[] = Object.values(bySection).flatMap((cases, i) =>
	cases.map((one) => ({ section: SECTIONS[i] as ValueCase['section'], ...one })),
);
