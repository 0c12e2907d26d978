import { expect, test } from 'vitest';
import { extentY, nearestIndex, prepareLine } from '../../dashboard/src/charts/prepare.ts';
import { smooth } from '../../dashboard/src/charts/smoothing.ts';
import { linearTicks, logTicks } from '../../dashboard/src/charts/ticks.ts';
import { mediaItems, mediaTicks, pointAt } from '../../dashboard/src/media/media-items.ts';
import type { Series } from '../../src/core/query.ts';

const { NaN: gap } = Number;
const series = (y: number[], over: Partial<Series> = {}): Series => ({
	runId: 'r',
	key: 'k',
	points: y.length,
	...named(['firstX', 'x', 'argMin', 'argMax'], new Float64Array(y.keys())),
	...named(['min', 'max', 'mean', 'first', 'last'], new Float64Array(y)),
	count: new Uint32Array(y.length).fill(1),
	nonFinite: Uint32Array.from(y, (value) => (Number.isNaN(value) ? 1 : 0)),
	nonFiniteAt: [],
	...over,
});
function named<K extends string, V>(names: readonly K[], value: V): Record<K, V> {
	return Object.fromEntries(names.map((name) => [name, value])) as Record<K, V>;
}
const options = { colour: 0, isLive: false, smoothing: 0, range: 100, log: false, band: true };

test('smoothing of a constant is that constant, of weight 0 the values, and gaps stay gaps', () => {
	const x = [0, 1, 2, 3];
	for (const value of smooth(x, [5, 5, 5, 5], 0.9, 3)) expect(value).toBeCloseTo(5, 12);
	expect([...smooth(x, [1, gap, 3, 4], 0, 3)]).toEqual([1, gap, 3, 4]);
	const curve = smooth([0, 1, 2], [0, 10, 10], 0.6, 1000);
	expect(curve[0]).toBe(0);
	expect(curve[1]).toBeGreaterThan(0);
	expect(curve[2]).toBeGreaterThan(curve[1] as number);
	expect(curve[2]).toBeLessThan(10);
});

test('on a log axis a value that is not positive is marked, not moved', () => {
	const line = prepareLine(series([1, 0, -3, 10]), { ...options, log: true });
	expect([...(line.y as Float64Array)]).toEqual([1, gap, gap, 10]);
	expect(line.marks).toEqual([
		{ x: 1, value: 'low' },
		{ x: 2, value: 'low' },
	]);
});

test('what is not finite is marked and never stretches the axis; a band is drawn only where buckets hide points', () => {
	const line = prepareLine(series([1, gap, 2], { nonFiniteAt: [{ x: 1, value: Number.POSITIVE_INFINITY }] }), options);
	expect(line.marks).toEqual([{ x: 1, value: 'Infinity' }]);
	expect(line.nonFinite).toBe(1);
	expect(extentY([line], 0, 2)).toEqual([1, 2]);
	expect(line.band).toBeUndefined();
	expect(prepareLine(series([1, 2], { points: 2_000 }), options).band).toBeDefined();
});

test('ticks lie within their range at even distances, or at 1, 2 and 5 on a log axis', () => {
	const { ticks, step } = linearTicks(0.03, 0.97, 4);
	expect(ticks.length).toBeGreaterThan(1);
	for (const [i, tick] of ticks.entries()) if (i > 0) expect(tick - (ticks[i - 1] as number)).toBeCloseTo(step, 10);
	expect(ticks.every((tick) => tick >= 0.03 && tick <= 0.97)).toBe(true);
	expect(logTicks(0.1, 100, 4).every((tick) => tick >= 0.1 && tick <= 100)).toBe(true);
});

test('the crosshair finds the nearest point', () => {
	expect([-5, 0.4, 0.6, 9].map((x) => nearestIndex([0, 1, 2], x))).toEqual([0, 0, 1, 2]);
});

test('a list of images is taken apart, and one whose bytes have not come says so', () => {
	const value = { _type: 'images/separated', width: 28, height: 28, format: 'png', count: 2, filenames: ['a.png', 'b.png'], captions: ['7', ''] };
	const point = {
		step: 3,
		timeMs: 0,
		value,
		files: [
			{ path: 'a.png', isUploaded: true },
			{ path: 'b.png', isUploaded: false },
		],
	};
	expect(mediaItems('val/digits', point).map(({ path, caption, isUploaded, width }) => [path, caption, isUploaded, width])).toEqual([
		['a.png', '7', true, 28],
		['b.png', '', false, undefined],
	]);
	expect(pointAt([point], 2)).toBeUndefined();
	expect(pointAt([point], 9)).toBe(point);
	expect(mediaTicks([[point], [{ ...point, step: 5 }]])).toEqual([
		{ step: 3, isPartial: true },
		{ step: 5, isPartial: true },
	]);
});
