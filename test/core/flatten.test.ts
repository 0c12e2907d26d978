import { expect, test } from 'vitest';
import { flatten } from '../../src/core/flatten.ts';

const leaves = (data: Record<string, unknown>) => flatten(data, () => false);

test('nested objects become dotted keys; lists, dates, typed arrays and bigints are values', () => {
	const { leaves: found, refused } = leaves({
		a: { b: 1, c: { d: true } },
		list: [1, [2]],
		at: new Date(0),
		pixels: new Float32Array([0.5]),
		big: 2n ** 60n,
		none: null,
	});
	expect(found).toEqual([
		{ key: 'a.b', value: 1 },
		{ key: 'a.c.d', value: true },
		{ key: 'list', value: [1, [2]] },
		{ key: 'at', value: '1970-01-01T00:00:00.000Z' },
		{ key: 'pixels', value: [0.5] },
		{ key: 'big', value: 2n ** 60n },
		{ key: 'none', value: null },
	]);
	expect(refused).toEqual([]);
});

test('what cannot be kept is left out with its reason, and the rest stays', () => {
	const loop: Record<string, unknown> = { fine: 1 };
	loop.self = loop;
	const thrower = {
		get bad(): number {
			throw new Error('no');
		},
		good: 2,
	};
	const { leaves: found, refused } = leaves({ f: () => 1, s: Symbol('s'), u: undefined, m: new Map(), thrower, x: 1 });
	expect(found).toEqual([
		{ key: 'thrower.good', value: 2 },
		{ key: 'x', value: 1 },
	]);
	expect(refused.map(({ key }) => key)).toEqual(['f', 's', 'u', 'm', 'thrower.bad']);
	const cyclic = leaves({ loop, list: [loop] });
	expect(cyclic.refused.some(({ reason }) => reason.includes('contain themselves'))).toBe(true);
	expect(cyclic.leaves[0]).toEqual({ key: 'loop.fine', value: 1 });
});
