import type { DatabaseSync } from 'node:sqlite';
import type { BucketColumns } from './bucket-builder.ts';
import { unpackColumns } from './columns.ts';
import { type FoldResult, foldLeaves, type Leaf, leafEnd, packSpan, SPAN_LEAVES } from './leaves.ts';
import { lowerBound, NO_POINTS, type Points, type RankOf, slicePoints, unpackPoints } from './points.ts';

/** Heads of the leaves in one row of `spans`, as columns. */
export interface SpanHeads {
	/** Key of the row. */
	start: number;
	starts: Float64Array;
	exponents: Float64Array;
	counts: Float64Array;
	sumsBytes: Float64Array;
	heads: BucketColumns;
}

/** Leaves of all series, in the database. */
export class LeafTable {
	readonly #statements: ReturnType<typeof prepare>;

	constructor(sql: DatabaseSync) {
		this.#statements = prepare(sql);
	}

	/** Spans that may own steps from `low` to `high`, ascending. */
	spans(series: number, low = 0, high = Number.MAX_SAFE_INTEGER): SpanHeads[] {
		const rows = this.#statements.spans.all(series, series, low, low, high) as { start: number; heads: Uint8Array }[];
		return rows.map(({ start, heads }) => readHeads(start, heads));
	}

	/** Packed sums of the leaves of a span, beside each other. */
	sums(series: number, span: number): Uint8Array {
		return (this.#statements.sums.get(series, span) as { sums: Uint8Array }).sums;
	}

	points(series: number, start: number): Points {
		return unpackPoints((this.#statements.body.get(series, start) as { body: Uint8Array }).body);
	}

	/** Puts settled points into leaves; what is not to be in one yet is given back. */
	put(series: number, loose: Points, rankOf: RankOf): Points {
		if (loose.steps.length === 0) return loose;
		const first = loose.steps[0] as number;
		const spans = this.spans(series, first);
		let rest = NO_POINTS;
		let from = 0;
		// Each span is a region of its own; the first one's begins at 0 when nothing lies before it.
		for (let i = 0; i < Math.max(1, spans.length); i++) {
			const isLast = i >= spans.length - 1;
			const high = isLast ? Number.POSITIVE_INFINITY : (spans[i + 1] as SpanHeads).start;
			const to = isLast ? loose.steps.length : lowerBound(loose.steps, high);
			if (to > from) rest = this.#putRegion(series, spans[i], high, slicePoints(loose, from, to), rankOf);
			from = to;
		}
		return rest;
	}

	#putRegion(series: number, span: SpanHeads | undefined, high: number, loose: Points, rankOf: RankOf): Points {
		const leaves = span ? this.#leaves(series, span) : [];
		const low = this.#statements.hasBefore.get(series, span?.start ?? 0) ? (span?.start ?? 0) : 0;
		const bodies = new Map<number, Points>();
		for (const leaf of leaves) {
			const at = lowerBound(loose.steps, leaf.start);
			if (at < loose.steps.length && (loose.steps[at] as number) < leafEnd(leaf)) bodies.set(leaf.start, this.points(series, leaf.start));
		}
		const folded = foldLeaves({ leaves, low, high, bodies, loose, isOpen: high === Number.POSITIVE_INFINITY }, rankOf);
		if (folded.made.length > 0) this.#write(series, span, folded);
		return folded.rest;
	}

	#write(series: number, span: SpanHeads | undefined, { kept, removed, made }: FoldResult): void {
		const { removeBody, putBody, removeSpan, putSpan } = this.#statements;
		for (const start of removed) removeBody.run(series, start);
		for (const { start, body } of made) putBody.run(series, start, body);
		const leaves: Leaf[] = [...kept, ...made].sort((a, b) => a.start - b.start);
		if (span) removeSpan.run(series, span.start);
		for (let i = 0; i < leaves.length; i += SPAN_LEAVES) {
			const { heads, sums } = packSpan(leaves.slice(i, i + SPAN_LEAVES));
			putSpan.run(series, (leaves[i] as Leaf).start, heads, sums);
		}
	}

	#leaves(series: number, span: SpanHeads): Leaf[] {
		const sums = this.sums(series, span.start);
		let at = 0;
		return Array.from(span.starts, (start, i) => {
			const bytes = span.sumsBytes[i] as number;
			at += bytes;
			return {
				start,
				exponent: span.exponents[i] as number,
				count: span.counts[i] as number,
				head: span.heads.map((column) => [column[i] as number]),
				sums: sums.subarray(at - bytes, at),
			};
		});
	}
}

function readHeads(start: number, bytes: Uint8Array): SpanHeads {
	const [starts, exponents, counts, sumsBytes, ...heads] = unpackColumns(bytes) as [Float64Array, Float64Array, Float64Array, Float64Array];
	return { start, starts, exponents, counts, sumsBytes, heads };
}

function prepare(sql: DatabaseSync) {
	return {
		spans: sql.prepare(
			`SELECT start, heads FROM spans WHERE series = ?
			AND start >= COALESCE((SELECT MAX(start) FROM spans WHERE series = ? AND start <= ?), CAST(? AS INTEGER)) AND start <= ? ORDER BY start`,
		),
		sums: sql.prepare('SELECT sums FROM spans WHERE series = ? AND start = ?'),
		hasBefore: sql.prepare('SELECT 1 FROM spans WHERE series = ? AND start < ? LIMIT 1'),
		removeSpan: sql.prepare('DELETE FROM spans WHERE series = ? AND start = ?'),
		putSpan: sql.prepare('INSERT INTO spans (series, start, heads, sums) VALUES (?, ?, ?, ?)'),
		body: sql.prepare('SELECT body FROM leaves WHERE series = ? AND start = ?'),
		removeBody: sql.prepare('DELETE FROM leaves WHERE series = ? AND start = ?'),
		putBody: sql.prepare('INSERT INTO leaves (series, start, body) VALUES (?, ?, ?)'),
	};
}
