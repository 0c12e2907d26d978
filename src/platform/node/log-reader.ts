import { cutChunk } from '../../core/chunk.ts';
import type { Stream } from '../../core/protocol.ts';
import type { Counts, WriterState } from '../../core/store.ts';
import { later } from '../store-rules.ts';
import { type FileSystem, fileSystem, ifThere } from './file-system.ts';
import { FRAME_BYTES, FRAME_MAGIC, isIntact, type LogBegin, readFrame, refuseNewer } from './frames.ts';

const BLOCK_BYTES = 2 ** 20;

/** Where the records `n0` and following of a stream lie. */
interface Place {
	n0: number;
	end: number;
	/** Of the frame in the file, and its length, head included. */
	offset: number;
	length: number;
}

/**
 * The log of a writer, read while somebody else appends to it. It never writes.
 *
 * What does not make a whole frame is either the end of the file, which somebody is writing or was cut off in, and is looked at again
 * when the file has grown; or it lies before good frames. The latter is damage: what follows it is counted as stored, so that nobody takes the run
 * for complete, and reading the records that are missing says which file is damaged, and where.
 */
export class LogReader {
	readonly path: string;
	readonly #fs: FileSystem;
	/** End of the last good frame. */
	end = 0;
	begin: LogBegin | undefined;
	stored: Counts = {};
	next: WriterState['next'] = { relative: 0, least: 0, runtimeS: 0 };
	/** Bytes of the chunks. */
	bytes = 0;
	#places: { [stream in Stream]?: Place[] } = {};
	#damagedAt: number | undefined;
	#size = 0;
	/** Tells a log from the shorter one that took its place when it was pruned. */
	#inode = 0;

	constructor(path: string, fs: FileSystem = fileSystem) {
		this.path = path;
		this.#fs = fs;
	}

	get isDamaged(): boolean {
		return this.#damagedAt !== undefined;
	}

	/** Reads what was added. Returns whether there is a log. */
	refresh(): boolean {
		const stats = ifThere(() => this.#fs.statSync(this.path));
		if (!stats || stats.ino !== this.#inode || stats.size < this.#size) this.#reset();
		if (!stats) return false;
		this.#inode = stats.ino;
		if (stats.size === this.#size) return true;
		this.#withFile((read) => this.#scan(read, stats.size));
		this.#size = stats.size;
		return true;
	}

	/** Payloads that hold records `fromN` and later, as the contract of `Store.chunks` has it. @throws Error when those records are damaged. */
	chunks(stream: Stream, fromN: number, maxBytes: number): Uint8Array[] {
		const places = this.#places[stream] ?? [];
		let at = firstAfter(places, fromN);
		const found: Uint8Array[] = [];
		let bytes = 0;
		this.#withFile((read) => {
			let expected = Math.max(fromN, this.begin?.stored[stream] ?? 0);
			for (let place = places[at]; place && (found.length === 0 || bytes < maxBytes); place = places[++at]) {
				const frame = place.n0 <= expected ? read(place.offset, place.length) : undefined;
				const isGood = frame?.length === place.length && isIntact(frame);
				if (!isGood && found.length > 0) return;
				if (!isGood) throw this.#damage(frame ? place.offset : (this.#damagedAt ?? place.offset), stream, expected);
				// A copy: the frame lies in a block that the next read overwrites.
				const chunk = { n0: frame.readDoubleLE(16), count: frame.readUInt32LE(8), bytes: new Uint8Array(frame.subarray(FRAME_BYTES)) };
				found.push(chunk.n0 < place.n0 ? cutChunk(chunk, place.n0).bytes : chunk.bytes);
				bytes += place.length - FRAME_BYTES;
				expected = place.end;
			}
		});
		return found;
	}

	#damage(offset: number, stream: Stream, n: number): Error {
		return new Error(`${this.path} is damaged at byte ${offset}: ${stream} records from ${n} on cannot be read there. What lies before is intact.`);
	}

	#scan(read: (offset: number, length: number) => Buffer, size: number): void {
		for (let at = this.end; at < size; ) {
			const length = frameLength(read, at, size);
			if (length > 0) {
				this.#add(read(at, length), at);
				at = this.end = at + length;
				continue;
			}
			refuseNewer(read(at, FRAME_BYTES), this.path);
			const next = nextFrame(read, at + 1, size);
			if (next === undefined) return;
			this.#damagedAt ??= at;
			at = next;
		}
	}

	#add(bytes: Buffer, offset: number): void {
		const { stream, n0, count, next } = readFrame(bytes) as NonNullable<ReturnType<typeof readFrame>>;
		this.next = later(this.next, next);
		if (stream === undefined) {
			this.begin = JSON.parse(bytes.toString('utf8', FRAME_BYTES)) as LogBegin;
			this.stored = { ...this.begin.stored };
			return;
		}
		// Records that are there already: a writer that was cut off sends again what it had no answer for.
		const known = this.stored[stream] ?? 0;
		const end = n0 + count;
		if (end <= known) return;
		const places = this.#places[stream] ?? [];
		places.push({ n0: Math.max(n0, known), end, offset, length: bytes.length });
		this.#places[stream] = places;
		this.stored[stream] = end;
		this.bytes += bytes.length - FRAME_BYTES;
	}

	#reset(): void {
		this.end = this.#size = this.bytes = 0;
		this.begin = this.#damagedAt = undefined;
		this.stored = {};
		this.next = { relative: 0, least: 0, runtimeS: 0 };
		this.#places = {};
	}

	/** Gives bytes of the file, fewer at its end, as a view of a block that the next call may overwrite. */
	#withFile(use: (read: (offset: number, length: number) => Buffer) => void): void {
		const file = ifThere(() => this.#fs.openSync(this.path, 'r'));
		if (file === undefined) return;
		let block = Buffer.alloc(0);
		let blockAt = 0;
		const read = (offset: number, length: number): Buffer => {
			if (offset < blockAt || offset + length > blockAt + block.length) {
				block = Buffer.allocUnsafe(Math.max(length, BLOCK_BYTES));
				blockAt = offset;
				let filled = 0;
				for (let got = -1; got !== 0 && filled < block.length; filled += got)
					got = this.#fs.readSync(file, block, filled, block.length - filled, offset + filled);
				block = block.subarray(0, filled);
			}
			return block.subarray(offset - blockAt, offset - blockAt + length);
		};
		try {
			use(read);
		} finally {
			this.#fs.closeSync(file);
		}
	}
}

/** Length of the whole frame at an offset, or 0 when there is none. */
function frameLength(read: (offset: number, length: number) => Buffer, at: number, size: number): number {
	const head = readFrame(read(at, FRAME_BYTES));
	if (!head || at + FRAME_BYTES + head.length > size) return 0;
	const frame = read(at, FRAME_BYTES + head.length);
	return frame.length === FRAME_BYTES + head.length && isIntact(frame) ? frame.length : 0;
}

function nextFrame(read: (offset: number, length: number) => Buffer, from: number, size: number): number | undefined {
	for (let at = from; at + FRAME_BYTES <= size; ) {
		const found = read(at, Math.min(BLOCK_BYTES, size - at)).indexOf(FRAME_MAGIC);
		if (found === -1) at += Math.max(BLOCK_BYTES - FRAME_MAGIC.length, 1);
		else if (frameLength(read, at + found, size) > 0) return at + found;
		else at += found + 1;
	}
	return undefined;
}

function firstAfter(places: readonly Place[], n: number): number {
	let low = 0;
	let high = places.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((places[middle] as Place).end <= n) low = middle + 1;
		else high = middle;
	}
	return low;
}
