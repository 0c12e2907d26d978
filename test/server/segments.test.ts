import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packColumns, unpackColumns } from '../../server/src/store/columns.ts';
import { TABLES } from '../../server/src/store/schema.ts';
import { Segments } from '../../server/src/store/segments.ts';

test('columns come back as they were, bit for bit', () => {
	fc.assert(
		fc.property(
			fc
				.integer({ min: 1, max: 40 })
				.chain((count) => fc.array(fc.array(fc.double(), { minLength: count, maxLength: count }), { minLength: 1, maxLength: 4 })),
			(columns) => {
				const back = unpackColumns(packColumns(columns), columns.length, columns[0]?.length ?? 0);
				expect(back.map((column) => [...column])).toEqual(columns);
			},
		),
	);
});

test('what counts up evenly takes no room, whatever its stride', () => {
	const bytes = packColumns([Array.from({ length: 1_000 }, (_, i) => 5 + i), Array.from({ length: 1_000 }, () => 0.1)]);
	expect(bytes.length).toBe(8 * 6);
	expect(unpackColumns(bytes, 2, 1_000)[0]?.[999]).toBe(1_004);
});

test('small appends become few blocks, in order within each, and lose nothing', () => {
	const sql = new DatabaseSync(':memory:');
	sql.exec(TABLES);
	const segments = new Segments(sql, 'points', 3);
	const tail = segments.tail(1, 2);
	let n = 0;
	for (let i = 0; i < 3_000; i++) {
		// Every tenth append goes back.
		const step = i % 10 === 9 ? i - 7 : i;
		segments.append(1, 2, i % 100 === 0 ? segments.tail(1, 2) : tail, [[step], [n++], [i / 3]]);
		if (i % 100 === 0) tail.splice(0, tail.length, ...segments.tail(1, 2));
	}
	const blocks = segments.read(1);
	expect(blocks.length).toBeLessThanOrEqual(12);
	for (const { columns } of blocks) expect([...(columns[0] as Float64Array)]).toEqual([...(columns[0] as Float64Array)].sort((a, b) => a - b));
	const ns = blocks.flatMap(({ columns }) => [...(columns[1] as Float64Array)]);
	expect(ns.sort((a, b) => a - b)).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
	expect(segments.heads(1).reduce((sum, { count }) => sum + count, 0)).toBe(3_000);
	sql.close();
});
