import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/**
 * Columns of doubles as bytes, each in the narrowest of these forms that gives every value back bit for bit (but for the bits inside a NaN):
 *
 *     0 constant   the value
 *     1 even       first value and stride: steps and line numbers nearly always count up evenly
 *     2 uint8      3 uint16: whole numbers
 *     4 deltas     first value, then int32 differences of whole numbers
 *     5 float32    6 float64
 *
 * Layout of version 1, little-endian as every machine that Node 24 runs on: version, columns (≤ 255), 1 when packed, 0, count (uint32), the form of each
 * column, zeros up to a multiple of 8; then the columns, each filled up to a multiple of 8. Packed columns are byte-shuffled (the first bytes of all
 * values, then the second ones …), which is what makes floats compress, and zstd level 1 as one.
 */
export type Column = readonly number[] | Float64Array;

const VERSION = 1;
/** Below this zstd saves less than it costs. */
const LEAST_PACKED_BYTES = 256;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const CONSTANT = 0;
const EVEN = 1;
const UINT8 = 2;
const UINT16 = 3;
const DELTAS = 4;
const FLOAT32 = 5;
const FLOAT64 = 6;
const WIDTHS = [8, 16, 1, 2, 4, 4, 8];

export function packColumns(columns: readonly Column[], isPacked = true): Uint8Array {
	const count = columns[0]?.length ?? 0;
	const forms = columns.map(formOf);
	const headBytes = padded(8 + columns.length);
	const body = new Uint8Array(forms.reduce((sum, form) => sum + sizeOf(form, count), 0));
	let at = 0;
	for (const [i, column] of columns.entries()) {
		const form = forms[i] as number;
		write(column, form, body.subarray(at, at + sizeOf(form, count)), isPacked);
		at += sizeOf(form, count);
	}
	const packed = isPacked && body.length >= LEAST_PACKED_BYTES ? zstdCompressSync(body, ZSTD) : undefined;
	const kept = packed && packed.length < body.length ? packed : body;
	const bytes = new Uint8Array(headBytes + kept.length);
	bytes[0] = VERSION;
	bytes[1] = columns.length;
	bytes[2] = (kept === packed ? 1 : 0) + (isPacked ? 2 : 0);
	new DataView(bytes.buffer).setUint32(4, count, true);
	bytes.set(forms, 8);
	bytes.set(kept, headBytes);
	return bytes;
}

/** @throws Error when a newer release wrote the bytes. */
export function unpackColumns(bytes: Uint8Array): Float64Array[] {
	if (bytes[0] !== VERSION) throw new Error(`Columns of version ${bytes[0]} were written by a newer release.`);
	const width = bytes[1] as number;
	const flags = bytes[2] as number;
	const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
	const rest = bytes.subarray(padded(8 + width));
	const unpacked = flags & 1 ? zstdDecompressSync(rest) : rest;
	// The views below want multiples of 8.
	const { buffer, byteOffset } = unpacked.byteOffset % 8 === 0 ? unpacked : new Uint8Array(unpacked);
	const columns: Float64Array[] = [];
	let at = byteOffset;
	for (let i = 0; i < width; i++) {
		const form = bytes[8 + i] as number;
		columns.push(read(buffer, at, form, count, (flags & 2) !== 0));
		at += sizeOf(form, count);
	}
	return columns;
}

/** Entries of packed columns, without unpacking them. */
export function countColumns(bytes: Uint8Array): number {
	return new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
}

function padded(bytes: number): number {
	return (bytes + 7) & ~7;
}

function sizeOf(form: number, count: number): number {
	if (form <= EVEN) return WIDTHS[form] as number;
	return padded((form === DELTAS ? 8 : 0) + count * (WIDTHS[form] as number));
}

function formOf(column: Column): number {
	const count = column.length;
	if (count === 0) return CONSTANT;
	const first = column[0] as number;
	const stride = count > 1 ? (column[1] as number) - first : 0;
	let isEven = Number.isFinite(first);
	let isConstant = true;
	let isWhole = true;
	let isFloat32 = true;
	let least = first;
	let most = first;
	let previous = first;
	let mostDelta = 0;
	for (let i = 0; i < count; i++) {
		const value = column[i] as number;
		if (isConstant && !Object.is(value, first)) isConstant = false;
		if (isEven && !Object.is(first + i * stride, value)) isEven = false;
		// −0 is a whole number that integers have no place for.
		if (isWhole && (!Number.isSafeInteger(value) || (value === 0 && 1 / value < 0))) isWhole = false;
		if (isFloat32 && Math.fround(value) !== value && !Number.isNaN(value)) isFloat32 = false;
		if (isWhole) {
			if (value < least) least = value;
			else if (value > most) most = value;
			const delta = Math.abs(value - previous);
			if (delta > mostDelta) mostDelta = delta;
			previous = value;
		} else if (!isConstant && !isEven && !isFloat32) return FLOAT64;
	}
	if (isConstant) return CONSTANT;
	if (isEven) return EVEN;
	if (isWhole) {
		if (least >= 0 && most <= 0xff) return UINT8;
		if (least >= 0 && most <= 0xffff) return UINT16;
		if (mostDelta <= 0x7fffffff) return DELTAS;
	}
	return isFloat32 ? FLOAT32 : FLOAT64;
}

function write(column: Column, form: number, out: Uint8Array, isShuffled: boolean): void {
	const count = column.length;
	const head = new Float64Array(2);
	if (form <= EVEN || form === DELTAS) {
		head[0] = column[0] ?? 0;
		if (form === EVEN) head[1] = (column[1] as number) - (column[0] as number);
		out.set(new Uint8Array(head.buffer, 0, form === EVEN ? 16 : 8));
		if (form !== DELTAS) return;
	}
	const values = form === DELTAS ? deltas(column) : arrayOf(form, column);
	const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
	const rest = out.subarray(form === DELTAS ? 8 : 0);
	if (isShuffled) shuffle(bytes, rest, count, WIDTHS[form] as number);
	else rest.set(bytes);
}

/** Copies by hand: a typed array made from one of another type takes V8 several times as long. */
function read(buffer: ArrayBufferLike, at: number, form: number, count: number, isShuffled: boolean): Float64Array {
	if (form === FLOAT64 && !isShuffled) return new Float64Array(buffer, at, count);
	const column = new Float64Array(count);
	if (form <= EVEN) {
		const head = new Float64Array(buffer, at, form === EVEN ? 2 : 1);
		const first = head[0] as number;
		if (form === CONSTANT) return first === 0 && !Object.is(first, -0) ? column : column.fill(first);
		const stride = head[1] as number;
		for (let i = 0; i < count; i++) column[i] = first + i * stride;
		return column;
	}
	const width = WIDTHS[form] as number;
	const start = form === DELTAS ? 8 : 0;
	let from: ArrayBufferLike = buffer;
	let offset = at + start;
	if (isShuffled && width > 1) {
		const joined = form === FLOAT64 ? new Uint8Array(column.buffer) : new Uint8Array(count * width);
		unshuffle(new Uint8Array(buffer, offset, count * width), joined, count, width);
		if (form === FLOAT64) return column;
		from = joined.buffer;
		offset = 0;
	}
	if (form === DELTAS) {
		const differences = new Int32Array(from, offset, count);
		let value = new Float64Array(buffer, at, 1)[0] as number;
		for (let i = 0; i < count; i++) {
			value += differences[i] as number;
			column[i] = value;
		}
		return column;
	}
	const Narrow = form === UINT8 ? Uint8Array : form === UINT16 ? Uint16Array : Float32Array;
	const values = new Narrow(from as ArrayBuffer, offset, count);
	for (let i = 0; i < count; i++) column[i] = values[i] as number;
	return column;
}

function arrayOf(form: number, column: Column): Uint8Array | Uint16Array | Float32Array | Float64Array {
	switch (form) {
		case UINT8:
			return Uint8Array.from(column);
		case UINT16:
			return new Uint16Array(column);
		case FLOAT32:
			return new Float32Array(column);
	}
	return column instanceof Float64Array ? column : new Float64Array(column);
}

function deltas(column: Column): Int32Array {
	const differences = new Int32Array(column.length);
	for (let i = 1; i < column.length; i++) differences[i] = (column[i] as number) - (column[i - 1] as number);
	return differences;
}

function shuffle(from: Uint8Array, to: Uint8Array, count: number, width: number): void {
	for (let byte = 0, at = 0; byte < width; byte++) for (let i = byte; at < count * (byte + 1); i += width) to[at++] = from[i] as number;
}

function unshuffle(from: Uint8Array, to: Uint8Array, count: number, width: number): void {
	for (let byte = 0, at = 0; byte < width; byte++) for (let i = byte; at < count * (byte + 1); i += width) to[i] = from[at++] as number;
}
