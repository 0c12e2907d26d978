import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chartEnd, chartStart, decodeChart, encodeSeries } from '../../src/core/chart-bytes.ts';
import type { Series } from '../../src/core/query.ts';

const doubles = (length: number) => fc.array(fc.double(), { minLength: length, maxLength: length }).map((values) => new Float64Array(values));
const wholes = (length: number) => fc.array(fc.nat(0xffffffff), { minLength: length, maxLength: length }).map((values) => new Uint32Array(values));
const anySeries: fc.Arbitrary<Series> = fc.nat(20).chain((n) => {
	const column = doubles(n);
	return fc.record({
		runId: fc.string({ unit: 'grapheme' }),
		key: fc.string({ unit: 'grapheme' }),
		points: fc.nat(),
		...{ firstX: column, x: column, min: column, max: column, mean: column, first: column, last: column, argMin: column, argMax: column },
		count: wholes(n),
		nonFinite: wholes(n),
		nonFiniteAt: fc.array(fc.record({ x: fc.nat(), value: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) })),
	});
});

function joined(parts: readonly Uint8Array[]): ArrayBuffer {
	const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const part of parts) {
		bytes.set(part, at);
		at += part.length;
	}
	return bytes.buffer;
}

test('series come out as they went in, and an answer that was cut off anywhere is told from a whole one', () => {
	fc.assert(
		fc.property(fc.array(anySeries, { maxLength: 4 }), fc.nat(), (all, cut) => {
			const whole = joined([chartStart(), ...all.map(encodeSeries), chartEnd()]);
			expect(decodeChart(whole)).toEqual(all);
			expect(whole.byteLength % 8).toBe(0);
			expect(() => decodeChart(whole.slice(0, cut % whole.byteLength))).toThrow(/^The chart (begins|ends)/);
		}),
	);
});
