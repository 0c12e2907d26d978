import type { Segments } from './segments.ts';

/** Place of the columns of `stamps`. */
const N = 0;
const STEP = 1;
const TIME = 2;
const RUNTIME = 3;
export const STAMP_COLUMNS = 4;

/** Step, time and runtime of a writer's history lines, all in memory: for charts over time, and for exports in order of step. */
export class Stamps {
	readonly ns: Float64Array;
	readonly steps: Float64Array;
	readonly #times: Float64Array;
	readonly #runtimes: Float64Array;
	/** Where line n stands, when lines are missing between. */
	readonly #places: Map<number, number> | undefined;

	/** `fresh`: columns that are not in the table yet. */
	constructor(table: Segments, writer: number, fresh: readonly number[][] | undefined) {
		const blocks = [...table.read(writer), ...(fresh?.length ? [fresh] : [])];
		this.ns = joined(blocks, N);
		this.steps = joined(blocks, STEP);
		this.#times = joined(blocks, TIME);
		this.#runtimes = joined(blocks, RUNTIME);
		const isGapless = this.ns.every((n, i) => n === i);
		this.#places = isGapless ? undefined : new Map(Array.from(this.ns, (n, i) => [n, i]));
	}

	stepAt(n: number): number | undefined {
		return this.steps[this.#at(n)];
	}

	/** Milliseconds since the epoch, or 0 when the line did not say. */
	timeAt(n: number): number {
		return this.#times[this.#at(n)] ?? 0;
	}

	/** Seconds. */
	runtimeAt(n: number): number {
		return this.#runtimes[this.#at(n)] ?? 0;
	}

	#at(n: number): number {
		return this.#places ? (this.#places.get(n) ?? -1) : n;
	}
}

/** The line of a writer that has the step, the last when there are several; looked for from the end. */
export function lastLineAt(table: Segments, writer: number, fresh: readonly number[][] | undefined, step: number): number | undefined {
	const inFresh = fresh?.length
		? (fresh[STEP] as number[]).reduce((best, other, i) => (other === step ? Math.max(best, fresh[N]?.[i] as number) : best), -1)
		: -1;
	if (inFresh !== -1) return inFresh;
	for (const head of table.heads(writer).sort((a, b) => b.last - a.last)) {
		const columns = table.columns(head);
		const i = columns[STEP]?.lastIndexOf(step) ?? -1;
		if (i !== -1) return columns[N]?.[i];
	}
	return undefined;
}

function joined(blocks: readonly (readonly (readonly number[] | Float64Array)[])[], column: number): Float64Array {
	const all = new Float64Array(blocks.reduce((sum, columns) => sum + (columns[column]?.length ?? 0), 0));
	let at = 0;
	for (const columns of blocks) {
		all.set(columns[column] as Float64Array, at);
		at += (columns[column] as Float64Array).length;
	}
	return all;
}
