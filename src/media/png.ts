/**
 * PNG (ISO/IEC 15948:2004) of 8-bit grey, RGB or RGBA, by what every runtime has: no canvas, so pixels stay as they are (a canvas multiplies colours
 * by alpha), and grey stays grey. Each row takes the filter (none, sub or up) whose differences are smallest, as the specification advises (§12.8).
 */
export async function encodePng(data: Uint8Array | Uint8ClampedArray, width: number, height: number, channels: 1 | 3 | 4): Promise<Uint8Array> {
	const row = width * channels;
	const raw = new Uint8Array(height * (row + 1));
	const tried = [new Uint8Array(row), new Uint8Array(row), new Uint8Array(row)];
	for (let y = 0; y < height; y++) {
		const costs = [0, 0, 0];
		for (let x = 0; x < row; x++) {
			const value = data[y * row + x] as number;
			const left = x >= channels ? (data[y * row + x - channels] as number) : 0;
			const up = y > 0 ? (data[(y - 1) * row + x] as number) : 0;
			for (const [filter, before] of [0, left, up].entries()) {
				const difference = (value - before) & 255;
				(tried[filter] as Uint8Array)[x] = difference;
				costs[filter] = (costs[filter] as number) + Math.min(difference, 256 - difference);
			}
		}
		const filter = costs.indexOf(Math.min(...costs));
		raw[y * (row + 1)] = filter;
		raw.set(tried[filter] as Uint8Array, y * (row + 1) + 1);
	}
	const header = new Uint8Array(13);
	const view = new DataView(header.buffer);
	view.setUint32(0, width);
	view.setUint32(4, height);
	header.set([8, { 1: 0, 3: 2, 4: 6 }[channels], 0, 0, 0], 8);
	// The `deflate` of CompressionStream is the zlib format (RFC 1950) that PNG wants.
	const packed = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'));
	const parts = [
		new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
		...chunk('IHDR', header),
		...chunk('IDAT', new Uint8Array(await new Response(packed).arrayBuffer())),
		...chunk('IEND', new Uint8Array(0)),
	];
	const png = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
	let at = 0;
	for (const part of parts) {
		png.set(part, at);
		at += part.length;
	}
	return png;
}

function chunk(type: string, data: Uint8Array): Uint8Array[] {
	const head = new Uint8Array(8);
	new DataView(head.buffer).setUint32(0, data.length);
	for (let i = 0; i < 4; i++) head[4 + i] = type.charCodeAt(i);
	const tail = new Uint8Array(4);
	new DataView(tail.buffer).setUint32(0, ~crc(data, crc(head.subarray(4), -1)) >>> 0);
	return [head, data, tail];
}

const CRC = Int32Array.from({ length: 256 }, (_, n) => {
	let c = n;
	for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
	return c;
});

function crc(bytes: Uint8Array, from: number): number {
	let c = from;
	for (const byte of bytes) c = (CRC[(c ^ byte) & 255] as number) ^ (c >>> 8);
	return c;
}
