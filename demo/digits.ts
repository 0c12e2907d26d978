import { DIGITS_MAGIC, HEADER_WORDS } from './digits-format.ts';

/** Handwritten digits: a byte a pixel (0 paper, 255 ink) and a label each; the first `trainCount` are for training. */
export interface Digits {
	count: number;
	trainCount: number;
	width: number;
	height: number;
	pixels: Uint8Array;
	labels: Uint8Array;
}

/** @throws Error that says which file could not be had, and why. */
export async function loadDigits(url: string): Promise<Digits> {
	const response = await fetch(url);
	if (!response.ok) throw new Error(`The digits could not be loaded: ${url} answered ${response.status}.`);
	const buffer = await response.arrayBuffer();
	const headerBytes = 4 * HEADER_WORDS;
	const header = buffer.byteLength >= headerBytes ? new DataView(buffer, 0, headerBytes) : undefined;
	if (header?.getUint32(0, true) !== DIGITS_MAGIC) throw new Error(`The digits could not be read: ${url} is another kind of file.`);
	const word = (index: number) => header.getUint32(4 * index, true);
	const [count, width, height, trainCount] = [word(1), word(2), word(3), word(4)];
	const pixelBytes = count * width * height;
	if (buffer.byteLength !== headerBytes + pixelBytes + count) throw new Error(`The digits could not be read: ${url} is cut off.`);
	return {
		count,
		trainCount,
		width,
		height,
		pixels: new Uint8Array(buffer, headerBytes, pixelBytes),
		labels: new Uint8Array(buffer, headerBytes + pixelBytes, count),
	};
}

/** Pixels of one digit as floats, 0 paper to 1 ink. */
export function digitFloats({ pixels, width, height }: Digits, index: number, into = new Float32Array(width * height), at = 0): Float32Array {
	const size = width * height;
	for (let pixel = 0; pixel < size; pixel++) into[at + pixel] = (pixels[index * size + pixel] as number) / 255;
	return into;
}
