import type { Batch } from './batch.ts';
import { HEADER_SLOTS } from './batch.ts';
import type { LineValue } from './json-line.ts';
import { parseLine, writeLine } from './json-line.ts';
import type { ChunkBytes } from './store.ts';

/**
 * A batch as bytes: what the store keeps. Layout of version 1, little-endian:
 *
 *     0  4  magic "TDLG"
 *     4  1  version: 1
 *     5  3  zero
 *     8  4  length of the header text in bytes
 *    12  4  count of numbers
 *    16     header: a line (json-line.ts) {"n0", "count", "shapes", "extras"}, UTF-8, filled with spaces to a multiple of 8
 *     …     numbers: Float64, little-endian: those of a batch (batch.ts), five before the first key of each record
 *
 * Readers keep reading every version ever released; test/fixtures/formats holds one of each.
 */
const MAGIC = 0x474c4454; // "TDLG" read as a little-endian word
const VERSION = 1;
const PREFIX_BYTES = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeChunk(batch: Batch): Uint8Array<ArrayBuffer> {
	const text = encoder.encode(writeLine({ n0: batch.n0, count: batch.count, shapes: batch.shapes, extras: batch.extras }));
	const headerBytes = Math.ceil(text.length / 8) * 8;
	const bytes = new Uint8Array(PREFIX_BYTES + headerBytes + batch.numbers.byteLength);
	const view = new DataView(bytes.buffer);
	view.setUint32(0, MAGIC, true);
	view.setUint8(4, VERSION);
	view.setUint32(8, headerBytes, true);
	view.setUint32(12, batch.numbers.length, true);
	bytes.set(text, PREFIX_BYTES);
	bytes.fill(0x20, PREFIX_BYTES + text.length, PREFIX_BYTES + headerBytes);
	if (isLittleEndian) new Float64Array(bytes.buffer, PREFIX_BYTES + headerBytes).set(batch.numbers);
	else for (let i = 0; i < batch.numbers.length; i++) view.setFloat64(PREFIX_BYTES + headerBytes + 8 * i, batch.numbers[i] as number, true);
	return bytes;
}

/** @throws Error that says what is wrong, when the bytes are no chunk, are cut short, or were written by a newer version. */
export function decodeChunk(bytes: Uint8Array): Batch {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (bytes.length < PREFIX_BYTES || view.getUint32(0, true) !== MAGIC) throw new Error('This is not a chunk of Tidelog records.');
	const version = view.getUint8(4);
	if (version !== VERSION) throw new Error(`A newer release wrote this chunk (format version ${version}); use that one.`);
	const headerBytes = view.getUint32(8, true);
	const count = view.getUint32(12, true);
	const start = PREFIX_BYTES + headerBytes;
	if (bytes.length !== start + 8 * count) throw new Error(`This chunk is damaged: ${bytes.length} bytes, not ${start + 8 * count}.`);
	const header = parseLine(decoder.decode(bytes.subarray(PREFIX_BYTES, start))) as unknown as Omit<Batch, 'numbers'>;
	const numbers = new Float64Array(count);
	for (let i = 0; i < count; i++) numbers[i] = view.getFloat64(start + 8 * i, true);
	return { n0: header.n0, count: header.count, shapes: header.shapes, numbers, extras: header.extras as [number, number, LineValue][] };
}

/** What remains of a chunk without its records below `n0`. */
export function cutChunk(chunk: ChunkBytes, n0: number): ChunkBytes {
	const batch = decodeChunk(chunk.bytes);
	const cut = n0 - batch.n0;
	let at = 0;
	for (let i = 0; i < cut; i++) at += HEADER_SLOTS + (batch.shapes[batch.numbers[at] as number] as string[]).length;
	const rest: Batch = { n0, count: batch.count - cut, shapes: batch.shapes, numbers: batch.numbers.slice(at), extras: [] };
	for (const [record, key, value] of batch.extras) if (record >= cut) rest.extras.push([record - cut, key, value]);
	return { n0, count: rest.count, bytes: encodeChunk(rest) };
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
