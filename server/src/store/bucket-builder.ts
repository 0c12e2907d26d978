/** What the numbers of an interval of steps come to: the columns of a list of buckets. Steps count from `base` where they are stored. */
export const FIRST_STEP = 0;
export const LAST_STEP = 1;
/** Points that are finite numbers, and those that are not. */
export const FINITE = 2;
export const NON_FINITE = 3;
/** Over the finite ones; 0 where there is none. */
export const MIN = 4;
export const MAX = 5;
export const SUM = 6;
export const FIRST = 7;
export const LAST = 8;
export const ARG_MIN = 9;
export const ARG_MAX = 10;
export const BUCKET_COLUMNS = 11;

export type BucketColumns = (number[] | Float64Array)[];

type Column = Float64Array;
type Columns = [Column, Column, Column, Column, Column, Column, Column, Column, Column, Column, Column];

/**
 * Cuts the numbers of a series, which come by ascending step, into buckets of `width` steps, a power of two; bucket k holds the steps from k × width.
 * Buckets without a point are left out.
 *
 * A bucket may be given instead of its points, of any width that divides `width`. The result is the same, bit for bit, whatever was given: the sum of a
 * bucket is that of its halves, the sum of a half that of its own halves, and so on down to single steps. So neither the order in which points have
 * arrived nor where they lie in the store can be seen in a chart, and what is stored of an interval stays right until a point in it changes.
 */
export class BucketBuilder {
	readonly #columns: Float64Array<ArrayBuffer>[];
	#length = 0;
	readonly #width: number;
	#bucket = -1;
	#firstStep = 0;
	#lastStep = 0;
	#finite = 0;
	#nonFinite = 0;
	#min = 0;
	#max = 0;
	#first = 0;
	#last = 0;
	#argMin = 0;
	#argMax = 0;
	/** Sums of parts that are not joined yet, and the highest bit in which the steps of each differ from those of the part before it. */
	readonly #sums = new Float64Array(56);
	readonly #joins = new Int8Array(56);
	#parts = 0;
	/** A step of the part added last. */
	#at = 0;

	/** `most`: buckets that there may be. */
	constructor(width: number, most: number) {
		this.#width = width;
		const buffer = new ArrayBuffer(8 * BUCKET_COLUMNS * most);
		this.#columns = Array.from({ length: BUCKET_COLUMNS }, (_, i) => new Float64Array(buffer, 8 * i * most, most));
	}

	addPoint(step: number, value: number): void {
		this.#enter(step, step);
		if (!Number.isFinite(value)) {
			this.#nonFinite++;
			return;
		}
		this.#addSum(step, value);
		if (this.#finite === 0) {
			this.#min = this.#max = this.#first = value;
			this.#argMin = this.#argMax = step;
		} else if (value < this.#min) {
			this.#min = value;
			this.#argMin = step;
		} else if (value > this.#max) {
			this.#max = value;
			this.#argMax = step;
		}
		this.#last = value;
		this.#finite++;
	}

	/** Adds the buckets from `from` to below `to` of a list whose steps count from `base`. */
	addBuckets(columns: BucketColumns, base: number, from: number, to: number): void {
		// Nearly all of a chart's time is spent here: each column is taken out of the list once.
		const [firstSteps, lastSteps, finites, nonFinites, mins, maxs, sums, firsts, lasts, argMins, argMaxs] = columns as Columns;
		for (let i = from; i < to; i++) {
			const start = base + (firstSteps[i] as number);
			this.#enter(start, base + (lastSteps[i] as number));
			this.#nonFinite += nonFinites[i] as number;
			const finite = finites[i] as number;
			if (finite === 0) continue;
			this.#addSum(start, sums[i] as number);
			const min = mins[i] as number;
			const max = maxs[i] as number;
			if (this.#finite === 0) this.#first = firsts[i] as number;
			if (this.#finite === 0 || min < this.#min) {
				this.#min = min;
				this.#argMin = base + (argMins[i] as number);
			}
			if (this.#finite === 0 || max > this.#max) {
				this.#max = max;
				this.#argMax = base + (argMaxs[i] as number);
			}
			this.#last = lasts[i] as number;
			this.#finite += finite;
		}
	}

	/** Ends the last bucket. Nothing can be added after. */
	finish(): Float64Array<ArrayBuffer>[] {
		if (this.#bucket !== -1) this.#emit();
		this.#bucket = -1;
		return this.#columns.map((column) => column.subarray(0, this.#length));
	}

	#enter(firstStep: number, lastStep: number): void {
		const bucket = Math.floor(firstStep / this.#width);
		if (bucket !== this.#bucket) {
			if (this.#bucket !== -1) this.#emit();
			this.#bucket = bucket;
			this.#firstStep = firstStep;
			this.#finite = this.#nonFinite = this.#parts = 0;
			this.#min = this.#max = this.#first = this.#last = this.#argMin = this.#argMax = 0;
		}
		this.#lastStep = lastStep;
	}

	#addSum(step: number, sum: number): void {
		if (this.#parts > 0) {
			const join = joinBit(this.#at, step);
			while (this.#parts > 1 && (this.#joins[this.#parts - 1] as number) < join) this.#joinLast();
			this.#joins[this.#parts] = join;
		}
		this.#sums[this.#parts++] = sum;
		this.#at = step;
	}

	#joinLast(): void {
		const last = --this.#parts;
		this.#sums[last - 1] = (this.#sums[last - 1] as number) + (this.#sums[last] as number);
	}

	#emit(): void {
		while (this.#parts > 1) this.#joinLast();
		const i = this.#length++;
		const [firstSteps, lastSteps, finites, nonFinites, mins, maxs, sums, firsts, lasts, argMins, argMaxs] = this.#columns as Columns;
		firstSteps[i] = this.#firstStep;
		lastSteps[i] = this.#lastStep;
		finites[i] = this.#finite;
		nonFinites[i] = this.#nonFinite;
		mins[i] = this.#min;
		maxs[i] = this.#max;
		sums[i] = this.#finite > 0 ? (this.#sums[0] as number) : 0;
		firsts[i] = this.#first;
		lasts[i] = this.#last;
		argMins[i] = this.#argMin;
		argMaxs[i] = this.#argMax;
	}
}

const WORD = 2 ** 32;

/** The highest bit in which two steps differ. */
export function joinBit(a: number, b: number): number {
	if (a < WORD && b < WORD) return 31 - Math.clz32(a ^ b);
	const high = Math.floor(a / WORD) ^ Math.floor(b / WORD);
	// The operators below take the lower 32 bits, of larger numbers too.
	return high === 0 ? 31 - Math.clz32(a ^ b) : 63 - Math.clz32(high);
}

/** The least power of two that cuts the steps from `first` to `last` into at most `buckets` intervals. */
export function bucketWidth(first: number, last: number, buckets: number): number {
	let width = 1;
	while (Math.floor(last / width) - Math.floor(first / width) + 1 > buckets) width *= 2;
	return width;
}
