import { type LineObject, type LineValue, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { eachLeaf, isInternalKey, RUNTIME, STEP, TIMESTAMP } from '../../../src/core/keys.ts';
import { HISTORY_FILE, SUMMARY_FILE } from '../../../src/core/protocol.ts';
import type { ChartRequest, MediaPoint, MetricInfo, Series } from '../../../src/core/query.ts';
import { isLaterValue, type RecordPlace } from '../../../src/core/summary.ts';
import { type Point, toSeries } from './buckets.ts';
import type { Database } from './database.ts';
import type { AppendResult, HistoryStore, HistoryWrite, RunCounts, StoredLine } from './history-store.ts';
import { namedFiles } from './media-files.ts';
import type { RunRow } from './meta-store.ts';

interface WriterRow {
	id: number;
	started_ms: number;
	summary: string;
	summary_up_to: number;
}

/** Lines and their index in one SQLite database. Callers wrap `append` in a transaction. */
export class SqliteHistoryStore implements HistoryStore {
	readonly #sql: Database['sql'];
	readonly #statements: ReturnType<typeof prepare>;

	constructor(database: Database) {
		this.#sql = database.sql;
		this.#statements = prepare(database.sql);
	}

	append(run: RunRow, write: HistoryWrite): AppendResult {
		const writer = this.#writer(run, write);
		const result: AppendResult = { next: {}, conflicts: 0, namedFiles: [] };
		for (const file of write.files) {
			if (file.name === SUMMARY_FILE) this.#setSummary(run, writer, write, file.lines.at(-1));
			else this.#appendLines(run, writer, write, file, result);
		}
		for (const row of this.#statements.cursors.all(writer.id) as { file: string; next: number }[]) result.next[row.file] = row.next;
		result.next[HISTORY_FILE] ??= 0;
		if (write.upTo !== undefined) this.#statements.setStored.run(write.upTo, writer.id);
		if (result.conflicts > 0) this.#statements.addConflicts.run(result.conflicts, writer.id);
		return result;
	}

	chart(runs: readonly RunRow[], { keys, x = 'step', range, buckets = 1000 }: ChartRequest): Series[] {
		const found: Series[] = [];
		for (const run of runs) {
			for (const key of keys) {
				const series = this.#statements.series.get(run.id, run.gen, key) as { id: number } | undefined;
				if (!series) continue;
				let points = this.#points(series.id, x, run);
				if (range) points = points.filter((point) => point.x >= range[0] && point.x <= range[1]);
				if (points.length > 0) found.push(toSeries(run.name, key, points, Math.max(10, Math.min(10_000, buckets))));
			}
		}
		return found;
	}

	metrics(runs: readonly RunRow[]): MetricInfo[] {
		const metrics = new Map<string, MetricInfo>();
		for (const run of runs) {
			for (const row of this.#statements.metrics.all(run.id, run.gen) as { key: string; is_number: number; json: string | null }[]) {
				const type = mediaType(row.json);
				const kind = row.is_number ? 'number' : type ? 'media' : 'other';
				const known = metrics.get(row.key);
				if (!known) metrics.set(row.key, { key: row.key, kind, ...(type && kind === 'media' ? { type } : {}), runs: 1 });
				else {
					known.runs++;
					if (kind === 'number') known.kind = 'number';
				}
			}
		}
		return [...metrics.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
	}

	media(run: RunRow, key: string): Omit<MediaPoint, 'files'>[] {
		const series = this.#statements.series.get(run.id, run.gen, key) as { id: number } | undefined;
		if (!series) return [];
		return (this.#statements.objects.all(series.id) as { step: number; json: string; time_ms: number }[])
			.map((row) => ({ step: row.step, timeMs: row.time_ms, value: parseLine(row.json) }))
			.filter(({ value }) => mediaType(value) !== undefined);
	}

	summary(run: RunRow): Record<string, LineValue> {
		if (run.sentSummary !== undefined) return flat(parseLine(run.sentSummary) as LineObject);
		const summary: Record<string, LineValue> = {};
		for (const row of this.#statements.summaries.all(run.id, run.gen) as { key: string; json: string }[]) summary[row.key] = parseLine(row.json);
		for (const row of this.#statements.writers.all(run.id, run.gen) as { summary: string }[])
			Object.assign(summary, flat(parseLine(row.summary) as LineObject));
		return summary;
	}

	counts(run: RunRow): RunCounts {
		const counts = this.#statements.counts.get(run.id, run.gen) as { records: number; last_step: number; hidden: number } | undefined;
		const { stored } = this.#statements.stored.get(run.id, run.gen) as { stored: number | null };
		const records = counts?.records ?? 0;
		return { records, stored: Math.max(stored ?? 0, records), lastStep: counts?.last_step ?? -1, hidden: counts?.hidden ?? 0 };
	}

	*lines(run: RunRow, file: string): Iterable<StoredLine> {
		for (const row of this.#statements.lines.iterate(run.id, run.gen, file) as Iterable<{ name: string; idx: number; text: string }>) {
			yield { writer: row.name, n: row.idx, line: row.text };
		}
	}

	*rows(run: RunRow): Iterable<string[]> {
		// Lines of a run nearly always come in order of step; what is late is sorted in by the index of steps kept in `places`.
		const places: { step: number; startedMs: number; n: number; writer: number }[] = [];
		for (const row of this.#statements.places.iterate(run.id, run.gen, HISTORY_FILE) as Iterable<{
			id: number;
			started_ms: number;
			idx: number;
			text: string;
		}>) {
			const step = (parseLine(row.text) as LineObject)[STEP];
			places.push({ step: typeof step === 'number' ? step : row.idx, startedMs: row.started_ms, n: row.idx, writer: row.id });
		}
		places.sort((a, b) => a.step - b.step || a.startedMs - b.startedMs || a.n - b.n);
		let open: string[] = [];
		let step = Number.NaN;
		for (const place of places) {
			if (place.step !== step && open.length > 0) {
				yield open;
				open = [];
			}
			step = place.step;
			open.push((this.#statements.line.get(place.writer, HISTORY_FILE, place.n) as { text: string }).text);
		}
		if (open.length > 0) yield open;
	}

	lineCount(run: RunRow, file: string): number {
		return (this.#statements.officialCount.get(run.id, run.gen, file) as { next: number } | undefined)?.next ?? 0;
	}

	lastLine(run: RunRow, file: string): string | undefined {
		return (this.#statements.officialLast.get(run.id, run.gen, file) as { text: string } | undefined)?.text;
	}

	deleteRun(run: RunRow): void {
		for (const sql of [
			'DELETE FROM lines WHERE writer IN (SELECT id FROM writers WHERE run = ?)',
			'DELETE FROM cursors WHERE writer IN (SELECT id FROM writers WHERE run = ?)',
			'DELETE FROM points WHERE series IN (SELECT id FROM series WHERE run = ?)',
			'DELETE FROM objects WHERE series IN (SELECT id FROM series WHERE run = ?)',
			'DELETE FROM series WHERE run = ?',
			'DELETE FROM summaries WHERE run = ?',
			'DELETE FROM counts WHERE run = ?',
			'DELETE FROM writers WHERE run = ?',
		]) {
			this.#sql.prepare(sql).run(run.id);
		}
	}

	#writer(run: RunRow, { writer, startedMs }: HistoryWrite): WriterRow {
		this.#statements.addWriter.run(run.id, run.gen, writer, startedMs);
		return this.#statements.writer.get(run.id, run.gen, writer) as unknown as WriterRow;
	}

	#setSummary(run: RunRow, writer: WriterRow, write: HistoryWrite, line: string | undefined): void {
		if (line === undefined) return;
		parseLine(line);
		if (write.upTo === undefined) this.#sql.prepare('UPDATE runs SET sent_summary = ? WHERE id = ?').run(line, run.id);
		else if (write.upTo >= writer.summary_up_to) this.#statements.setSummary.run(line, write.upTo, writer.id);
	}

	#appendLines(run: RunRow, writer: WriterRow, write: HistoryWrite, file: HistoryWrite['files'][number], result: AppendResult): void {
		const known = (this.#statements.cursor.get(writer.id, file.name) as { next: number } | undefined)?.next ?? 0;
		const isRecords = write.upTo !== undefined;
		if (isRecords && file.offset > known) return;
		const isRewritable = file.name === 'output.log';
		let added = 0;
		for (const [i, text] of file.lines.entries()) {
			const n = file.offset + i;
			if (isRewritable) {
				this.#statements.putLine.run(writer.id, file.name, n, text);
				continue;
			}
			if (n < known) {
				const stored = this.#statements.line.get(writer.id, file.name, n) as { text: string } | undefined;
				if (stored) {
					if (stored.text !== text) result.conflicts++;
					continue;
				}
			}
			// Parsed before it is stored: a line that is no JSON object refuses the request, and the transaction takes the rest back.
			const line = file.name === HISTORY_FILE ? (parseLine(text) as LineObject) : undefined;
			this.#statements.addLine.run(writer.id, file.name, n, text);
			if (line) {
				added++;
				this.#index(run, line, { startedMs: writer.started_ms, n }, result);
			}
		}
		const next = Math.max(known, file.offset + file.lines.length);
		this.#statements.setCursor.run(writer.id, file.name, next);
		if (added > 0) this.#statements.addRecords.run(run.id, run.gen, added, added);
	}

	#index(run: RunRow, line: LineObject, { startedMs, n }: Omit<RecordPlace, 'step'>, result: AppendResult): void {
		const step = typeof line[STEP] === 'number' ? line[STEP] : n;
		const timeMs = typeof line[TIMESTAMP] === 'number' ? 1000 * line[TIMESTAMP] : 0;
		const runtime = typeof line[RUNTIME] === 'number' ? line[RUNTIME] : 0;
		this.#statements.sawStep.run(run.id, run.gen, step, step);
		eachLeaf(line, (key, value) => {
			if (isInternalKey(key)) return;
			const series = this.#series(run, key);
			const place = { step, startedMs, n };
			const isNumber = typeof value === 'number' || typeof value === 'bigint';
			const wasThere = (isNumber ? this.#statements.point : this.#statements.object).get(series, step) !== undefined;
			if (wasThere) this.#statements.addHidden.run(run.id, run.gen);
			if (isNumber) this.#statements.putPoint.run(series, step, ...numberParts(Number(value)), timeMs, runtime, startedMs, n);
			else this.#statements.putObject.run(series, step, writeLine(value), timeMs, startedMs, n);
			this.#foldSummary(run, key, value, place);
			if (!isNumber) result.namedFiles.push(...namedFiles(value));
		});
	}

	#series(run: RunRow, key: string): number {
		const known = this.#statements.series.get(run.id, run.gen, key) as { id: number } | undefined;
		return known?.id ?? Number(this.#statements.addSeries.run(run.id, run.gen, key).lastInsertRowid);
	}

	#foldSummary(run: RunRow, key: string, value: LineValue, place: RecordPlace): void {
		const known = this.#statements.summary.get(run.id, run.gen, key) as { step: number; started_ms: number; n: number } | undefined;
		if (!isLaterValue(place, known && { step: known.step, startedMs: known.started_ms, n: known.n })) return;
		this.#statements.putSummary.run(run.id, run.gen, key, writeLine(value), place.step, place.startedMs, place.n);
	}

	#points(series: number, x: 'step' | 'runtime' | 'time', run: RunRow): Point[] {
		const rows = this.#statements.points.all(series) as { step: number; value: number; kind: number; time_ms: number; runtime: number }[];
		const points = rows.map(({ step, value, kind, time_ms, runtime }) => ({
			x: x === 'step' ? step : x === 'runtime' ? runtime : time_ms || run.createdMs,
			value,
			kind,
		}));
		return x === 'step' ? points : points.sort((a, b) => a.x - b.x);
	}
}

function numberParts(value: number): [number, number] {
	if (Number.isFinite(value)) return [value, 0];
	return [0, Number.isNaN(value) ? 1 : value > 0 ? 2 : 3];
}

function mediaType(value: LineValue | undefined): string | undefined {
	const object = typeof value === 'string' && value.startsWith('{') ? parseLine(value) : value;
	return typeof object === 'object' && object !== null && !Array.isArray(object) && typeof object._type === 'string' ? object._type : undefined;
}

function flat(object: LineObject): Record<string, LineValue> {
	const out: Record<string, LineValue> = {};
	eachLeaf(object, (key, value) => {
		if (!isInternalKey(key)) out[key] = value;
	});
	return out;
}

function prepare(sql: Database['sql']) {
	// (excluded.started_ms, excluded.n) is the place of the record at hand: the later one wins, whatever came first.
	const later = (table: string) => `(excluded.started_ms, excluded.n) >= (${table}.started_ms, ${table}.n)`;
	return {
		addWriter: sql.prepare('INSERT OR IGNORE INTO writers (run, gen, name, started_ms) VALUES (?, ?, ?, ?)'),
		writer: sql.prepare('SELECT id, started_ms, summary, summary_up_to FROM writers WHERE run = ? AND gen = ? AND name = ?'),
		writers: sql.prepare('SELECT summary FROM writers WHERE run = ? AND gen = ? ORDER BY started_ms, name'),
		stored: sql.prepare('SELECT SUM(stored) AS stored FROM writers WHERE run = ? AND gen = ?'),
		setStored: sql.prepare('UPDATE writers SET stored = MAX(stored, CAST(? AS INTEGER)) WHERE id = ?'),
		setSummary: sql.prepare('UPDATE writers SET summary = ?, summary_up_to = ? WHERE id = ?'),
		addConflicts: sql.prepare('UPDATE writers SET conflicts = conflicts + CAST(? AS INTEGER) WHERE id = ?'),
		cursor: sql.prepare('SELECT next FROM cursors WHERE writer = ? AND file = ?'),
		cursors: sql.prepare('SELECT file, next FROM cursors WHERE writer = ?'),
		setCursor: sql.prepare('INSERT INTO cursors VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next'),
		line: sql.prepare('SELECT text FROM lines WHERE writer = ? AND file = ? AND idx = ?'),
		addLine: sql.prepare('INSERT INTO lines VALUES (?, ?, ?, ?)'),
		putLine: sql.prepare('INSERT INTO lines VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text'),
		lines: sql.prepare(
			'SELECT writers.name, idx, text FROM writers JOIN lines ON lines.writer = writers.id WHERE run = ? AND gen = ? AND file = ? ORDER BY started_ms, writers.name, idx',
		),
		places: sql.prepare(
			'SELECT writers.id, started_ms, idx, text FROM writers JOIN lines ON lines.writer = writers.id WHERE run = ? AND gen = ? AND file = ?',
		),
		officialCount: sql.prepare(
			"SELECT next FROM cursors JOIN writers ON writers.id = cursors.writer WHERE run = ? AND gen = ? AND name = '' AND file = ?",
		),
		officialLast: sql.prepare(
			"SELECT text FROM lines JOIN writers ON writers.id = lines.writer WHERE run = ? AND gen = ? AND name = '' AND file = ? ORDER BY idx DESC LIMIT 1",
		),
		series: sql.prepare('SELECT id FROM series WHERE run = ? AND gen = ? AND key = ?'),
		addSeries: sql.prepare('INSERT INTO series (run, gen, key) VALUES (?, ?, ?)'),
		points: sql.prepare('SELECT step, value, kind, time_ms, runtime FROM points WHERE series = ? ORDER BY step'),
		objects: sql.prepare('SELECT step, json, time_ms FROM objects WHERE series = ? ORDER BY step'),
		putPoint: sql.prepare(
			`INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, kind = excluded.kind, time_ms = excluded.time_ms,
			runtime = excluded.runtime, started_ms = excluded.started_ms, n = excluded.n WHERE ${later('points')}`,
		),
		putObject: sql.prepare(
			`INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json, time_ms = excluded.time_ms, started_ms = excluded.started_ms,
			n = excluded.n WHERE ${later('objects')}`,
		),
		point: sql.prepare('SELECT 1 FROM points WHERE series = ? AND step = ?'),
		object: sql.prepare('SELECT 1 FROM objects WHERE series = ? AND step = ?'),
		metrics: sql.prepare(
			`SELECT key, EXISTS (SELECT 1 FROM points WHERE points.series = series.id) AS is_number,
			(SELECT json FROM objects WHERE objects.series = series.id LIMIT 1) AS json FROM series WHERE run = ? AND gen = ? ORDER BY key`,
		),
		summary: sql.prepare('SELECT step, started_ms, n FROM summaries WHERE run = ? AND gen = ? AND key = ?'),
		summaries: sql.prepare('SELECT key, json FROM summaries WHERE run = ? AND gen = ? ORDER BY key'),
		putSummary: sql.prepare(
			'INSERT INTO summaries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json, step = excluded.step, started_ms = excluded.started_ms, n = excluded.n',
		),
		counts: sql.prepare('SELECT records, last_step, hidden FROM counts WHERE run = ? AND gen = ?'),
		addRecords: sql.prepare(
			'INSERT INTO counts (run, gen, records) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET records = records + CAST(? AS INTEGER)',
		),
		sawStep: sql.prepare(
			'INSERT INTO counts (run, gen, last_step) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last_step = MAX(last_step, CAST(? AS INTEGER))',
		),
		addHidden: sql.prepare('UPDATE counts SET hidden = hidden + 1 WHERE run = ? AND gen = ?'),
	};
}
