import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GpuRow, SmiTable } from '../../agent/src/sampler/smi-table.ts';
import { SMI_OUTPUTS } from './smi-outputs.ts';

const readAll = (text: string) => {
	const table = new SmiTable();
	return text.split('\n').map((line) => table.read(line));
};

describe('nvidia-smi prints', () => {
	it.each(SMI_OUTPUTS)('$name ($origin)', ({ text, gpus, texts = [], invalidFields = [], dividedGpus = [] }) => {
		const lines = readAll(text);
		const rows = lines.flatMap((line) => (line.kind === 'row' ? [line.row] : []));
		const moments: Record<number, Record<string, number>>[] = [];
		let last = Number.POSITIVE_INFINITY;
		for (const { index, values } of rows) {
			if (index <= last) moments.push({});
			last = index;
			Object.assign(moments.at(-1) as object, { [index]: values });
		}
		expect(moments).toEqual(gpus);
		expect(lines.flatMap((line) => (line.kind === 'text' ? [line.text] : []))).toEqual(texts);
		expect(lines.flatMap((line) => (line.kind === 'invalid-field' ? [line.field] : []))).toEqual(invalidFields);
		expect(rows.filter(({ isDivided }) => isDivided).map(({ index }) => index)).toEqual(dividedGpus);
	});
});

const FIELDS = [
	['utilization.gpu', '%', 'gpu', 1],
	['temperature.gpu', '', 'temp', 1],
	['memory.used', 'MiB', 'memoryAllocatedBytes', 2 ** 20],
	['power.draw', 'W', 'powerWatts', 1],
	['clocks.current.sm', 'MHz', 'smClock', 1],
	['fan.speed', '%', 'fanSpeed', 1],
] as const;
const BAD = ['[N/A]', '[Not Supported]', '[Unknown Error]', 'ERR!', 'N/A', '', '?', '--', '1e5', 'Infinity', 'NaN', '0x10'];

it('a table in any order of columns is read as it was written; a bad cell is missing, never 0', () => {
	const column = fc.record({ field: fc.constantFrom(...FIELDS), cell: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(...BAD)) });
	fc.assert(
		fc.property(
			fc.uniqueArray(column, { selector: ({ field }) => field[0], minLength: 1 }),
			fc.nat({ max: 6 }),
			fc.boolean(),
			(columns, at, hasUnits) => {
				const place = at % (columns.length + 1);
				const header = columns.map(({ field: [name, unit] }) => (unit ? `${name} [${unit}]` : name));
				const cells = columns.map(({ field: [, unit], cell }) =>
					typeof cell === 'number' && (hasUnits || unit === 'MiB') && unit ? `${cell} ${unit}` : String(cell),
				);
				header.splice(place, 0, 'index');
				cells.splice(place, 0, '3');
				// A row whose last cell is empty has lost it with the white space behind: it is one cell short then.
				const [, line] = readAll(`${header.join(', ')}\n${cells.map((cell) => cell || '[N/A]').join(', ')}`);
				const row = (line as { row: GpuRow }).row;
				expect(row.values).toEqual(
					Object.fromEntries(columns.flatMap(({ field: [, , key, factor], cell }) => (typeof cell === 'number' ? [[key, cell * factor]] : []))),
				);
			},
		),
		{ numRuns: 500 },
	);
});

it('no text makes it throw, or gives a value that is no finite number', () => {
	const piece = fc.oneof(
		fc.string(),
		fc.constantFrom('index, utilization.gpu [%], temperature.gpu', '0, 5 %, 40', '0, ', ', , ', '"', '\u0000', ...BAD),
	);
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
			for (const line of readAll(pieces.join('\n'))) {
				if (line.kind !== 'row') continue;
				for (const value of Object.values(line.row.values)) expect(Number.isFinite(value)).toBe(true);
			}
		}),
		{ numRuns: 1000 },
	);
});
