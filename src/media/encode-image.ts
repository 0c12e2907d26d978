import type { LineValue } from '../core/json-line.ts';
import type { ImageSnapshot, Pixels } from './image.ts';

/** An encoded file and the path in the run that it gets. */
export interface MediaFile {
	path: string;
	sha256: string;
	bytes: Uint8Array;
}

export interface EncodedMedia {
	value: LineValue;
	files: MediaFile[];
}

/** Longest list of images under one key (W&B's client 0.30). */
const MAX_IMAGES = 108;
const EXTENSIONS: Record<string, string> = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp' };

/**
 * Images as files and as the object that stands in the row: `image-file`, or `images/separated` for a list, in W&B's shapes (client 0.30:
 * wandb/sdk/data_types/image.py).
 */
export async function encodeImages(key: string, step: number, items: readonly ImageSnapshot[], isList: boolean): Promise<EncodedMedia> {
	if (items.length > MAX_IMAGES) throw new Error(`${items.length} images are more than ${MAX_IMAGES}`);
	const images = await Promise.all(items.map((item) => encodeImage(key, step, item)));
	const files = images.map((image) => image.file);
	const first = images[0];
	if (!first) throw new Error('an empty list of images');
	const caption = (item: ImageSnapshot | undefined) => item?.caption ?? '';
	if (!isList) {
		const value: Record<string, LineValue> = {
			_type: 'image-file',
			sha256: first.file.sha256,
			size: first.file.bytes.length,
			path: first.file.path,
			format: first.format,
			width: first.width,
			height: first.height,
		};
		if (items[0]?.caption !== undefined) value.caption = caption(items[0]);
		return { value, files };
	}
	const value: Record<string, LineValue> = {
		_type: 'images/separated',
		width: first.width,
		height: first.height,
		format: first.format,
		count: images.length,
		filenames: files.map((file) => file.path),
	};
	if (items.some((item) => item.caption !== undefined)) value.captions = items.map(caption);
	return { value, files };
}

async function encodeImage(
	key: string,
	step: number,
	item: ImageSnapshot,
): Promise<{ file: MediaFile; format: string; width: number; height: number }> {
	const { blob, width, height } = await toBlob(item.pixels);
	const format = EXTENSIONS[blob.type];
	if (format === undefined) throw new Error(`images of type "${blob.type}" cannot be shown; give PNG, JPEG or WebP`);
	const bytes = new Uint8Array(await blob.arrayBuffer());
	const sha256 = await sha256Hex(bytes);
	return { file: { path: mediaPath('images', key, step, sha256, format), sha256, bytes }, format, width, height };
}

async function toBlob(pixels: ImageSnapshot['pixels']): Promise<{ blob: Blob; width: number; height: number }> {
	if (pixels instanceof Blob) {
		const bitmap = await createImageBitmap(pixels);
		const size = { width: bitmap.width, height: bitmap.height };
		bitmap.close();
		return { blob: pixels, ...size };
	}
	const { width, height } = pixels;
	const canvas = new OffscreenCanvas(width, height);
	if ('data' in pixels) canvas.getContext('2d')?.putImageData(toImageData(pixels), 0, 0);
	else canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(pixels);
	return { blob: await canvas.convertToBlob({ type: 'image/png' }), width, height };
}

function toImageData({ data, width, height }: Pixels): ImageData {
	const channels = data.length / (width * height);
	const isFloat = data instanceof Float32Array || data instanceof Float64Array;
	const scale = isFloat ? 255 : 1;
	const out = new Uint8ClampedArray(4 * width * height);
	for (let pixel = 0; pixel < width * height; pixel++) {
		const from = pixel * channels;
		const red = (data[from] as number) * scale;
		out[4 * pixel] = red;
		out[4 * pixel + 1] = channels === 1 ? red : (data[from + 1] as number) * scale;
		out[4 * pixel + 2] = channels === 1 ? red : (data[from + 2] as number) * scale;
		out[4 * pixel + 3] = channels === 4 ? (data[from + 3] as number) * scale : 255;
	}
	return new ImageData(out, width, height);
}

/** `media/<dir>/<key>_<step>_<first 20 hex of sha256>.<ext>`; a `/` in the key makes folders (W&B's client 0.30: base_types/media.py). */
export function mediaPath(dir: string, key: string, step: number, sha256: string, extension: string): string {
	const safe = key
		.split('/')
		.filter((part, i) => part !== '' || i > 0)
		.map((part) => (part === '.' || part === '..' ? part.replaceAll('.', '_') : part))
		.join('/');
	return `media/${dir}/${safe}_${step}_${sha256.slice(0, 20)}.${extension}`;
}

export async function sha256Hex(bytes: Uint8Array): Promise<string> {
	const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
	return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
