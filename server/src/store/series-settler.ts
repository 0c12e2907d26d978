import { type LineObject, type LineValue, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { eachLeaf } from '../../../src/core/keys.ts';
import { HISTORY_FILE } from '../../../src/core/protocol.ts';
import { addValue, type MetricFold, replaceValue } from '../../../src/core/summary.ts';
import type { IndexTables } from './index-tables.ts';
import { LEAF_POINTS } from './leaves.ts';
import {
	above,
	kindOf,
	lowerBound,
	mergePoints,
	NO_POINTS,
	NUMBER,
	OBJECT,
	type Points,
	packPoints,
	type RankOf,
	settlePoints,
	slicePoints,
	unpackPoints,
	writerOf,
} from './points.ts';
import { SeriesView } from './series-view.ts';

/** Points that are in the lines and not in the tables, in order of arrival but for the first `settled`: those are settled points. */
export interface Pending {
	steps: number[];
	ns: number[];
	tags: number[];
	values: number[];
	/** How many of them fold and `hidden` know of. */
	settled: number;
}

export interface SeriesEntry {
	readonly id: number;
	readonly key: string;
	/** As `sealed` of its row. */
	sealed: number;
	fold: MetricFold | undefined;
	hasNumbers: boolean;
	hasObjects: boolean;
	type: string | undefined;
	/** Points that others lie over; `freshHidden`: those of them that its row does not count yet. */
	hidden: number;
	freshHidden: number;
	pending: Pending | undefined;
}

/** More loose points than this that lie before the last leaf's end are put into leaves at the next seal. */
const MAX_LATE = 32;
/** What becomes of the points of a run's series between their arrival and the tables. */
export class SeriesSettler {
	readonly #tables: IndexTables;
	readonly #rankOf: RankOf;

	constructor(tables: IndexTables, rankOf: RankOf) {
		this.#tables = tables;
		this.#rankOf = rankOf;
	}

	/** Lets fold and `hidden` know of late points, and leaves those out that are hidden from the start. Returns how many more are hidden now, and how many fewer wait. */
	settle(series: SeriesEntry): { hidden: number; dropped: number } {
		const { pending } = series;
		if (!pending || pending.settled === pending.steps.length) return { hidden: 0, dropped: 0 };
		const all = toPoints(pending);
		const before = slicePoints(all, 0, pending.settled);
		const late = slicePoints(all, pending.settled, all.steps.length);
		const fresh = settlePoints(late, this.#rankOf);
		let hiddenNow = late.steps.length - fresh.steps.length;
		const stored = this.#stored(series).at(fresh.steps);
		const shown: number[] = [];
		let mustRefold = false;
		for (let i = 0; i < fresh.steps.length; i++) {
			const step = fresh.steps[i] as number;
			const at = lowerBound(before.steps, step);
			let there = stored[i];
			if (before.steps[at] === step && (!there || above(before, at, there.points, there.i, this.#rankOf) > 0)) there = { points: before, i: at };
			if (there) hiddenNow++;
			if (there && above(fresh, i, there.points, there.i, this.#rankOf) < 0) continue;
			shown.push(i);
			const value = this.#valueOf(series, fresh, i);
			const hidden = there && (kindOf(there.points.tags[there.i] as number) === OBJECT ? null : (there.points.values[there.i] as number));
			// The same number again, as when two writers log a constant, would else fold the whole series anew.
			if (hidden !== undefined && hidden !== null && Object.is(hidden, value)) continue;
			const next = series.fold && hidden !== undefined ? replaceValue(series.fold, step, hidden, value) : addValue(series.fold, step, value);
			if (next) series.fold = next;
			else mustRefold = true;
		}
		const kept = mergePoints(before, shown.length === fresh.steps.length ? fresh : pick(fresh, shown), this.#rankOf);
		series.hidden += hiddenNow;
		series.freshHidden += hiddenNow;
		const { length } = kept.steps;
		series.pending = { steps: [...kept.steps], ns: [...kept.ns], tags: [...kept.tags], values: [...kept.values], settled: length };
		// A value that was the smallest or the largest is hidden now: only all values can say which is now.
		if (mustRefold) this.#refold(series);
		return { hidden: hiddenNow, dropped: pending.steps.length - length };
	}

	#refold(series: SeriesEntry): void {
		const points = this.view(series).points();
		let fold: MetricFold | undefined;
		for (let i = 0; i < points.steps.length; i++) {
			const isEnd = i === 0 || i === points.steps.length - 1;
			const isObject = kindOf(points.tags[i] as number) === OBJECT;
			// What stands between the ends counts only as a number.
			const value = isEnd ? this.#valueOf(series, points, i) : isObject ? null : (points.values[i] as number);
			fold = addValue(fold, points.steps[i] as number, value);
		}
		series.fold = fold;
	}

	/** A point is a double; the line has the integer that may be too large for one, and what is no number. */
	#valueOf({ id, key }: SeriesEntry, { steps, ns, tags, values }: Points, i: number): LineValue {
		const kind = kindOf(tags[i] as number);
		if (kind === NUMBER) return values[i] as number;
		if (kind === OBJECT) return parseLine((this.#tables.object.get(id, steps[i] as number) as { json: string }).json);
		let exact: LineValue = values[i] as number;
		const text = this.#tables.log.at(writerOf(tags[i] as number), HISTORY_FILE, ns[i] as number) as string;
		eachLeaf(parseLine(text) as LineObject, (name, leaf) => {
			if (name === key) exact = leaf;
		});
		return exact;
	}

	/** The series as it is seen, once it is settled. */
	view(series: SeriesEntry): SeriesView {
		const fresh = series.pending ? toPoints(series.pending) : NO_POINTS;
		return new SeriesView(this.#tables.leaves, series.id, mergePoints(this.#loose(series), fresh, this.#rankOf), this.#rankOf);
	}

	/** As the tables have it. */
	#stored(series: SeriesEntry): SeriesView {
		return new SeriesView(this.#tables.leaves, series.id, this.#loose(series), this.#rankOf);
	}

	#loose({ id, sealed }: SeriesEntry): Points {
		return sealed === 0 ? NO_POINTS : unpackPoints((this.#tables.loose.get(id) as { loose: Uint8Array | null }).loose);
	}

	/** Moves the points of a settled series, which are those of pieces up to `piece`, into the tables. */
	seal(series: SeriesEntry, piece: number): void {
		const { leaves, saveSeries } = this.#tables;
		const pending = series.pending as Pending;
		let loose = mergePoints(this.#loose(series), toPoints(pending), this.#rankOf);
		if (loose.steps.length > LEAF_POINTS || (loose.steps.length > MAX_LATE && this.#isLate(series, loose))) {
			loose = leaves.put(series.id, loose, this.#rankOf);
		}
		saveSeries.run(
			writeLine(series.fold as unknown as LineObject),
			series.hasNumbers ? 1 : 0,
			series.hasObjects ? 1 : 0,
			series.type ?? null,
			series.hidden,
			piece,
			loose.steps.length > 0 ? packPoints(loose) : null,
			series.id,
		);
		series.pending = undefined;
		series.freshHidden = 0;
		series.sealed = piece;
	}

	/** Whether more than a few of the points lie before the end of the last leaf. */
	#isLate(series: SeriesEntry, loose: Points): boolean {
		const span = this.#tables.leaves.spans(series.id, Number.MAX_SAFE_INTEGER).at(-1);
		if (!span) return false;
		return lowerBound(loose.steps, (span.starts.at(-1) as number) + 2 ** (span.exponents.at(-1) as number)) > MAX_LATE;
	}
}

export interface SeriesRow {
	id: number;
	fold?: string | null;
	has_numbers?: number;
	has_objects?: number;
	type?: string | null;
	hidden?: number;
	sealed?: number;
}

export function toEntry(key: string, row: SeriesRow): SeriesEntry {
	return {
		id: row.id,
		key,
		sealed: row.sealed ?? 0,
		fold: row.fold ? (parseLine(row.fold) as unknown as MetricFold) : undefined,
		hasNumbers: row.has_numbers === 1,
		hasObjects: row.has_objects === 1,
		type: row.type ?? undefined,
		hidden: row.hidden ?? 0,
		freshHidden: 0,
		pending: undefined,
	};
}

function toPoints({ steps, ns, tags, values }: Pending): Points {
	return { steps: new Float64Array(steps), ns: new Float64Array(ns), tags: new Float64Array(tags), values: new Float64Array(values) };
}

function pick({ steps, ns, tags, values }: Points, order: readonly number[]): Points {
	const of = (column: Float64Array) => Float64Array.from(order, (i) => column[i] as number);
	return { steps: of(steps), ns: of(ns), tags: of(tags), values: of(values) };
}
