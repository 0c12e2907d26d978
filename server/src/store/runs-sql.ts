import type { SQLInputValue } from 'node:sqlite';
import { RUN_FIELDS, type RunComparison, type RunFilter, type RunValue } from '../../../src/core/runs-query.ts';
import { RequestError } from '../request-error.ts';
import { BoundedRegex } from './bounded-regex.ts';
import { CRASHED_AFTER_MS } from './meta-store.ts';
import { toStored } from './run-values.ts';

/** A piece of SQL with the values of its question marks. */
export interface Sql {
	text: string;
	params: SQLInputValue[];
}

type Field = (typeof RUN_FIELDS)[number];

const COLUMNS: Record<Exclude<Field, 'state'>, string> = {
	id: 'runs.name',
	name: 'runs.display_name',
	group: 'runs.group_name',
	jobType: 'runs.job_type',
	host: 'runs.host',
	program: 'runs.program',
	commit: 'runs.commit_sha',
	sweep: 'runs.sweep',
	notes: 'runs.notes',
	tags: 'runs.tags',
	createdMs: 'runs.created_ms',
	heartbeatMs: 'runs.heartbeat_ms',
	finishedMs: 'runs.finished_ms',
	exitCode: 'runs.exit_code',
};
const ORDERS = ['<', '<=', '>', '>='];
/** Deep nesting would overflow the parser's stack, and many terms its list. */
const MAX_DEPTH = 20;
const MAX_COMPARISONS = 200;

export const sql = (text: string, ...params: SQLInputValue[]): Sql => ({ text, params });

export function joined(pieces: readonly Sql[], between: string): Sql {
	return { text: pieces.map(({ text }) => text).join(between), params: pieces.flatMap(({ params }) => params) };
}

/** Turns the filters of one request into SQL over the table `runs`. */
export class RunsSql {
	readonly #project: number;
	readonly #nowMs: number;
	readonly #distinct: (query: Sql) => SQLInputValue[];
	readonly #regex = new BoundedRegex();
	#comparisons = 0;

	/** `distinct` runs a query of one column. */
	constructor(project: number, nowMs: number, distinct: (query: Sql) => SQLInputValue[]) {
		this.#project = project;
		this.#nowMs = nowMs;
		this.#distinct = distinct;
	}

	/** The value of a key in a row of `runs`, with the join that it needs under the given alias. */
	value(key: string, alias: string): { join: Sql; value: string } {
		const field = this.#field(key);
		if (field) return { join: sql(''), value: field };
		return {
			join: sql(` LEFT JOIN run_kv ${alias} ON ${alias}.project = ? AND ${alias}.key = ? AND ${alias}.run = runs.id`, this.#project, key),
			value: `${alias}.value`,
		};
	}

	filter(filter: RunFilter, depth = 0): Sql {
		if (typeof filter !== 'object' || filter === null || depth > MAX_DEPTH)
			throw new RequestError(400, `A filter is {key, op, value}, {and: […]} or {or: […]}, at most ${MAX_DEPTH} deep.`);
		for (const [member, neutral] of [
			['and', '1'],
			['or', '0'],
		] as const) {
			const parts = (filter as Record<string, unknown>)[member];
			if (parts === undefined) continue;
			if (!Array.isArray(parts)) throw new RequestError(400, `"${member}" in a filter must be a list of filters.`);
			if (parts.length === 0) return sql(neutral);
			const { text, params } = joined(
				parts.map((part: RunFilter) => this.filter(part, depth + 1)),
				` ${member.toUpperCase()} `,
			);
			return { text: `(${text})`, params };
		}
		if (++this.#comparisons > MAX_COMPARISONS) throw new RequestError(400, `A filter holds at most ${MAX_COMPARISONS} comparisons.`);
		return this.#comparison(filter as RunComparison);
	}

	/** Words that stand in the id, name, tags or notes. */
	search(text: string): Sql {
		const words = text.split(/\s+/).filter((word) => word !== '');
		if (words.length > MAX_COMPARISONS) throw new RequestError(400, `A search holds at most ${MAX_COMPARISONS} words.`);
		const told =
			"runs.name || char(10) || runs.display_name || char(10) || runs.notes || char(10) || (SELECT coalesce(group_concat(value, char(10)), '') FROM json_each(runs.tags))";
		return words.length === 0
			? sql('1')
			: joined(
					words.map((word) => sql(`instr(lower(${told}), lower(?)) > 0`, word)),
					' AND ',
				);
	}

	#comparison({ key, op, value }: RunComparison): Sql {
		const isNot = op === '!=';
		const where = (condition: (value: string) => Sql): Sql => {
			const not = isNot ? 'NOT ' : '';
			if (key === 'tags') {
				const { text, params } = condition('tag.value');
				return { text: `${not}EXISTS (SELECT 1 FROM json_each(runs.tags) tag WHERE ${text})`, params };
			}
			const field = this.#field(key);
			if (field) {
				const { text, params } = condition(field);
				return { text: `coalesce(${isNot ? `NOT (${text})` : text}, ${isNot ? 1 : 0})`, params };
			}
			const { text, params } = condition('value');
			return { text: `runs.id ${not}IN (SELECT run FROM run_kv WHERE project = ? AND key = ? AND ${text})`, params: [this.#project, key, ...params] };
		};
		if ((op === '=' || isNot) && value === null) {
			const has = key === 'tags' || this.#field(key) === undefined ? where(() => sql('1')) : where((column) => sql(`${column} IS NULL`));
			// `where` has the right sense for a column; for rows, having one is the opposite of null.
			return key === 'tags' || this.#field(key) === undefined ? { text: `NOT (${has.text})`, params: has.params } : has;
		}
		if (op === 'in') {
			if (!Array.isArray(value)) throw refused(key, op, value, 'a list');
			const list = JSON.stringify(value.map((item: RunValue) => scalar(key, op, item)));
			return where((column) => sql(`${column} IN (SELECT value FROM json_each(?))`, list));
		}
		if (op === 'contains' || op === 'regex') {
			if (typeof value !== 'string') throw refused(key, op, value, 'text');
			if (op === 'contains') return where((column) => sql(`(typeof(${column}) = 'text' AND instr(lower(${column}), lower(?)) > 0)`, value));
			const found = JSON.stringify(this.#regex.matching(value, this.#texts(key)));
			return where((column) => sql(`${column} IN (SELECT value FROM json_each(?))`, found));
		}
		const one = scalar(key, op, value as RunValue);
		if (op === '=' || isNot) return where((column) => sql(`${column} = ?`, one));
		if (!ORDERS.includes(op))
			throw new RequestError(400, `${JSON.stringify(op)} is no comparison; there are =, !=, <, <=, >, >=, in, contains and regex.`);
		const types = typeof one === 'number' ? "IN ('integer', 'real')" : "= 'text'";
		return where((column) => sql(`(typeof(${column}) ${types} AND ${column} ${op} ?)`, one));
	}

	/** Every text that runs of the project have for a key. */
	#texts(key: string): string[] {
		const field = this.#field(key);
		const query =
			key === 'tags'
				? sql('SELECT DISTINCT tag.value FROM runs, json_each(runs.tags) tag WHERE runs.project = ?', this.#project)
				: field
					? sql(`SELECT DISTINCT ${field} FROM runs WHERE project = ?`, this.#project)
					: sql('SELECT DISTINCT value FROM run_kv WHERE project = ? AND key = ?', this.#project, key);
		return this.#distinct(query).filter((value) => typeof value === 'string');
	}

	/** The column of a field; undefined for a key of config or summary. */
	#field(key: string): string | undefined {
		if (key === 'state')
			return `CASE WHEN runs.state IN ('finished', 'failed') THEN runs.state WHEN ${Math.floor(this.#nowMs)} - runs.heartbeat_ms > ${CRASHED_AFTER_MS} THEN 'crashed' ELSE 'running' END`;
		if (Object.hasOwn(COLUMNS, key)) return COLUMNS[key as keyof typeof COLUMNS];
		if (typeof key === 'string' && /^(config|summary)\../s.test(key)) return undefined;
		throw new RequestError(400, `There is no key ${JSON.stringify(key)}: a key is config.NAME, summary.NAME or one of ${RUN_FIELDS.join(', ')}.`);
	}
}

function scalar(key: string, op: string, value: RunValue): number | string {
	const isScalar = ['number', 'string', 'boolean'].includes(typeof value);
	if (!isScalar) throw refused(key, op, value, 'a number, text or boolean');
	return toStored(value) as number | string;
}

function refused(key: string, op: string, value: unknown, wanted: string): RequestError {
	return new RequestError(400, `The value of "${key} ${op}" must be ${wanted}, but was ${JSON.stringify(value)}.`);
}
