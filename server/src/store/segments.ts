import type { DatabaseSync } from 'node:sqlite';
import { packColumns, unpackColumns } from './columns.ts';

/** Blocks are joined up to this many entries: a look-up of one step reads a whole block. */
const JOINED_ENTRIES = 4_096;

/** A block as it is in memory. Entries are ordered by their first column, then by the second. */
export interface Segment {
	writer: number;
	columns: Float64Array[];
}

/** Where a block lies, without its body. */
export interface SegmentHead {
	id: number;
	writer: number;
	count: number;
	/** Least and greatest value of the first column. */
	first: number;
	last: number;
}

/** The last blocks of one owner and writer, oldest first: what is appended next is joined with them. */
export type Tail = { id: number; count: number }[];

/**
 * A table of columns that grow at their end, cut in blocks. What is appended becomes a block, joined with the blocks before it for as long as they
 * are no larger than it: so a value is written about log₂ 4,096 times at most, however small the appends, and an owner has few blocks.
 */
export class Segments {
	readonly #width: number;
	readonly #insert;
	readonly #remove;
	readonly #body;
	readonly #tail;
	readonly #heads;
	readonly #all;

	constructor(sql: DatabaseSync, table: 'points' | 'stamps', width: number) {
		this.#width = width;
		this.#insert = sql.prepare(`INSERT INTO ${table} (owner, writer, count, first, last, body) VALUES (?, ?, ?, ?, ?, ?)`);
		this.#remove = sql.prepare(`DELETE FROM ${table} WHERE id = ?`);
		this.#body = sql.prepare(`SELECT body FROM ${table} WHERE id = ?`);
		this.#tail = sql.prepare(`SELECT id, count FROM ${table} WHERE owner = ? AND writer = ? ORDER BY id DESC LIMIT 16`);
		this.#heads = sql.prepare(`SELECT id, writer, count, first, last FROM ${table} WHERE owner = ?`);
		this.#all = sql.prepare(`SELECT writer, count, body FROM ${table} WHERE owner = ? ORDER BY id`);
	}

	tail(owner: number, writer: number): Tail {
		return (this.#tail.all(owner, writer) as Tail).reverse();
	}

	/** Appends entries, and brings `tail` up to date. */
	append(owner: number, writer: number, tail: Tail, added: readonly number[][]): void {
		let columns: (number[] | Float64Array)[] = [...added];
		let count = added[0]?.length ?? 0;
		for (let last = tail.at(-1); last && last.count <= count && last.count + count <= JOINED_ENTRIES; last = tail.at(-1)) {
			const before = this.columns(last);
			columns = columns.map((column, i) => concat(before[i] as Float64Array, column));
			count += last.count;
			this.#remove.run(last.id);
			tail.pop();
		}
		const sorted = ordered(columns);
		const steps = sorted[0] as Float64Array;
		const { lastInsertRowid } = this.#insert.run(owner, writer, count, steps[0] as number, steps[count - 1] as number, packColumns(sorted));
		tail.push({ id: Number(lastInsertRowid), count });
	}

	/** All blocks of an owner, in the order in which they were written. */
	read(owner: number): Segment[] {
		return (this.#all.all(owner) as { writer: number; count: number; body: Uint8Array }[]).map(({ writer, count, body }) => ({
			writer,
			columns: unpackColumns(body, this.#width, count),
		}));
	}

	heads(owner: number): SegmentHead[] {
		return this.#heads.all(owner) as unknown as SegmentHead[];
	}

	columns({ id, count }: { id: number; count: number }): Float64Array[] {
		return unpackColumns((this.#body.get(id) as { body: Uint8Array }).body, this.#width, count);
	}
}

function concat(a: Float64Array, b: readonly number[] | Float64Array): Float64Array {
	const joined = new Float64Array(a.length + b.length);
	joined.set(a);
	joined.set(b, a.length);
	return joined;
}

/** The columns in order of the first, then the second. They nearly always are already. */
function ordered(columns: (number[] | Float64Array)[]): (number[] | Float64Array)[] {
	const [first, second] = columns as [number[], number[]];
	let isOrdered = true;
	for (let i = 1; i < first.length && isOrdered; i++) {
		const rise = (first[i] as number) - (first[i - 1] as number);
		isOrdered = rise > 0 || (rise === 0 && (second[i] as number) > (second[i - 1] as number));
	}
	if (isOrdered) return columns;
	const order = Array.from({ length: first.length }, (_, i) => i).sort(
		(a, b) => (first[a] as number) - (first[b] as number) || (second[a] as number) - (second[b] as number),
	);
	return columns.map((column) => Float64Array.from(order, (i) => column[i] as number));
}
