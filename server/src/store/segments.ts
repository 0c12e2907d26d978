import type { DatabaseSync } from 'node:sqlite';
import { packColumns, unpackColumns } from './columns.ts';

/** Blocks are joined up to this many entries: a look-up of one step reads a whole block. */
const JOINED_ENTRIES = 4_096;

/** Where a block lies, without its body. */
export interface SegmentHead {
	id: number;
	count: number;
	/** Least and greatest value of the first column. */
	first: number;
	last: number;
}

/**
 * A table of columns that grow at their end, cut in blocks. What is appended becomes a block, joined with the blocks before it for as long as they
 * are no larger than it: so a value is written about log₂ 4,096 times at most, however small the appends, and an owner has few blocks.
 */
export class Segments {
	readonly #insert;
	readonly #remove;
	readonly #body;
	readonly #tail;
	readonly #heads;
	readonly #all;

	constructor(sql: DatabaseSync, table: 'stamps') {
		this.#insert = sql.prepare(`INSERT INTO ${table} (owner, count, first, last, body) VALUES (?, ?, ?, ?, ?)`);
		this.#remove = sql.prepare(`DELETE FROM ${table} WHERE id = ?`);
		this.#body = sql.prepare(`SELECT body FROM ${table} WHERE id = ?`);
		this.#tail = sql.prepare(`SELECT id, count FROM ${table} WHERE owner = ? ORDER BY id DESC LIMIT 16`);
		this.#heads = sql.prepare(`SELECT id, count, first, last FROM ${table} WHERE owner = ?`);
		this.#all = sql.prepare(`SELECT body FROM ${table} WHERE owner = ? ORDER BY id`);
	}

	append(owner: number, added: readonly number[][]): void {
		const tail = (this.#tail.all(owner) as { id: number; count: number }[]).reverse();
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
		const firsts = sorted[0] as Float64Array;
		this.#insert.run(owner, count, firsts[0] as number, firsts[count - 1] as number, packColumns(sorted));
	}

	/** Columns of all blocks of an owner, in the order in which they were written. */
	read(owner: number): Float64Array[][] {
		return (this.#all.all(owner) as { body: Uint8Array }[]).map(({ body }) => unpackColumns(body));
	}

	heads(owner: number): SegmentHead[] {
		return this.#heads.all(owner) as unknown as SegmentHead[];
	}

	columns({ id }: { id: number }): Float64Array[] {
		return unpackColumns((this.#body.get(id) as { body: Uint8Array }).body);
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
