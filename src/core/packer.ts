import { type Batch, HEADER_SLOTS } from './batch.ts';

/** Numbers of a buffer: 100 records of 10 keys and some room; a batch that needs more gets a larger one of its own. */
const BUFFER_SLOTS = 1664;
/** 3 MB: what a loop at full speed has under way while the store commits once. */
const MAX_SPARE = 256;

/** One leaf of a logged object, as `flatten` hands it to the packer. */
export interface Leaf<Extra> {
	key: string;
	value: number | Extra;
}

/**
 * Packs records into a batch on the caller's thread. This is the hot path of `log()`: a loop that logs the same keys as numbers each
 * time takes one comparison and one store a key, and allocates nothing.
 */
export class BatchPacker<Extra> {
	#n0: number;
	#count = 0;
	#numbers = new Float64Array(BUFFER_SLOTS);
	/** Buffers of batches that are done with. A steady loop lives on one or two, and leaves nothing to collect. */
	#spare: Float64Array<ArrayBuffer>[] = [];
	#length = 0;
	#shapes: string[][] = [];
	#shapeIndex = new Map<string, number>();
	#lastShape: string[] | undefined;
	#lastShapeIndex = 0;
	#extras: [number, number, Extra][] = [];

	constructor(n0: number) {
		this.#n0 = n0;
	}

	get count(): number {
		return this.#count;
	}

	/**
	 * Adds a record whose values are all numbers and whose keys are those of the record before, in the same order.
	 * Returns false, and adds nothing, when that is not so.
	 */
	addSame(data: Record<string, unknown>, relative: number, least: number, timestampMs: number, runtimeS: number): boolean {
		const keys = this.#lastShape;
		if (keys === undefined) return false;
		const at = this.#length;
		const size = HEADER_SLOTS + keys.length;
		const numbers = this.#reserve(size);
		let i = 0;
		for (const key in data) {
			const value = data[key];
			if (typeof value !== 'number' || keys[i] !== key) return false;
			numbers[at + HEADER_SLOTS + i] = value;
			i++;
		}
		if (i !== keys.length) return false;
		this.#writeHeader(at, this.#lastShapeIndex, relative, least, timestampMs, runtimeS);
		this.#length = at + size;
		this.#count++;
		return true;
	}

	/** Adds a record of any leaves. A key that comes twice keeps its later value. */
	add(leaves: readonly Leaf<Extra>[], relative: number, least: number, timestampMs: number, runtimeS: number): void {
		const last = new Map<string, number | Extra>();
		for (const leaf of leaves) last.set(leaf.key, leaf.value);
		const keys = [...last.keys()];
		const index = this.#shapeOf(keys);
		const at = this.#length;
		const size = HEADER_SLOTS + keys.length;
		const numbers = this.#reserve(size);
		let i = 0;
		for (const value of last.values()) {
			if (typeof value === 'number') numbers[at + HEADER_SLOTS + i] = value;
			else {
				numbers[at + HEADER_SLOTS + i] = Number.NaN;
				this.#extras.push([this.#count, i, value]);
			}
			i++;
		}
		this.#writeHeader(at, index, relative, least, timestampMs, runtimeS);
		this.#length = at + size;
		this.#count++;
	}

	/** The packed records; the packer then begins the next batch and keeps the last shape, which the next record likely has. */
	take(): Batch<Extra> {
		const batch: Batch<Extra> = {
			n0: this.#n0,
			count: this.#count,
			shapes: this.#shapes,
			numbers: this.#numbers.subarray(0, this.#length),
			extras: this.#extras,
		};
		this.#numbers = this.#spare.pop() ?? new Float64Array(BUFFER_SLOTS);
		this.#n0 += this.#count;
		this.#count = 0;
		this.#length = 0;
		this.#extras = [];
		this.#shapes = this.#lastShape ? [this.#lastShape] : [];
		this.#shapeIndex.clear();
		if (this.#lastShape) this.#shapeIndex.set(shapeName(this.#lastShape), 0);
		this.#lastShapeIndex = 0;
		return batch;
	}

	/** Gives back a batch that nobody will read again; its numbers are overwritten by later ones. */
	recycle(batch: Batch<Extra>): void {
		const { buffer } = batch.numbers;
		if (buffer.byteLength === 8 * BUFFER_SLOTS && this.#spare.length < MAX_SPARE) this.#spare.push(new Float64Array(buffer));
	}

	#writeHeader(at: number, shape: number, relative: number, least: number, timestampMs: number, runtimeS: number): void {
		const numbers = this.#numbers;
		numbers[at] = shape;
		numbers[at + 1] = relative;
		numbers[at + 2] = least;
		numbers[at + 3] = timestampMs;
		numbers[at + 4] = runtimeS;
	}

	#shapeOf(keys: string[]): number {
		const name = shapeName(keys);
		let index = this.#shapeIndex.get(name);
		if (index === undefined) {
			index = this.#shapes.length;
			this.#shapes.push(keys);
			this.#shapeIndex.set(name, index);
		}
		this.#lastShape = this.#shapes[index];
		this.#lastShapeIndex = index;
		return index;
	}

	#reserve(slots: number): Float64Array {
		if (this.#length + slots > this.#numbers.length) {
			const grown = new Float64Array(Math.max(2 * this.#numbers.length, this.#length + slots));
			grown.set(this.#numbers.subarray(0, this.#length));
			this.#numbers = grown;
		}
		return this.#numbers;
	}
}

function shapeName(keys: string[]): string {
	return JSON.stringify(keys);
}
