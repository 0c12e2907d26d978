import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { imageKind } from '../../src/media/image-kind.ts';
import { encodePng } from '../../src/media/png.ts';
import { Image } from '../../src/media.ts';

/** Pixels of a PNG that has one IDAT and the filters none, sub and up (ISO/IEC 15948, §9). */
function decodePng(png: Uint8Array, channels: number): Uint8Array {
	const view = new DataView(png.buffer, png.byteOffset);
	const [width, height] = [view.getUint32(16), view.getUint32(20)];
	const row = width * channels;
	const raw = inflateSync(png.subarray(41, 41 + view.getUint32(33)));
	const out = new Uint8Array(row * height);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < row; x++) {
			const filter = raw[y * (row + 1)];
			const left = x >= channels ? (out[y * row + x - channels] as number) : 0;
			const up = y > 0 ? (out[(y - 1) * row + x] as number) : 0;
			out[y * row + x] = (raw[y * (row + 1) + 1 + x] as number) + (filter === 1 ? left : filter === 2 ? up : 0);
		}
	return out;
}

test('a PNG holds the pixels that it was made of, for grey, RGB and RGBA', async () => {
	for (const channels of [1, 3, 4] as const) {
		const data = Uint8Array.from({ length: 37 * 23 * channels }, (_, i) => (i * i + 7 * i) % 256);
		const png = await encodePng(data, 37, 23, channels);
		expect(decodePng(png, channels)).toEqual(data);
		expect(imageKind(png)).toEqual({ format: 'png', width: 37, height: 23 });
	}
});

test('smooth pictures are packed by their differences', async () => {
	const data = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i % 64) + Math.floor(i / 64));
	expect((await encodePng(data, 64, 64, 1)).length).toBeLessThan(300);
});

test('the kind and size of GIF, WebP and JPEG are read from their heads', () => {
	const bytes = (...head: (number | string)[]) =>
		Uint8Array.from([...head.flatMap((part) => (typeof part === 'string' ? [...part].map((c) => c.charCodeAt(0)) : [part])), ...Array(40).fill(0)]);
	expect(imageKind(bytes('GIF89a', 3, 1, 5, 0))).toEqual({ format: 'gif', width: 259, height: 5 });
	expect(imageKind(bytes('RIFF', 0, 0, 0, 0, 'WEBPVP8X', 10, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 4, 0, 0))).toEqual({
		format: 'webp',
		width: 266,
		height: 5,
	});
	expect(imageKind(bytes(0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 0, 7, 1, 2))).toEqual({ format: 'jpg', width: 258, height: 7 });
	expect(imageKind(bytes('%PDF'))).toBeUndefined();
});

test('wrong sources and options throw where they are given', () => {
	const pixels = { data: new Uint8Array(4), shape: [2, 2] };
	const wrong: [unknown, object?][] = [
		[5],
		[{ data: [1, 2, 3], width: 2, height: 2 }],
		[{ data: [1, 2, 3, 4], shape: [2, 2, 3] }],
		[{ data: [], shape: [0, 2] }],
		[pixels, { format: 'bmp' }],
		[pixels, { quality: 2 }],
		[pixels, { normalize: [1, 0] }],
		[pixels, { masks: { a: [1] } }],
		[pixels, { captoin: 'x' }],
	];
	for (const [source, options] of wrong)
		expect(() => new Image(source as never, options)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
});

test('tensors of TensorFlow.js are read as they are at log(), in and out of tidy(), and leave none behind', async () => {
	const tf = await import('@tensorflow/tfjs');
	await tf.setBackend('cpu');
	const before = tf.memory().numTensors;
	const values = Float32Array.from({ length: 12 }, (_, i) => i / 11);
	const tensor = tf.tensor(values, [2, 2, 3]);
	const read = new Image(tensor).snapshot();
	tensor.dispose();
	let inTidy: unknown;
	tf.tidy(() => {
		inTidy = new Image(tf.tensor([0, 255, 7, 9], [1, 2, 2, 1], 'int32')).snapshot();
	});
	expect(await read).toMatchObject({ pixels: { data: Array.from(values), width: 2, height: 2, range: [0, 1] } });
	expect(await inTidy).toMatchObject([{ pixels: { data: [0, 255, 7, 9], width: 2, height: 2, range: [0, 255] } }]);
	expect(tf.memory().numTensors).toBe(before);
});
