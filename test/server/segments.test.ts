import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packColumns, unpackColumns, unpackPlain } from '../../server/src/store/columns.ts';
import { TABLES } from '../../server/src/store/schema.ts';
import { Segments } from '../../server/src/store/segments.ts';

const anyNumber = fc.oneof(
	fc.double(),
	fc.float(),
	fc.integer(),
	fc.maxSafeInteger(),
	fc.nat(255),
	fc.constantFrom(-0, 0, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e300),
);

test('columns come back as they were, bit for bit, packed or not', () => {
	const shapes = fc.integer({ min: 0, max: 90 }).chain((count) => {
		const column = fc.oneof(
			fc.array(anyNumber, { minLength: count, maxLength: count }),
			fc.array(fc.float(), { minLength: count, maxLength: count }),
			fc.array(fc.integer(), { minLength: count, maxLength: count }),
			fc.array(fc.nat(70_000), { minLength: count, maxLength: count }),
			fc.tuple(fc.integer(), fc.integer()).map(([first, stride]) => Array.from({ length: count }, (_, i) => first + i * stride)),
		);
		return fc.array(column, { minLength: 1, maxLength: 4 });
	});
	fc.assert(
		fc.property(shapes, fc.boolean(), (columns, isPacked) => {
			const back = unpackColumns(packColumns(columns, isPacked));
			expect(back.map((column) => [...column])).toEqual(columns);
			// Anywhere in other bytes, into arrays that are longer and hold something else.
			const plain = Buffer.concat([Buffer.alloc(3), packColumns(columns, false), Buffer.alloc(5, 7)]);
			const count = columns[0]?.length ?? 0;
			const into = columns.map(() => new Float64Array(count + 2).fill(5));
			expect(unpackPlain(new DataView(plain.buffer, plain.byteOffset, plain.length), 3, into)).toBe(count);
			expect(into.map((column) => [...column])).toEqual(columns.map((column) => [...column, 5, 5]));
		}),
		{ numRuns: 500 },
	);
});

test('what counts up evenly takes no room, whatever its stride, and floats of 32 bits half of that of others', () => {
	const even = packColumns([Array.from({ length: 1_000 }, (_, i) => 5 + i), Array.from({ length: 1_000 }, () => 0.1)]);
	expect(even.length).toBeLessThan(64);
	expect(unpackColumns(even)[0]?.[999]).toBe(1_004);
	const floats = packColumns([Array.from({ length: 1_000 }, (_, i) => Math.fround(Math.sin(i)))], false);
	expect(floats.length).toBe(16 + 4_000);
});

test('a newer version is refused', () => {
	const bytes = packColumns([[1, 2]]);
	bytes[0] = 9;
	expect(() => unpackColumns(bytes)).toThrow(/newer release/);
	expect(() => unpackPlain(new DataView(bytes.buffer), 0, [])).toThrow(/newer release/);
});

test('small appends become few blocks, in order within each, and lose nothing', () => {
	const sql = new DatabaseSync(':memory:');
	sql.exec(TABLES);
	const segments = new Segments(sql, 'stamps');
	let n = 0;
	for (let i = 0; i < 3_000; i++) {
		// Every tenth append goes back.
		const step = i % 10 === 9 ? i - 7 : i;
		segments.append(1, [[step], [n++], [i / 3], [0]]);
	}
	const blocks = segments.read(1);
	expect(blocks.length).toBeLessThanOrEqual(12);
	for (const columns of blocks) expect([...(columns[0] as Float64Array)]).toEqual([...(columns[0] as Float64Array)].sort((a, b) => a - b));
	const ns = blocks.flatMap((columns) => [...(columns[1] as Float64Array)]);
	expect(ns.sort((a, b) => a - b)).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
	expect(segments.heads(1).reduce((sum, { count }) => sum + count, 0)).toBe(3_000);
	sql.close();
});
