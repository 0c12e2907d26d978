import { setImmediate } from 'node:timers/promises';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { type LineObject, type LineValue, writeLine } from '../../src/core/json-line.ts';
import { eachLeaf, STEP } from '../../src/core/keys.ts';

/** `json`: values of several types, lists, objects and integers beyond 2^53, as JSON text. */
type ColumnType = 'step' | 'number' | 'boolean' | 'text' | 'json';
type Columns = ReadonlyMap<string, ColumnType>;

/** Rows looked at before others get their turn. */
const ROWS_AT_ONCE = 500;
const CSV_CHARS = 65_536;
/** Of a row group in Parquet, which is held in memory. */
const GROUP_ROWS = 50_000;
const GROUP_CELLS = 500_000;

/**
 * A table with a column for each key of the rows. They are read twice: once to know the columns, once to write them; a key that comes for the first
 * time meanwhile is left out. Little is held in memory, and nothing is read ahead of the reader.
 */
export async function* csv(rows: () => Iterable<LineObject>): AsyncIterable<Uint8Array> {
	const columns = await columnsOf(rows());
	const encoder = new TextEncoder();
	let text = `${[...columns.keys()].map(quoted).join(',')}\r\n`;
	for (const row of rows()) {
		const cells = flat(row);
		text += `${[...columns.keys()].map((key) => csvCell(cells.get(key))).join(',')}\r\n`;
		if (text.length < CSV_CHARS) continue;
		yield encoder.encode(text);
		text = '';
	}
	yield encoder.encode(text);
}

/** The same table as Parquet: `_step` INT64, numbers DOUBLE, booleans BOOLEAN, text and JSON as UTF8; null where a row lacks the key. */
export async function* parquet(rows: () => Iterable<LineObject>): AsyncIterable<Uint8Array> {
	const columns = await columnsOf(rows());
	const writer = new ByteWriter();
	const schema = [...columns].map(([name, type]) => ({ name, repetition_type: 'OPTIONAL' as const, ...PARQUET_TYPES[type] }));
	const file = new ParquetWriter({ writer, schema: [{ name: 'root', num_children: schema.length }, ...schema] });
	const groupRows = Math.max(1, Math.min(GROUP_ROWS, Math.floor(GROUP_CELLS / Math.max(1, columns.size))));
	// The writer counts on in `offset`; `index` is the place in its buffer.
	const taken = () => {
		const bytes = new Uint8Array(writer.getBuffer());
		writer.index = 0;
		return bytes;
	};
	let group: ReadonlyMap<string, LineValue>[] = [];
	const write = async () => {
		const columnData = [...columns].map(([name, type]) => ({ name, data: group.map((cells) => parquetCell(cells.get(name), type)) }));
		await file.write({ columnData, rowGroupSize: group.length });
		group = [];
		return taken();
	};
	let count = 0;
	for (const row of rows()) {
		group.push(flat(row));
		if (group.length === groupRows) yield await write();
		else if (++count % ROWS_AT_ONCE === 0) await setImmediate();
	}
	if (group.length > 0) yield await write();
	file.finish();
	yield taken();
}

const PARQUET_TYPES = {
	step: { type: 'INT64' },
	number: { type: 'DOUBLE' },
	boolean: { type: 'BOOLEAN' },
	text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
	json: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
} as const;

async function columnsOf(rows: Iterable<LineObject>): Promise<Columns> {
	const columns = new Map<string, ColumnType>([[STEP, 'step']]);
	let count = 0;
	for (const row of rows) {
		for (const [key, value] of flat(row)) {
			if (key === STEP || value === null) continue;
			const type = typeOf(value);
			const known = columns.get(key);
			if (known === undefined) columns.set(key, type);
			else if (known !== type) columns.set(key, 'json');
		}
		if (++count % ROWS_AT_ONCE === 0) await setImmediate();
	}
	return columns;
}

function flat(row: LineObject): Map<string, LineValue> {
	const cells = new Map<string, LineValue>();
	eachLeaf(row, (key, value) => void cells.set(key, value));
	return cells;
}

function typeOf(value: LineValue): ColumnType {
	if (typeof value === 'number' || typeof value === 'boolean') return typeof value as 'number' | 'boolean';
	return typeof value === 'string' ? 'text' : 'json';
}

function parquetCell(value: LineValue | undefined, type: ColumnType): unknown {
	if (value === undefined || value === null) return null;
	if (type === 'step') return BigInt(value as number);
	return type === 'json' ? writeLine(value) : value;
}

/** RFC 4180. An empty text is `""`, nothing is nothing. */
function csvCell(value: LineValue | undefined): string {
	if (value === undefined || value === null) return '';
	if (typeof value === 'string') return quoted(value);
	return typeof value === 'object' ? quoted(writeLine(value)) : String(value);
}

function quoted(text: string): string {
	return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
