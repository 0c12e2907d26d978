import { type LineObject, type LineValue, parseLine } from '../../../src/core/json-line.ts';
import { unwrapConfig } from '../config-edits.ts';
import { RequestError } from '../request-error.ts';
import { type RunRow, stateAt } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';
import { valueAt } from './row-reads.ts';

type Value = LineValue | undefined;
type Read = (key: string) => Value;

/**
 * Runs of a project in an order, as `Api().runs(filters, order)` asks. The filters are a part of MongoDB's query language:
 * `$and $or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $exists $regex`. A field that is a list fits when one of its members does.
 * @throws RequestError 400 for text that is no JSON object, and for an operator that is not known.
 */
export function selectRuns(tracker: Tracker, runs: RunRow[], filters: string | null | undefined, order: string | null | undefined): RunRow[] {
	const filter = parseFilter(filters);
	const read = new Map(runs.map((run) => [run, reader(tracker, run)]));
	const chosen = filter ? runs.filter((run) => fits(filter, read.get(run) as Read)) : runs;
	return order ? ordered(chosen, order, (run) => read.get(run) as Read) : chosen;
}

function parseFilter(text: string | null | undefined): LineObject | undefined {
	if (!text) return undefined;
	try {
		const filter = JSON.parse(text) as LineObject | null;
		if (filter === null) return undefined;
		if (typeof filter === 'object' && !Array.isArray(filter)) return filter;
	} catch {
		// Told below.
	}
	throw new RequestError(400, `filters must be the JSON text of an object, but was ${text.slice(0, 200)}.`);
}

/** Values of a run by the names that filters and orders use. Config and summary are read when first asked for. */
function reader(tracker: Tracker, run: RunRow): Read {
	let config: LineObject | undefined;
	let summary: LineObject | undefined;
	const own: Record<string, () => Value> = {
		name: () => run.name,
		display_name: () => run.displayName,
		displayName: () => run.displayName,
		state: () => stateAt(run, tracker.nowMs()),
		group: () => run.group,
		jobType: () => run.jobType,
		job_type: () => run.jobType,
		tags: () => run.tags,
		notes: () => run.notes,
		username: () => run.project.entity,
		sweep: () => run.sweep,
		created_at: () => new Date(run.createdMs).toISOString(),
		createdAt: () => new Date(run.createdMs).toISOString(),
		heartbeat_at: () => new Date(run.heartbeatMs).toISOString(),
		heartbeatAt: () => new Date(run.heartbeatMs).toISOString(),
	};
	return (key) => {
		const [, kind, rest] = /^(config|summary_metrics|summary|summaryMetrics)\.(.+)$/s.exec(key) ?? [];
		if (kind === undefined || rest === undefined) return Object.hasOwn(own, key) ? own[key]?.() : undefined;
		if (kind === 'config') {
			config ??= unwrapConfig(parseLine(run.config) as LineObject);
			return valueAt(config, rest) ?? valueAt(config, rest.replace(/\.value$/, '')) ?? valueAt(config, rest.replace('.value.', '.'));
		}
		summary ??= tracker.summary(run);
		return valueAt(summary, rest);
	};
}

function fits(filter: LineObject, read: Read): boolean {
	return Object.entries(filter).every(([key, wanted]) => {
		if (key === '$and') return listOf(key, wanted).every((part) => fits(part, read));
		if (key === '$or') return listOf(key, wanted).some((part) => fits(part, read));
		if (key === '$nor') return !listOf(key, wanted).some((part) => fits(part, read));
		return meets(read(key), wanted);
	});
}

function listOf(operator: string, value: LineValue): LineObject[] {
	if (Array.isArray(value)) return value as LineObject[];
	throw new RequestError(400, `filters: ${operator} must have a list.`);
}

function meets(value: Value, wanted: LineValue): boolean {
	const isOperators =
		typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted) && Object.keys(wanted).some((key) => key.startsWith('$'));
	if (!isOperators) return isEqual(value, wanted);
	return Object.entries(wanted).every(([operator, operand]) => applies(operator, value, operand));
}

function applies(operator: string, value: Value, operand: LineValue): boolean {
	const any = (test: (one: Value) => boolean) => (Array.isArray(value) ? value.some(test) : test(value));
	switch (operator) {
		case '$eq':
			return isEqual(value, operand);
		case '$ne':
			return !isEqual(value, operand);
		case '$in':
			return (operand as LineValue[]).some((one) => isEqual(value, one));
		case '$nin':
			return !(operand as LineValue[]).some((one) => isEqual(value, one));
		case '$exists':
			return (value !== undefined) === Boolean(operand);
		case '$gt':
			return any((one) => compare(one, operand) === 1);
		case '$gte':
			return any((one) => (compare(one, operand) ?? -1) >= 0);
		case '$lt':
			return any((one) => compare(one, operand) === -1);
		case '$lte':
			return any((one) => (compare(one, operand) ?? 1) <= 0);
		case '$not':
			return !meets(value, operand);
		case '$regex':
			return any((one) => typeof one === 'string' && pattern(String(operand)).test(one));
		default:
			throw new RequestError(400, `filters: the operator ${operator} is not known.`);
	}
}

function pattern(text: string): RegExp {
	try {
		return new RegExp(text);
	} catch {
		throw new RequestError(400, `filters: "${text}" is no regular expression.`);
	}
}

function isEqual(value: Value, wanted: LineValue): boolean {
	if (wanted === null) return value === undefined || value === null;
	if (Array.isArray(value) && !Array.isArray(wanted)) return value.some((one) => isEqual(one, wanted));
	if (typeof wanted === 'object') return JSON.stringify(value) === JSON.stringify(wanted);
	return value === wanted || compare(value, wanted) === 0;
}

/** −1, 0 or 1; undefined for values that have no order between them. Times are told by their text in ISO 8601. */
function compare(a: Value, b: Value): number | undefined {
	const isNumber = (value: Value) => typeof value === 'number' || typeof value === 'bigint';
	if (isNumber(a) && isNumber(b)) return order(a as number, b as number);
	if (typeof a === 'string' && typeof b === 'string') {
		const [timeA, timeB] = [a, b].map((text) => (/^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN));
		return Number.isNaN(timeA) || Number.isNaN(timeB) ? order(a, b) : order(timeA as number, timeB as number);
	}
	return typeof a === 'boolean' && typeof b === 'boolean' ? order(Number(a), Number(b)) : undefined;
}

function order<T extends number | string>(a: T, b: T): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

/** Several keys are separated by commas; `-` before one turns it round. Runs without the value come last. */
function ordered(runs: RunRow[], text: string, read: (run: RunRow) => Read): RunRow[] {
	const keys = text.split(',').map((part) => ({ key: part.trim().replace(/^[+-]/, ''), sign: part.trim().startsWith('-') ? -1 : 1 }));
	return [...runs].sort((one, other) => {
		for (const { key, sign } of keys) {
			const [a, b] = [read(one)(key), read(other)(key)];
			if (a === undefined && b === undefined) continue;
			if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
			const difference = compare(a, b) ?? 0;
			if (difference !== 0) return sign * difference;
		}
		// Ids grow with time: of two runs of one millisecond, the later made is the newer.
		return (keys[0]?.sign ?? 1) * (one.id - other.id);
	});
}
