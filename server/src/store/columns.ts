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
	const forms = bytes.subarray(8, 8 + width);
	const { buffer, byteOffset, byteLength } = flags & 2 ? unshuffled(unpacked, forms, count) : unpacked;
	const view = new DataView(buffer, byteOffset, byteLength);
	const columns: Float64Array[] = [];
	let at = 0;
	for (const form of forms) {
		const column = new Float64Array(count);
		read(view, at, form, count, column);
		columns.push(column);
		at += sizeOf(form, count);
	}
	return columns;
}

/**
 * Unpacks columns that were packed with `isPacked` false and begin at byte `at` into arrays that are there, and returns their count: a chart reads a
 * hundred thousand columns, and to make an array for each took longer than to read them.
 * @throws Error when a newer release wrote the bytes.
 */
export function unpackPlain(view: DataView, at: number, into: readonly Float64Array[]): number {
	const version = view.getUint8(at);
	if (version !== VERSION || view.getUint8(at + 2) !== 0) throw new Error(`Columns of version ${version} are not plain: a newer release wrote them.`);
	const width = view.getUint8(at + 1);
	const count = view.getUint32(at + 4, true);
	let from = at + padded(8 + width);
	for (let c = 0; c < width; c++) {
		const form = view.getUint8(at + 8 + c);
		read(view, from, form, count, into[c] as Float64Array);
		from += sizeOf(form, count);
	}
	return count;
}

function read(view: DataView, at: number, form: number, count: number, column: Float64Array): void {
	switch (form) {
		case CONSTANT:
			column.fill(view.getFloat64(at, true), 0, count);
			return;
		case EVEN: {
			const first = view.getFloat64(at, true);
			const stride = view.getFloat64(at + 8, true);
			for (let i = 0; i < count; i++) column[i] = first + i * stride;
			return;
		}
		case UINT8:
			for (let i = 0; i < count; i++) column[i] = view.getUint8(at + i);
			return;
		case UINT16:
			for (let i = 0; i < count; i++) column[i] = view.getUint16(at + 2 * i, true);
			return;
		case DELTAS: {
			let value = view.getFloat64(at, true);
			for (let i = 0; i < count; i++) {
				value += view.getInt32(at + 8 + 4 * i, true);
				column[i] = value;
			}
			return;
		}
		case FLOAT32:
			for (let i = 0; i < count; i++) column[i] = view.getFloat32(at + 4 * i, true);
			return;
		default:
			for (let i = 0; i < count; i++) column[i] = view.getFloat64(at + 8 * i, true);
	}
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

/** The same body with the bytes of each value beside each other. */
function unshuffled(body: Uint8Array, forms: Uint8Array, count: number): Uint8Array {
	const plain = new Uint8Array(body);
	let at = 0;
	for (const form of forms) {
		const width = WIDTHS[form] as number;
		const from = at + (form === DELTAS ? 8 : 0);
		if (form > EVEN && width > 1) unshuffle(body.subarray(from), plain.subarray(from), count, width);
		at += sizeOf(form, count);
	}
	return plain;
}
