import { type RecordView, recordObject, stepOf } from './batch.ts';
import { type LineObject, type LineValue, writeLine } from './json-line.ts';
import { eachLeaf, isLeaf, RUNTIME, STEP, TIMESTAMP } from './keys.ts';
import { foldEdits, type PlacedEdit } from './meta.ts';
import { definitionOf, type MetricDefinition } from './metrics.ts';
import { MAX_LINE_BYTES, type Stream } from './protocol.ts';
import { addValue, type MetricFold, readSummary } from './summary.ts';

/**
 * Turns records into the lines of a W&B server that is not ours: a pure function of the records in the order in which they are given.
 *
 * Such a server keeps one line a row and never takes one back. So a row is held until a record of a later step comes (or the end), goes out once, and a
 * value that comes for an earlier step goes out at once as a row of its own. `_step` has to grow from line to line: it is the row's own step, or the
 * next one when that is taken. Each line says its own step once more, in {@link ROW_STEP}; keys of lines where the two differ are gathered, since
 * charts over `_step` would draw them at the wrong place. One late value moves all lines after it, if the steps have no gaps.
 *
 * Law: records may be split over any number of calls; the lines are the same.
 */

/** Metric that holds the step a row was logged under. */
export const ROW_STEP = 'tidelog/step';

/** Plain data, stored with the cursor: it grows with the number of keys, never with the length of the run. Values are those of a line. */
export interface AssemblerState {
	/** The next `_step`. A bigint, or a number where it was read from text. */
	nextStep: number | bigint;
	/** The step after all that records have named. */
	freeStep: number;
	/** Lines that were made so far: where the next ones go. */
	lines: Record<Exclude<Stream, 'meta'>, number>;
	/** The longest that any record says the run has been going on, seconds. */
	runtimeS: number;
	/** The row that still takes values. */
	row: Row<[string, LineValue][]> | null;
	/** `_step`, `_runtime` and `_timestamp` of the last line. */
	last: LineObject;
	folds: [key: string, fold: MetricFold][];
	/** Keys that went out under another `_step` than their own. */
	lateKeys: string[];
	/** Steps given to writers whose steps the server would give: for each the last relative step, and what it became. */
	given: { [writer: string]: [relative: number, step: number] };
	/** Summary that the server had already, nested as it is there. */
	summary?: LineObject | undefined;
}

interface Row<Values> {
	step: number;
	/** Of its last record. */
	times: { [TIMESTAMP]: number; [RUNTIME]: number };
	values: Values;
}

/** A record and what its writer's state (store.ts) says of it. */
export interface PlacedRecord {
	stream: Exclude<Stream, 'meta'>;
	writer: string;
	/** Null gives the record the next free step. */
	base: number | null;
	runtimeBaseS: number;
	record: RecordView;
}

export interface AssembledLines {
	state: AssemblerState;
	history: string[];
	events: string[];
	console: string[];
	/** Rows whose line is longer than servers take. Their `_step` stays unused. */
	dropped: { step: number; bytes: number }[];
}

/** Where a run begins: everything 0, or after what the server has. */
export function initialState(start: Pick<AssemblerState, 'lines' | 'runtimeS' | 'summary'> & { nextStep: number }): AssemblerState {
	return { ...start, freeStep: start.nextStep, row: null, last: {}, folds: [], lateKeys: [], given: {} };
}

export function assemble(
	state: AssemblerState,
	records: Iterable<PlacedRecord>,
	{ isEnd, definitions }: { isEnd: boolean; definitions: readonly MetricDefinition[] },
): AssembledLines {
	const out = { history: [] as string[], events: [] as string[], console: [] as string[], dropped: [] as AssembledLines['dropped'] };
	const folds = new Map(state.folds);
	const lateKeys = new Set(state.lateKeys);
	const given = { ...state.given };
	let { freeStep, runtimeS, last } = state;
	// Steps may be as large as 2^53 − 1, and the one after is no double any more.
	let nextStep = BigInt(state.nextStep);
	let row: Row<Map<string, LineValue>> | null = state.row && { ...state.row, values: new Map(state.row.values) };

	/** For each key the step metric that its rows must have, or nothing. */
	const stepMetrics = new Map<string, string>();

	const emit = (done: Row<Map<string, LineValue>> | null) => {
		// W&B's client writes no empty row either (wandb 0.30, core/internal/stream/handler.go).
		if (!done?.values.size) return;
		const step = done.step > nextStep ? BigInt(done.step) : nextStep;
		nextStep = step + 1n;
		let values = done.values;
		for (const key of done.values.keys()) {
			let name = stepMetrics.get(key);
			if (name === undefined) {
				const { step = '', stepSync } = definitionOf(definitions, key) ?? {};
				name = stepSync === false ? '' : step;
				stepMetrics.set(key, name);
			}
			const known = name !== '' && !values.has(name) && folds.get(name);
			// A late value would be drawn at the place of a later one: better not at all.
			if (known && known.lastStep <= done.step) values = new Map(values).set(name, known.last);
		}
		const own = { [STEP]: step, ...done.times };
		const line = writeLine(Object.assign(nest(values), { [ROW_STEP]: done.step }, own));
		const bytes = excessiveBytes(line);
		if (bytes > 0) {
			// Not in the summary either, which would grow too long with it.
			out.dropped.push({ step: done.step, bytes });
			return;
		}
		out.history.push(line);
		last = own;
		for (const [key, value] of done.values) {
			folds.set(key, addValue(folds.get(key), done.step, value));
			if (Number(step) !== done.step) lateKeys.add(key);
		}
	};

	for (const { stream, writer, base, runtimeBaseS, record } of records) {
		const times = { [TIMESTAMP]: record.timestampMs / 1000, [RUNTIME]: runtimeBaseS + record.runtimeS };
		runtimeS = Math.max(runtimeS, times[RUNTIME]);
		if (stream === 'events') out.events.push(writeLine({ _wandb: true, ...times, ...recordObject(record) }));
		else if (stream === 'console') out.console.push(consoleLine(record));
		else {
			let step = stepOf(record, base);
			if (step === undefined) {
				const known = given[writer];
				// Calls that are one row to their writer stay one row.
				step = known?.[0] === record.relative ? known[1] : freeStep;
				given[writer] = [record.relative, step];
			}
			const target = row?.step === step ? row : { step, times, values: new Map<string, LineValue>() };
			target.times = times;
			for (const [i, key] of record.keys.entries()) target.values.set(key, record.values[i] as LineValue);
			if (step >= freeStep) {
				emit(row);
				row = target;
				freeStep = step + 1;
			} else if (target !== row) emit(target);
		}
	}
	if (isEnd) {
		emit(row);
		row = null;
	}

	const lines = { ...state.lines };
	for (const stream of ['history', 'events', 'console'] as const) lines[stream] += out[stream].length;
	const open = row && { ...row, values: [...row.values] };
	return { ...out, state: { ...state, nextStep, freeStep, lines, runtimeS, row: open, last, folds: [...folds], lateKeys: [...lateKeys], given } };
}

/**
 * The whole summary as W&B keeps it, which is sent anew each time: values set by hand over what the lines come to, over what the server had. NaN set by
 * hand becomes null and null is left out, while a logged NaN stays (wandb 0.30). Undefined when it would be longer than servers take.
 */
export function summaryLine(
	state: AssemblerState,
	definitions: readonly MetricDefinition[],
	edits: readonly PlacedEdit[],
	isEnd: boolean,
): string | undefined {
	const byHand: [string, LineValue][] = [];
	eachLeaf(
		mapNumbers(foldEdits(edits), (number) => (Number.isNaN(number) ? null : number)),
		(key, value) => byHand.push([key, value]),
	);
	const leaves = readSummary(state.folds, definitions, byHand, true);
	for (const [key, value] of byHand) if (value === null) delete leaves[key];
	const deletions = edits.map((placed): PlacedEdit => ({ ...placed, edit: [placed.edit[0]] }));
	const before = mapNumbers(foldEdits(deletions, state.summary), (number) => number);
	const summary = Object.assign(nest(new Map(Object.entries(leaves)), before), state.last);
	if (isEnd) Object.assign(summary, { [RUNTIME]: state.runtimeS, _wandb: { runtime: Math.floor(state.runtimeS) } });
	const line = writeLine(summary);
	return excessiveBytes(line) > 0 ? undefined : line;
}

/**
 * Leaves as W&B has them in lines, nested. Its definitions, summary and pages address `{ a: { b: 1 } }` as `a.b`, while a key that has a dot itself is
 * another one to them, `a\.b` (wandb 0.18 and later). A key stays dotted only where its beginning is a key too: `a` and `a.b` cannot both be nested.
 *
 * Law: the leaves of the result (keys.ts) are the leaves given, if `target` has none.
 */
export function nest(leaves: ReadonlyMap<string, LineValue>, target: LineObject = Object.create(null)): LineObject {
	for (const [key, value] of leaves) {
		let at = target;
		let start = 0;
		for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) {
			if (leaves.has(key.slice(0, dot))) {
				at = target;
				start = 0;
				break;
			}
			const name = key.slice(start, dot);
			const inner = at[name];
			at = at[name] = inner === undefined || isLeaf(inner) ? Object.create(null) : (inner as LineObject);
			start = dot + 1;
		}
		at[key.slice(start)] = value;
	}
	return target;
}

/** A deep copy with other numbers, safe for keys such as `__proto__`. */
export function mapNumbers(value: LineObject, change: (number: number) => LineValue): LineObject;
export function mapNumbers(value: LineValue, change: (number: number) => LineValue): LineValue;
export function mapNumbers(value: LineValue, change: (number: number) => LineValue): LineValue {
	if (typeof value === 'number') return change(value);
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map((item) => mapNumbers(item, change));
	const copy = Object.create(null) as LineObject;
	for (const key of Object.keys(value)) copy[key] = mapNumbers(value[key] as LineValue, change);
	return copy;
}

/** The line W&B's client makes of console output (wandb 0.30, core/internal/runconsolelogs): UTC with six decimals and no zone, at most 4,096 characters. */
function consoleLine(record: RecordView): string {
	const { text, level } = recordObject(record);
	const time = new Date(record.timestampMs).toISOString().replace('Z', '000');
	// One line, and nothing that UTF-8 cannot say: half a surrogate pair, logged or left by the cut.
	const shown = String(text)
		.slice(0, 4096)
		.replace(/[\r\n]|\p{Cs}/gu, '\ufffd');
	return `${level === 'error' ? 'ERROR ' : ''}${time} ${shown}`;
}

const encoder = new TextEncoder();

/** Bytes of a line that is longer than servers take; 0 for any other. */
function excessiveBytes(line: string): number {
	// A UTF-16 unit is at most three bytes: no other line is worth counting.
	const bytes = 3 * line.length > MAX_LINE_BYTES ? encoder.encode(line).length : 0;
	return bytes > MAX_LINE_BYTES ? bytes : 0;
}
