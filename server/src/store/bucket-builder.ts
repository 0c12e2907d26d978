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

/**
 * Cuts the numbers of a series, which come by ascending step, into buckets of `width` steps, a power of two; bucket k holds the steps from k × width.
 * Buckets without a point are left out.
 *
 * A bucket may be given instead of its points, of any width that divides `width`. The result is the same, bit for bit, whatever was given: the sum of a
 * bucket is that of its halves, the sum of a half that of its own halves, and so on down to single steps. So neither the order in which points have
 * arrived nor where they lie in the store can be seen in a chart, and what is stored of an interval stays right until a point in it changes.
 */
export class BucketBuilder {
	readonly columns: number[][] = Array.from({ length: BUCKET_COLUMNS }, () => []);
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

	constructor(width: number) {
		this.#width = width;
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

	/** Adds bucket `i` of a list whose steps count from `base`. */
	addBucket(columns: BucketColumns, i: number, base: number): void {
		const of = (column: number) => (columns[column] as Float64Array)[i] as number;
		const start = base + of(FIRST_STEP);
		this.#enter(start, base + of(LAST_STEP));
		this.#nonFinite += of(NON_FINITE);
		const finite = of(FINITE);
		if (finite === 0) return;
		this.#addSum(start, of(SUM));
		const min = of(MIN);
		const max = of(MAX);
		if (this.#finite === 0) this.#first = of(FIRST);
		if (this.#finite === 0 || min < this.#min) {
			this.#min = min;
			this.#argMin = base + of(ARG_MIN);
		}
		if (this.#finite === 0 || max > this.#max) {
			this.#max = max;
			this.#argMax = base + of(ARG_MAX);
		}
		this.#last = of(LAST);
		this.#finite += finite;
	}

	/** Ends the last bucket. */
	finish(): number[][] {
		if (this.#bucket !== -1) this.#emit();
		this.#bucket = -1;
		return this.columns;
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
		const { columns } = this;
		columns[FIRST_STEP]?.push(this.#firstStep);
		columns[LAST_STEP]?.push(this.#lastStep);
		columns[FINITE]?.push(this.#finite);
		columns[NON_FINITE]?.push(this.#nonFinite);
		columns[MIN]?.push(this.#min);
		columns[MAX]?.push(this.#max);
		columns[SUM]?.push(this.#finite > 0 ? (this.#sums[0] as number) : 0);
		columns[FIRST]?.push(this.#first);
		columns[LAST]?.push(this.#last);
		columns[ARG_MIN]?.push(this.#argMin);
		columns[ARG_MAX]?.push(this.#argMax);
	}
}

const WORD = 2 ** 32;

/** The highest bit in which two steps differ. */
export function joinBit(a: number, b: number): number {
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
