import { type LineObject, type LineValue, parseLine } from '../../../src/core/json-line.ts';
import { EMPTY_HASH, hashLines } from '../../../src/core/line-hash.ts';
import { CONSOLE_FILE, HISTORY_FILE, META_FILE } from '../../../src/core/protocol.ts';
import type { ChartRequest, MediaPoint, MetricInfo, Series } from '../../../src/core/query.ts';
import type { MetricFold } from '../../../src/core/summary.ts';
import { RequestError } from '../request-error.ts';
import type { Database } from './database.ts';
import { HistoryReader } from './history-reader.ts';
import type { AppendResult, HistoryStore, HistoryWrite, RunCounts, RunKey, StoredLine, StoredRow, WriterInfo } from './history-store.ts';
import { type IndexTables, prepareIndex } from './index-tables.ts';
import { RunIndex, type WriterEntry } from './run-index.ts';
import { ranks } from './series-values.ts';
import { lastLineAt, Stamps } from './stamps.ts';

/** How much is kept in memory of runs that are not written to at the moment. */
const MAX_INDEXES = 256;
const MAX_SERIES = 1_000_000;
/** Lines read at once for an export: as many as fit, at least one. */
const PAGE_CHARACTERS = 1_000_000;

/** Lines and their index in one SQLite database. Callers wrap what writes in a transaction. */
export class SqliteHistoryStore implements HistoryStore {
	readonly #sql: Database['sql'];
	readonly #tables: IndexTables;
	readonly #statements: ReturnType<typeof prepare>;
	readonly #reader: HistoryReader;
	/** By run and gen, least recently used first. */
	readonly #indexes = new Map<string, RunIndex>();

	constructor(database: Pick<Database, 'sql' | 'onRollback'>) {
		this.#sql = database.sql;
		this.#tables = prepareIndex(database.sql);
		this.#statements = prepare(database.sql);
		this.#reader = new HistoryReader(database.sql, this.#tables, (run) => this.#indexOf(run));
		database.onRollback(() => this.#indexes.clear());
	}

	append(run: RunKey, write: HistoryWrite): AppendResult {
		const index = this.#indexOf(run);
		const writer = index.writer(write.writer, write.startedMs);
		const result: AppendResult = { next: {}, hash: {}, conflicts: 0, namedFiles: new Set(), metaLines: [] };
		for (const file of write.files) this.#appendLines(index, writer, file, write.upTo !== undefined, result);
		index.flush(writer);
		writer.stored = Math.max(writer.stored, write.upTo ?? 0);
		writer.heardMs = Math.max(writer.heardMs, write.nowMs);
		this.#tables.saveWriter.run(writer.stored, writer.heardMs, result.conflicts, writer.id);
		for (const [file, { next, hash }] of [[HISTORY_FILE, { next: 0, hash: EMPTY_HASH }] as const, ...writer.cursors]) {
			result.next[file] = next;
			result.hash[file] = hash;
		}
		return result;
	}

	/** Makes the index anew from the lines of a writer. Only for tables that are empty but for lines and cursors. */
	reindex(run: RunKey, writerName: string): void {
		const index = this.#indexOf(run);
		const writer = index.writer(writerName, 0);
		for (const page of this.#pages(writer.id, HISTORY_FILE)) {
			// Format 1 also took lines that are no objects, for rows without values.
			for (const { idx, text } of page) index.add(writer, idx, isObject(parseLine(text)) ? toObject(text) : {}, new Set());
			index.flush(writer);
		}
		for (const [file, cursor] of writer.cursors) {
			if (writerName !== '') cursor.hash = EMPTY_HASH;
			for (const page of writerName === '' ? [] : this.#pages(writer.id, file)) {
				cursor.hash = hashLines(
					cursor.hash,
					page.map(({ text }) => text),
				);
			}
			this.#tables.saveCursor.run(writer.id, file, cursor.next, cursor.hash);
		}
	}

	chart(runs: readonly RunKey[], request: ChartRequest): Series[] {
		return this.#reader.chart(runs, request);
	}

	metrics(runs: readonly RunKey[]): MetricInfo[] {
		return this.#reader.metrics(runs);
	}

	media(run: RunKey, key: string): Omit<MediaPoint, 'files'>[] {
		return this.#reader.media(run, key);
	}

	folds(run: RunKey): [key: string, fold: MetricFold][] {
		return this.#reader.folds(run);
	}

	counts(run: RunKey): RunCounts {
		const { counts, writers } = this.#indexOf(run);
		let stored = 0;
		for (const writer of writers.values()) stored += Math.max(writer.stored, writer.cursors.get(HISTORY_FILE)?.next ?? 0);
		return { ...counts, stored };
	}

	writers(run: RunKey): WriterInfo[] {
		return this.#sorted(run).map(({ name, startedMs, heardMs, cursors }) => ({
			name,
			startedMs,
			heardMs,
			hasLines: [...cursors.values()].some(({ next }) => next > 0),
		}));
	}

	*lines(run: RunKey, file: string): Iterable<StoredLine> {
		for (const writer of this.#sorted(run)) {
			const stamps = file === HISTORY_FILE ? new Stamps(this.#tables.stamps, writer.id) : undefined;
			for (const page of this.#pages(writer.id, file)) {
				for (const { idx, text } of page) {
					const step = stamps?.stepAt(idx);
					yield { writer: writer.name, n: idx, line: text, ...(step === undefined ? {} : { step }) };
				}
			}
		}
	}

	*rows(run: RunKey): Iterable<StoredRow> {
		const writers = this.#sorted(run).map(({ id }) => ({ id, stamps: new Stamps(this.#tables.stamps, id) }));
		const places = writers.flatMap(({ stamps }, writer) => Array.from(stamps.ns, (n, i) => ({ step: stamps.steps[i] as number, writer, n })));
		places.sort((a, b) => a.step - b.step || a.writer - b.writer || a.n - b.n);
		let row: StoredRow | undefined;
		for (const { step, writer, n } of places) {
			if (row && row.step !== step) {
				yield row;
				row = undefined;
			}
			// The run may be deleted while somebody still reads it.
			const line = this.#tables.line.get(writers[writer]?.id as number, HISTORY_FILE, n) as { text: string } | undefined;
			if (!line) return;
			row ??= { step, lines: [] };
			row.lines.push(line.text);
		}
		if (row) yield row;
	}

	lineCount(run: RunKey, file: string): number {
		return this.#indexOf(run).writers.get('')?.cursors.get(file)?.next ?? 0;
	}

	lastRecord(run: RunKey): { step: number; line: string } | undefined {
		const step = this.#indexOf(run).counts.lastStep;
		for (const { id } of this.#sorted(run).reverse()) {
			const n = lastLineAt(this.#tables.stamps, id, step);
			if (n !== undefined) return { step, line: (this.#tables.line.get(id, HISTORY_FILE, n) as { text: string }).text };
		}
		return undefined;
	}

	lastLines(run: RunKey, file: string): string[] {
		return this.#sorted(run).flatMap(({ id }) => (this.#statements.lastLine.get(id, file) as { text: string } | undefined)?.text ?? []);
	}

	deleteRun(run: RunKey): void {
		for (const sql of [
			'DELETE FROM lines WHERE writer IN (SELECT id FROM writers WHERE run = ?)',
			'DELETE FROM cursors WHERE writer IN (SELECT id FROM writers WHERE run = ?)',
			'DELETE FROM stamps WHERE owner IN (SELECT id FROM writers WHERE run = ?)',
			'DELETE FROM points WHERE owner IN (SELECT id FROM series WHERE run = ?)',
			'DELETE FROM objects WHERE series IN (SELECT id FROM series WHERE run = ?)',
			'DELETE FROM series WHERE run = ?',
			'DELETE FROM counts WHERE run = ?',
			'DELETE FROM writers WHERE run = ?',
		]) {
			this.#sql.prepare(sql).run(run.id);
		}
		for (const key of this.#indexes.keys()) if (key.startsWith(`${run.id}.`)) this.#indexes.delete(key);
	}

	#appendLines(index: RunIndex, writer: WriterEntry, file: HistoryWrite['files'][number], isRecords: boolean, result: AppendResult): void {
		const cursor = writer.cursors.get(file.name) ?? { next: 0, hash: isRecords ? EMPTY_HASH : '' };
		const known = cursor.next;
		if (isRecords && file.offset > known) return;
		const isRewritable = !isRecords && file.name === CONSOLE_FILE;
		const { addLine, putLine } = this.#statements;
		for (const [i, text] of file.lines.entries()) {
			const n = file.offset + i;
			if (isRewritable) {
				putLine.run(writer.id, file.name, n, text);
				continue;
			}
			if (n < known) {
				const stored = this.#tables.line.get(writer.id, file.name, n) as { text: string } | undefined;
				if (stored) {
					if (stored.text !== text) result.conflicts++;
					continue;
				}
			}
			addLine.run(writer.id, file.name, n, text);
			// A line that is no JSON object refuses the request, and the transaction takes the rest back.
			if (file.name === HISTORY_FILE) index.add(writer, n, toObject(text), result.namedFiles);
			else if (file.name === META_FILE && isRecords) result.metaLines.push({ place: index.placeOf(writer.id, n), line: toObject(text) });
		}
		const next = Math.max(known, file.offset + file.lines.length);
		if (isRecords && next > known) cursor.hash = hashLines(cursor.hash, known === file.offset ? file.lines : file.lines.slice(known - file.offset));
		cursor.next = next;
		writer.cursors.set(file.name, cursor);
		this.#tables.saveCursor.run(writer.id, file.name, next, cursor.hash);
	}

	#indexOf(run: RunKey): RunIndex {
		const key = `${run.id}.${run.gen}`;
		const known = this.#indexes.get(key);
		if (known) this.#indexes.delete(key);
		const index = known ?? new RunIndex(this.#tables, run.id, run.gen);
		this.#indexes.set(key, index);
		if (!known) this.#forgetOthers();
		return index;
	}

	#forgetOthers(): void {
		let series = 0;
		for (const { size } of this.#indexes.values()) series += size;
		for (const [key, { size }] of this.#indexes) {
			if (this.#indexes.size === 1 || (this.#indexes.size <= MAX_INDEXES && series <= MAX_SERIES)) return;
			this.#indexes.delete(key);
			series -= size;
		}
	}

	/** Writers by when they started, then by name. */
	#sorted(run: RunKey): WriterEntry[] {
		const { writers, placeOf } = this.#indexOf(run);
		const byId = new Map([...writers.values()].map((writer) => [writer.id, writer]));
		return [...ranks(byId.keys(), placeOf).keys()].map((id) => byId.get(id) as WriterEntry);
	}

	/** Read page by page, so that no statement stays open while the reader waits and others write. */
	*#pages(writer: number, file: string): Iterable<{ idx: number; text: string }[]> {
		for (let from = 0; ; ) {
			const page: { idx: number; text: string }[] = [];
			let characters = 0;
			for (const row of this.#statements.linesFrom.iterate(writer, file, from) as Iterable<{ idx: number; text: string }>) {
				page.push(row);
				characters += row.text.length;
				if (characters > PAGE_CHARACTERS) break;
			}
			const last = page.at(-1);
			if (!last) return;
			yield page;
			from = last.idx + 1;
		}
	}
}

function toObject(text: string): LineObject {
	let value: LineValue;
	try {
		value = parseLine(text);
	} catch (error) {
		throw new RequestError(400, `A line is not JSON (${error instanceof Error ? error.message : String(error)}).`);
	}
	if (!isObject(value)) throw new RequestError(400, 'A line must be a JSON object.');
	return value;
}

function isObject(value: LineValue): value is LineObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function prepare(sql: Database['sql']) {
	return {
		addLine: sql.prepare('INSERT INTO lines (writer, file, idx, text) VALUES (?, ?, ?, ?)'),
		putLine: sql.prepare('INSERT INTO lines (writer, file, idx, text) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text'),
		linesFrom: sql.prepare('SELECT idx, text FROM lines WHERE writer = ? AND file = ? AND idx >= ? ORDER BY idx LIMIT 2000'),
		lastLine: sql.prepare('SELECT text FROM lines WHERE writer = ? AND file = ? ORDER BY idx DESC LIMIT 1'),
	};
}
