import type { DatabaseSync } from 'node:sqlite';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { packColumns, unpackColumns } from './columns.ts';

/** Lines of one file of a writer that lie beside each other, as they came in one request, or joined since. No two pieces overlap. */
export interface Piece {
	/** Raised with each piece of the database; a joined piece keeps the smallest. */
	id: number;
	writer: number;
	first: number;
	lines: string[];
	/** Of history lines of which some name no step: the step of each. */
	steps?: Float64Array;
}

/** How the text of a piece holds its lines. */
const NEWLINES = 0;
/** JSON list: a line may hold a newline, half a surrogate pair, which UTF-8 has no bytes for, or a NUL, at which SQLite ends a text. */
const JSON_LIST = 1;
/** Added when the text is packed by zstd. */
const PACKED = 2;

interface PieceRow {
	id: number;
	writer: number;
	first: number;
	count: number;
	form: number;
	steps: Uint8Array | null;
	body: string | Uint8Array;
}

type PieceHead = Pick<PieceRow, 'id' | 'first' | 'count'> & { file: string; size: number };

/** Pieces that are looked at together to be packed. */
const PACKED_TOGETHER = 1_000;
/** A joined piece grows up to this many characters: what is read to find one line. */
const JOINED_CHARACTERS = 128 * 1024;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const CACHED_PIECES = 32;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The truth: every line as it came. Requests append to it and are durable with it; all else about history can be made anew from it. */
export class LineLog {
	readonly #statements: ReturnType<typeof prepare>;
	/** Read last, by id. */
	readonly #cache = new Map<number, Piece>();

	constructor(sql: DatabaseSync) {
		this.#statements = prepare(sql);
	}

	/** Appends lines whose places are free. Returns the id of their piece. */
	append(writer: number, file: string, first: number, lines: readonly string[], steps?: readonly number[]): number {
		const { form, text } = encode(lines);
		const packedSteps = steps ? packColumns([steps]) : null;
		return Number(this.#statements.insert.run(writer, file, first, lines.length, text.length, form, packedSteps, text).lastInsertRowid);
	}

	/** The line, or undefined when it is not there. */
	at(writer: number, file: string, n: number): string | undefined {
		const piece = this.pieceAt(writer, file, n);
		return piece?.lines[n - piece.first];
	}

	/** The piece that has line n. */
	pieceAt(writer: number, file: string, n: number): Piece | undefined {
		const row = this.#statements.headAt.get(writer, file, n) as { id: number; first: number; count: number } | undefined;
		return row && n < row.first + row.count ? this.#piece(row.id) : undefined;
	}

	last(writer: number, file: string): string | undefined {
		const row = this.#statements.lastHead.get(writer, file) as { id: number } | undefined;
		return row && this.#piece(row.id)?.lines.at(-1);
	}

	/** Pieces that hold some of the lines from `from` to below `to`, ascending. One is read at a time, so no statement stays open while a reader waits. */
	*pieces(writer: number, file: string, from = 0, to = Number.POSITIVE_INFINITY): Iterable<Piece> {
		const before = this.#statements.headAt.get(writer, file, from) as { first: number } | undefined;
		let at = before?.first ?? from;
		for (;;) {
			const row = this.#statements.next.get(writer, file, at) as PieceRow | undefined;
			if (!row || row.first >= to) return;
			if (row.first + row.count > from) yield decode(row);
			at = row.first + row.count;
		}
	}

	/** Pieces of some writers' file that came after piece `id`, in the order in which they came. */
	*since(writers: readonly number[], file: string, id: number): Iterable<Piece> {
		const ids = writers.flatMap((writer) => (this.#statements.since.all(writer, file, id) as { id: number }[]).map((row) => row.id));
		for (const piece of ids.sort((a, b) => a - b)) yield decode(this.#statements.byId.get(piece) as unknown as PieceRow);
	}

	/** Puts lines in the place of those that are there, or where none are. */
	put(writer: number, file: string, first: number, lines: readonly string[]): void {
		const over = [...this.pieces(writer, file, first, first + lines.length)];
		for (const { id } of over) this.#remove(id);
		const before = over[0];
		const last = over.at(-1);
		const end = first + lines.length;
		const all = [
			...(before && before.first < first ? before.lines.slice(0, first - before.first) : []),
			...lines,
			...(last && last.first + last.lines.length > end ? last.lines.slice(end - last.first) : []),
		];
		this.append(writer, file, Math.min(first, before?.first ?? first), all);
	}

	/**
	 * Joins pieces of up to piece `upTo` that are not packed yet, and packs them, for a while. Returns whether there are more. Their steps are left out:
	 * ask the stamps.
	 */
	packSome(writer: number, upTo: number, isTimeUp: () => boolean): boolean {
		for (;;) {
			const rows = this.#statements.unpacked.all(writer, upTo) as unknown as PieceHead[];
			if (rows.length === 0) return false;
			let group: PieceHead[] = [];
			let size = 0;
			for (const row of rows) {
				const last = group.at(-1);
				if (last && (last.file !== row.file || last.first + last.count !== row.first || size + row.size > JOINED_CHARACTERS)) {
					this.#join(writer, group);
					if (isTimeUp()) return true;
					group = [];
					size = 0;
				}
				group.push(row);
				size += row.size;
			}
			this.#join(writer, group);
			if (isTimeUp()) return true;
		}
	}

	delete(writer: number): void {
		this.#statements.deleteOf.run(writer);
		this.#cache.clear();
	}

	#join(writer: number, group: readonly PieceHead[]): void {
		const { file, first } = group[0] as PieceHead;
		// A run that logs little now and then would else leave a small piece each time.
		const before = this.#statements.before.get(writer, file, first) as { id: number; first: number; count: number; size: number } | undefined;
		const size = group.reduce((sum, row) => sum + row.size, 0);
		const joins = before !== undefined && before.first + before.count === first && before.size + size <= JOINED_CHARACTERS;
		const all = joins ? [before, ...group] : group;
		const lines = all.flatMap(({ id }) => decode(this.#statements.byId.get(id) as unknown as PieceRow).lines);
		const { form, text } = encode(lines);
		const kept = all[0] as { id: number };
		for (const { id } of all.slice(1)) this.#remove(id);
		this.#statements.replace.run(lines.length, text.length, form + PACKED, zstdCompressSync(text, ZSTD), kept.id);
		this.#cache.delete(kept.id);
	}

	#remove(id: number): void {
		this.#statements.remove.run(id);
		this.#cache.delete(id);
	}

	#piece(id: number): Piece | undefined {
		const known = this.#cache.get(id);
		if (known) return known;
		const row = this.#statements.byId.get(id) as PieceRow | undefined;
		if (!row) return undefined;
		const piece = decode(row);
		if (this.#cache.size >= CACHED_PIECES) this.#cache.delete(this.#cache.keys().next().value as number);
		this.#cache.set(id, piece);
		return piece;
	}

	/** After a transaction that was taken back. */
	forget(): void {
		this.#cache.clear();
	}
}

/** Lines of one file, asked for in about the order in which they are stored. */
export class LineReader {
	readonly #log: LineLog;
	readonly #writer: number;
	readonly #file: string;
	#piece: Piece | undefined;

	constructor(log: LineLog, writer: number, file: string) {
		this.#log = log;
		this.#writer = writer;
		this.#file = file;
	}

	at(n: number): string | undefined {
		const held = this.#piece;
		if (held && n >= held.first && n < held.first + held.lines.length) return held.lines[n - held.first];
		const piece = this.#log.pieceAt(this.#writer, this.#file, n);
		this.#piece = piece ?? held;
		return piece?.lines[n - piece.first];
	}
}

function encode(lines: readonly string[]): { form: number; text: string } {
	const text = lines.join('\n');
	const newlines = lines.length - 1;
	let found = 0;
	for (let at = text.indexOf('\n'); at !== -1 && found <= newlines; at = text.indexOf('\n', at + 1)) found++;
	const isPlain = found === newlines && text.isWellFormed() && !text.includes('\0');
	return isPlain ? { form: NEWLINES, text } : { form: JSON_LIST, text: JSON.stringify(lines) };
}

function decode({ id, writer, first, form, steps, body }: PieceRow): Piece {
	const text = typeof body === 'string' ? body : decoder.decode(form & PACKED ? zstdDecompressSync(body) : body);
	const lines = form & JSON_LIST ? (JSON.parse(text) as string[]) : text.split('\n');
	return { id, writer, first, lines, ...(steps ? { steps: unpackColumns(steps)[0] as Float64Array } : {}) };
}

function prepare(sql: DatabaseSync) {
	const columns = 'id, writer, first, count, form, steps, body';
	return {
		insert: sql.prepare('INSERT INTO lines (writer, file, first, count, size, form, steps, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
		replace: sql.prepare('UPDATE lines SET count = ?, size = ?, form = ?, steps = NULL, body = ? WHERE id = ?'),
		remove: sql.prepare('DELETE FROM lines WHERE id = ?'),
		deleteOf: sql.prepare('DELETE FROM lines WHERE writer = ?'),
		byId: sql.prepare(`SELECT ${columns} FROM lines WHERE id = ?`),
		headAt: sql.prepare('SELECT id, first, count FROM lines WHERE writer = ? AND file = ? AND first <= ? ORDER BY first DESC LIMIT 1'),
		lastHead: sql.prepare('SELECT id FROM lines WHERE writer = ? AND file = ? ORDER BY first DESC LIMIT 1'),
		next: sql.prepare(`SELECT ${columns} FROM lines WHERE writer = ? AND file = ? AND first >= ? ORDER BY first LIMIT 1`),
		since: sql.prepare(`SELECT id FROM lines WHERE writer = ? AND file = ? AND id > ? AND form < ${PACKED}`),
		before: sql.prepare('SELECT id, first, count, size FROM lines WHERE writer = ? AND file = ? AND first < ? ORDER BY first DESC LIMIT 1'),
		unpacked: sql.prepare(
			`SELECT id, file, first, count, size FROM lines WHERE writer = ? AND id <= ? AND form < ${PACKED} ORDER BY file, first LIMIT ${PACKED_TOGETHER}`,
		),
	};
}
