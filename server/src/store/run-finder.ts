import type { SQLInputValue } from 'node:sqlite';
import type { RunGroup, RunGroupsPage, RunGroupsQuery, RunSort, RunsQuery } from '../../../src/core/runs-query.ts';
import { fromWire, toWire } from '../../../src/core/wire-values.ts';
import { RequestError } from '../request-error.ts';
import type { Database } from './database.ts';
import { joined, RunsSql, type Sql, sql } from './runs-sql.ts';

const MAX_LIMIT = 1_000;
const MAX_KEYS = 8;
const FUNCTIONS = ['count', 'min', 'max', 'mean', 'last'];

type Cell = number | string | null;

/** Finds, sorts and groups the runs of a project over the tables `runs` and `run_kv`. */
export class RunFinder {
	readonly #sql: Database['sql'];

	constructor(database: Pick<Database, 'sql'>) {
		this.#sql = database.sql;
	}

	/** Keys of the runs in the store, in order. */
	find(project: number, query: RunsQuery, nowMs: number): { ids: number[]; total: number; next?: string } {
		const limit = limitOf(query);
		const runsSql = this.#runsSql(project, nowMs);
		const sort = sortOf(query);
		const keys = sort.map(({ key }, i) => runsSql.value(key, `s${i}`));
		const order = sort.map(({ isDescending }, i) => ({ value: keys[i]?.value as string, isDescending: isDescending === true }));
		const where = this.#where(project, runsSql, query);
		const after = query.cursor === undefined ? sql('1') : afterCursor(query.cursor, order);
		const columns = order.map(({ value }, i) => `, ${value} AS k${i}`).join('');
		const by = order.map(({ value, isDescending }) => `${value} IS NULL, ${value}${isDescending ? ' DESC' : ''}`);
		const joins = joined(
			keys.map(({ join }) => join),
			'',
		);
		const page = this.#all(
			joined(
				[
					sql(`SELECT runs.id${columns} FROM runs`),
					joins,
					sql(' WHERE '),
					where,
					sql(' AND '),
					after,
					sql(` ORDER BY ${[...by, 'runs.id DESC'].join(', ')} LIMIT ${limit + 1}`),
				],
				'',
			),
		);
		const [count] = this.#all(joined([sql('SELECT count(*) AS total FROM runs WHERE '), where], ''));
		const last = page.length > limit ? page[limit - 1] : undefined;
		return {
			ids: page.slice(0, limit).map(({ id }) => Number(id)),
			total: Number(count?.total),
			...(last && { next: toCursor([...order.map((_, i) => last[`k${i}`]), last.id]) }),
		};
	}

	group(project: number, query: RunGroupsQuery, nowMs: number): RunGroupsPage {
		const limit = limitOf(query);
		const { by, aggregates = [] } = query;
		if (!Array.isArray(by) || by.length < 1 || by.length > MAX_KEYS) throw new RequestError(400, `"by" must be a list of 1 to ${MAX_KEYS} keys.`);
		if (!Array.isArray(aggregates) || aggregates.length > MAX_KEYS || aggregates.some((item) => !FUNCTIONS.includes(item?.fn)))
			throw new RequestError(400, `"aggregates" must be a list of at most ${MAX_KEYS} of {key, fn}, where fn is ${FUNCTIONS.join(', ')}.`);
		const runsSql = this.#runsSql(project, nowMs);
		const keys = [...by, ...aggregates.map(({ key }) => key)].map((key, i) => runsSql.value(key, `g${i}`));
		const columns = keys.map(({ value }, i) => `${value} AS c${i}`).join(', ');
		const joins = joined(
			keys.map(({ join }) => join),
			'',
		);
		const rows = this.#all(
			joined(
				[sql(`SELECT ${columns} FROM runs`), joins, sql(' WHERE '), this.#where(project, runsSql, query), sql(' ORDER BY runs.created_ms, runs.id')],
				'',
			),
		);
		const groups = new Map<string, { values: Cell[]; runs: number; folds: Fold[] }>();
		for (const row of rows) {
			const cells = keys.map((_, i) => row[`c${i}`] as Cell);
			const values = cells.slice(0, by.length);
			const name = JSON.stringify(toWire(values));
			const group = groups.get(name) ?? { values, runs: 0, folds: aggregates.map(() => new Fold()) };
			groups.set(name, group);
			group.runs++;
			for (const [i, fold] of group.folds.entries()) fold.add(cells[by.length + i] as Cell);
		}
		const all = [...groups.values()].map(
			({ values, runs, folds }): RunGroup => ({ values, runs, aggregates: folds.map((fold, i) => fold.read(aggregates[i]?.fn as string)) }),
		);
		const names = ['runs', ...by, ...aggregates.map(({ key, fn }) => `${fn}(${key})`)];
		const cell = ({ runs, values, aggregates: folded }: RunGroup, i: number) => [runs, ...values, ...folded][i] as Cell;
		const sort = sortOf({ sort: [{ key: 'runs', isDescending: true }], ...query }).map(({ key, isDescending }) => {
			const at = names.indexOf(key);
			if (at < 0) throw new RequestError(400, `Groups cannot be sorted by ${JSON.stringify(key)}; there are ${names.join(', ')}.`);
			return { at, isDescending: isDescending === true };
		});
		all.sort((a, b) => {
			for (const { at, isDescending } of sort) {
				const difference = compareCells(cell(a, at), cell(b, at), isDescending);
				if (difference !== 0) return difference;
			}
			return 0;
		});
		const from = query.cursor === undefined ? 0 : Number(fromCursor(query.cursor, 1)[0]);
		if (!Number.isSafeInteger(from)) throw badCursor();
		return { groups: all.slice(from, from + limit), total: all.length, ...(from + limit < all.length && { next: toCursor([from + limit]) }) };
	}

	#where(project: number, runsSql: RunsSql, { filter, search }: RunsQuery): Sql {
		if (search !== undefined && typeof search !== 'string') throw new RequestError(400, '"search" must be text.');
		return joined(
			[
				sql('runs.project = ?', project),
				...(filter === undefined ? [] : [runsSql.filter(filter)]),
				...(search === undefined ? [] : [runsSql.search(search)]),
			],
			' AND ',
		);
	}

	#runsSql(project: number, nowMs: number): RunsSql {
		return new RunsSql(project, nowMs, (query) => this.#all(query).map((row) => Object.values(row)[0] as SQLInputValue));
	}

	#all({ text, params }: Sql): Record<string, unknown>[] {
		return this.#sql.prepare(text).all(...params);
	}
}

/** What the values of one key in one group come to; they are added oldest first. */
class Fold {
	#count = 0;
	#numbers = 0;
	#sum = 0;
	#min = Infinity;
	#max = -Infinity;
	#last: Cell = null;

	add(value: Cell): void {
		if (value === null) return;
		this.#count++;
		this.#last = value;
		if (typeof value !== 'number' || !Number.isFinite(value)) return;
		this.#numbers++;
		this.#sum += value;
		this.#min = Math.min(this.#min, value);
		this.#max = Math.max(this.#max, value);
	}

	read(fn: string): Cell {
		if (fn === 'count') return this.#count;
		if (fn === 'last') return this.#last;
		if (this.#numbers === 0) return null;
		return fn === 'min' ? this.#min : fn === 'max' ? this.#max : this.#sum / this.#numbers;
	}
}

/** As SQLite orders: numbers before text; nothing comes last in both directions. */
function compareCells(a: Cell, b: Cell, isDescending: boolean): number {
	if (a === b) return 0;
	if (a === null) return 1;
	if (b === null) return -1;
	const isLess = typeof a === typeof b ? a < b : typeof a === 'number';
	return isLess === isDescending ? 1 : -1;
}

function limitOf({ limit = 50 }: RunsQuery): number {
	if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_LIMIT)
		throw new RequestError(400, `"limit" must be a whole number from 1 to ${MAX_LIMIT}, but was ${JSON.stringify(limit)}.`);
	return limit;
}

function sortOf({ sort = [{ key: 'createdMs', isDescending: true }] }: RunsQuery): readonly RunSort[] {
	if (!Array.isArray(sort) || sort.length > MAX_KEYS || sort.some((item) => typeof item?.key !== 'string'))
		throw new RequestError(400, `"sort" must be a list of at most ${MAX_KEYS} of {key, isDescending}.`);
	return sort;
}

/** True of what comes after the last run of the page before. */
function afterCursor(cursor: string, order: readonly { value: string; isDescending: boolean }[]): Sql {
	const cells = fromCursor(cursor, order.length + 1);
	const same: Sql[] = [];
	const ways: Sql[] = [];
	for (const [i, { value, isDescending }] of order.entries()) {
		const cell = cells[i] as Cell;
		if (cell !== null) ways.push(joined([...same, sql(`(${value} ${isDescending ? '<' : '>'} ? OR ${value} IS NULL)`, cell)], ' AND '));
		same.push(sql(`${value} IS ?`, cell));
	}
	ways.push(joined([...same, sql('runs.id < ?', cells.at(-1) as Cell)], ' AND '));
	const { text, params } = joined(ways, ') OR (');
	return { text: `((${text}))`, params };
}

function toCursor(cells: readonly unknown[]): string {
	return Buffer.from(JSON.stringify(toWire(cells))).toString('base64url');
}

function fromCursor(cursor: string, length: number): Cell[] {
	let cells: unknown;
	try {
		cells = fromWire(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
	} catch {
		throw badCursor();
	}
	const isCell = (cell: unknown) => cell === null || typeof cell === 'number' || typeof cell === 'string';
	if (!Array.isArray(cells) || cells.length !== length || !cells.every(isCell)) throw badCursor();
	return cells;
}

function badCursor(): RequestError {
	return new RequestError(400, '"cursor" is not of an answer to this query; leave it out to begin at the first page.');
}
