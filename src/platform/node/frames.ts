import { crc32 } from 'node:zlib';
import type { Stream } from '../../core/protocol.ts';
import type { ChunkBytes, Counts, WriterState } from '../../core/store.ts';

/**
 * The log of a writer is a sequence of frames, each a chunk of one of its streams. Layout of version 1, little-endian:
 *
 *     0  4  magic "TDLF"
 *     4  1  version: 1
 *     5  1  stream: 0 meta, 1 history, 2 events, 3 console; 255: the beginning of the log ({@link LogBegin} as JSON)
 *     6  2  zero
 *     8  4  count of records
 *    12  4  length of the payload in bytes
 *    16  8  number of the first record
 *    24 24  `next` of the writer (store.ts) after these records: relative, least, runtimeS
 *    48  4  CRC-32 of bytes 0 to 47 and the payload
 *    52     payload: the chunk (core/chunk.ts)
 *
 * Numbers that are not whole counts of bytes are Float64. Readers keep reading every version ever released; test/fixtures/formats holds one of each.
 */
export const FRAME_MAGIC = Buffer.from('TDLF');
export const FRAME_BYTES = 52;
const VERSION = 1;
const CRC_AT = 48;
const CODES: Record<Stream, number> = { meta: 0, history: 1, events: 2, console: 3 };
const BEGIN = 255;
const NO_NEXT: WriterState['next'] = { relative: 0, least: 0, runtimeS: 0 };

export interface Frame {
	/** Undefined for the beginning of the log. */
	stream: Stream | undefined;
	n0: number;
	count: number;
	/** Bytes of the payload. */
	length: number;
	next: WriterState['next'];
}

/** Stands first in a log: whose it is, and what it held before it was pruned. */
export interface LogBegin {
	run: string;
	writer: string;
	startedMs: number;
	stored: Counts;
	next: WriterState['next'];
}

export function encodeFrame(stream: Stream, { n0, count, bytes }: ChunkBytes, next: WriterState['next'] = NO_NEXT): Buffer<ArrayBuffer> {
	return frameOf(CODES[stream], n0, count, next, bytes);
}

export function encodeBegin(begin: LogBegin): Buffer<ArrayBuffer> {
	return frameOf(BEGIN, 0, 0, begin.next, Buffer.from(JSON.stringify(begin)));
}

/** The head of a frame, or undefined when the bytes are none of this version. */
export function readFrame(bytes: Buffer): Frame | undefined {
	if (versionOf(bytes) !== VERSION) return undefined;
	const code = bytes[5];
	const stream = (Object.keys(CODES) as Stream[]).find((one) => CODES[one] === code);
	if (stream === undefined && code !== BEGIN) return undefined;
	return {
		stream,
		count: bytes.readUInt32LE(8),
		length: bytes.readUInt32LE(12),
		n0: bytes.readDoubleLE(16),
		next: { relative: bytes.readDoubleLE(24), least: bytes.readDoubleLE(32), runtimeS: bytes.readDoubleLE(40) },
	};
}

/** @throws Error when a newer release wrote this frame: it must not be taken for a damaged one, and cut off. */
export function refuseNewer(bytes: Buffer, path: string): void {
	const version = versionOf(bytes);
	// Larger numbers are letters of a text that happens to lie here.
	if (version > VERSION && version < 32) throw new Error(`${path}: a newer release wrote this log (frame version ${version}); use that one.`);
}

/** 0 when there is no frame. */
function versionOf(bytes: Buffer): number {
	return bytes.length >= FRAME_BYTES && bytes.compare(FRAME_MAGIC, 0, 4, 0, 4) === 0 ? (bytes[4] as number) : 0;
}

/** Whether a whole frame, head and payload, is as it was written. */
export function isIntact(frame: Buffer): boolean {
	return crcOf(frame) === frame.readUInt32LE(CRC_AT);
}

function frameOf(code: number, n0: number, count: number, next: WriterState['next'], payload: Uint8Array): Buffer<ArrayBuffer> {
	const frame = Buffer.allocUnsafe(FRAME_BYTES + payload.length);
	FRAME_MAGIC.copy(frame);
	frame.writeUInt32LE(VERSION | (code << 8), 4);
	frame.writeUInt32LE(count, 8);
	frame.writeUInt32LE(payload.length, 12);
	frame.writeDoubleLE(n0, 16);
	frame.writeDoubleLE(next.relative, 24);
	frame.writeDoubleLE(next.least, 32);
	frame.writeDoubleLE(next.runtimeS, 40);
	frame.set(payload, FRAME_BYTES);
	frame.writeUInt32LE(crcOf(frame), CRC_AT);
	return frame;
}

function crcOf(frame: Buffer): number {
	return crc32(frame.subarray(FRAME_BYTES), crc32(frame.subarray(0, CRC_AT)));
}
