import type { Series } from './query.ts';

/**
 * A chart's series as bytes: the answer of `POST /api/chart`. The format is docs/query-api.md, version 1. Typed arrays lie in the bytes as they lie in
 * memory, which is little-endian wherever browsers and Node run, so that nothing is converted on either side.
 */
export const CHART_TYPE = 'application/vnd.tidelog.chart';

const MAGIC = 'TLCHART1';
const DOUBLES = ['firstX', 'x', 'min', 'max', 'mean', 'first', 'last', 'argMin', 'argMax'] as const;
const WHOLES = ['count', 'nonFinite'] as const;
const FRAME_BYTES = 8;
const BUCKET_BYTES = DOUBLES.length * 8 + WHOLES.length * 4;

type Head = Pick<Series, 'runId' | 'key' | 'points'> & { nonFiniteAt?: [x: number, value: string][] };

/** What stands before the first series. */
export const chartStart = (): Uint8Array<ArrayBuffer> => new TextEncoder().encode(MAGIC);
/** What stands behind the last one, so that an answer that was cut off is known. */
export const chartEnd = (): Uint8Array<ArrayBuffer> => new Uint8Array(FRAME_BYTES);

export function encodeSeries(series: Series): Uint8Array<ArrayBuffer> {
	const { runId, key, points, nonFiniteAt } = series;
	const head: Head = {
		runId,
		key,
		points,
		...(nonFiniteAt.length > 0 && { nonFiniteAt: nonFiniteAt.map(({ x, value }) => [x, String(value)]) }),
	};
	const json = new TextEncoder().encode(JSON.stringify(head));
	const headBytes = padded(json.length);
	const buckets = series.x.length;
	const bytes = new Uint8Array(FRAME_BYTES + headBytes + buckets * BUCKET_BYTES);
	new Uint32Array(bytes.buffer, 0, 2).set([headBytes, buckets]);
	bytes.set(json, FRAME_BYTES);
	bytes.fill(0x20, FRAME_BYTES + json.length, FRAME_BYTES + headBytes);
	const doubles = new Float64Array(bytes.buffer, FRAME_BYTES + headBytes, buckets * DOUBLES.length);
	for (const [i, name] of DOUBLES.entries()) doubles.set(series[name], i * buckets);
	const wholes = new Uint32Array(bytes.buffer, doubles.byteOffset + doubles.byteLength, buckets * WHOLES.length);
	for (const [i, name] of WHOLES.entries()) wholes.set(series[name], i * buckets);
	return bytes;
}

/**
 * The series of a whole answer, in the order of the request. Their arrays are views of `buffer`.
 * @throws Error when the bytes are no chart of this version, or end too early.
 */
export function decodeChart(buffer: ArrayBuffer): Series[] {
	const magic = new TextDecoder().decode(buffer.slice(0, FRAME_BYTES));
	if (magic !== MAGIC) {
		throw new Error(
			`The chart begins with ${JSON.stringify(magic)}, not with ${MAGIC}: server and reader are of different releases; reload the page.`,
		);
	}
	const all: Series[] = [];
	for (let at = FRAME_BYTES; at + FRAME_BYTES <= buffer.byteLength; ) {
		const [headBytes, buckets] = new Uint32Array(buffer, at, 2) as unknown as [number, number];
		at += FRAME_BYTES;
		if (headBytes === 0) return all;
		if (at + headBytes + buckets * BUCKET_BYTES > buffer.byteLength) break;
		const { nonFiniteAt = [], ...head } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at, headBytes))) as Head;
		at += headBytes;
		const columns: Partial<Record<keyof Series, Float64Array | Uint32Array>> = {};
		for (const name of DOUBLES) {
			columns[name] = new Float64Array(buffer, at, buckets);
			at += buckets * 8;
		}
		for (const name of WHOLES) {
			columns[name] = new Uint32Array(buffer, at, buckets);
			at += buckets * 4;
		}
		all.push({ ...head, ...columns, nonFiniteAt: nonFiniteAt.map(([x, value]) => ({ x, value: Number(value) })) } as Series);
	}
	throw new Error(`The chart ends after ${buffer.byteLength} bytes, in the midst of a series: the connection was cut off. Ask again.`);
}

function padded(bytes: number): number {
	return (bytes + 7) & ~7;
}
