import { check, invalid, isObject, isStep, oneOf, type Rule, shown } from '../checks.ts';
import { MEDIA, type MediaValue } from '../core/flatten.ts';
import type { Edit } from '../core/meta.ts';
import { isTensor, readTensor, type TensorLike } from './tensor.ts';

type Numbers = ArrayLike<number>;

/**
 * Pixels in rows from the top left, 1 (grey), 3 (RGB) or 4 (RGBA) values each. Bytes 0–255; floats (Float32Array, Float64Array) 0–1; values outside are
 * cut off, unless `normalize` says otherwise.
 */
export type Pixels = { data: Numbers } & (
	| {
			/** Columns. */
			width: number;
			/** Rows. */
			height: number;
			/** 1, 3 or 4; taken from the length of `data` when left out. */
			channels?: 1 | 3 | 4;
	  }
	| {
			/** [rows, columns] or [rows, columns, channels]. */
			shape: readonly number[];
	  }
);

/**
 * A canvas, OffscreenCanvas, ImageBitmap, `<img>`, `<video>` (the frame shown) or VideoFrame; ImageData or pixels; a PNG, JPEG, WebP or GIF as a Blob, as a
 * data: URL or as a URL of this origin; a tensor of TensorFlow.js of shape [rows, columns], [rows, columns, channels] or [images, rows, columns,
 * channels], which is a list.
 */
export type ImageSource = ImageData | Pixels | CanvasImageSource | Blob | string | URL | TensorLike;

/** Class ids, one a pixel of the image, 0–255. */
export interface Mask {
	data: Numbers | TensorLike;
	/** Names by class id. */
	labels?: Record<number, string>;
}

export interface Box {
	position: { minX: number; maxX: number; minY: number; maxY: number } | { middle: [number, number]; width: number; height: number };
	/** `fraction` (default): of the image, from 0 to 1. */
	unit?: 'fraction' | 'pixel';
	classId: number;
	scores?: Record<string, number>;
	caption?: string;
}

export interface Boxes {
	boxes: readonly Box[];
	/** Names by class id. */
	labels?: Record<number, string>;
}

export interface ImageOptions {
	/** Shown under the image. */
	caption?: string;
	/** What the picture is written as; `png` by default. A Blob that is of the format already, or with none given, is kept byte for byte. */
	format?: 'png' | 'jpeg' | 'webp';
	/** Of JPEG and WebP, 0 to 1; the browser's own when left out. */
	quality?: number;
	/** For pixels and tensors: the least value becomes black and the greatest white, or the two given. */
	normalize?: boolean | readonly [number, number];
	/** By name, e.g. `prediction`. */
	masks?: Record<string, Mask>;
	boxes?: Record<string, Boxes>;
}

/** What travels to the writer: numbers, a bitmap, or bytes of a file that is an image already. */
export interface ImageSnapshot {
	pixels: PixelSnapshot | ImageBitmap | Blob;
	caption: string | undefined;
	format: ImageOptions['format'];
	quality: number | undefined;
	masks: { name: string; data: Numbers; labels: Record<number, string> }[];
	boxes: { name: string; boxes: readonly Box[]; labels: Record<number, string> }[];
}

export interface PixelSnapshot {
	data: Numbers;
	width: number;
	height: number;
	/** The values that become 0 and 255; undefined: the least and the greatest. */
	range: readonly [number, number] | undefined;
}

/** Files and pixels larger than this join their row when they are encoded, so that the rows after them do not wait. */
const LARGE_BYTES = 4 * 2 ** 20;

/**
 * An image to log: `run.log({ sample: new Image(canvas, { caption: '7' }) })`. A list of images under one key is one value; of more than 108 (the
 * limit of W&B's client 0.30) the first 108 are kept, and `onError` is told. The picture is copied inside `log()` and encoded by the writer. Values that take
 * time to read (tensors, URLs, files over 4 MB; in Node all) join their row in a record of their own.
 *
 * A picture that cannot be encoded (NaN among its pixels, a side of 0 or more than 65,500, a canvas that shows another site's picture, bytes that are no
 * image) is left out: `onError` is told the key, the step and why (code `data-dropped`), and the other values of the call are kept. Node, Deno and the edge
 * have no canvas: there, pixels and tensors are written as PNG, and files must be images already.
 */
export class Image implements MediaValue {
	readonly [MEDIA] = 'image';
	readonly #source: ImageSource;
	readonly #options: ImageOptions;

	/** @throws TidelogError `invalid-argument` when the source is none of the accepted kinds, its sizes do not fit, or an option is wrong. */
	constructor(source: ImageSource, options: ImageOptions = {}) {
		if (!isObject(source) && typeof source !== 'string')
			throw invalid(`Image(): the source must be a canvas, pixels, an image element, a tensor, a Blob or a URL, but was ${shown(source)}.`);
		check('Image()', options, RULES);
		if (isObject(source) && !isTensor(source) && 'data' in source) sizeOf(source as unknown as Pixels);
		this.#source = source;
		this.#options = options;
	}

	snapshot(): ImageSnapshot | Promise<ImageSnapshot | ImageSnapshot[]> {
		const { caption, format, quality, masks = {}, boxes = {} } = this.#options;
		const rest: Omit<ImageSnapshot, 'pixels' | 'masks'> = {
			caption,
			format,
			quality,
			boxes: Object.entries(boxes).map(([name, { boxes: list, labels = {} }]) => ({ name, boxes: structuredClone(list), labels })),
		};
		const read = Object.entries(masks).map(([name, { data, labels = {} }]) => ({ name, data: copyNumbers(data), labels }));
		const pixels = this.#read();
		const isReady = !isPromise(pixels) && !Array.isArray(pixels) && read.every(({ data }) => !isPromise(data));
		if (isReady && bytesOf(pixels) <= LARGE_BYTES) return { ...rest, pixels, masks: read as ImageSnapshot['masks'] };
		return (async () => {
			const ready = await Promise.all(read.map(async (mask) => ({ ...mask, data: await mask.data })));
			const found = await pixels;
			return Array.isArray(found) ? found.map((one) => ({ ...rest, pixels: one, masks: ready })) : { ...rest, pixels: found, masks: ready };
		})();
	}

	/** Names of classes go into the config, where W&B's pages look for them (client 0.30: helper_types/image_mask.py, bounding_boxes_2d.py). */
	about(key: string): Edit[] {
		const { masks = {}, boxes = {} } = this.#options;
		const edits = (type: string, given: Record<string, Mask | Boxes>): Edit[] =>
			Object.entries(given).flatMap(([name, { labels }]) => {
				const place = `${key}_wandb_delimeter_${name}`;
				return labels ? [[['_wandb', type, place], { type, key: place, value: { ...labels } }] as Edit] : [];
			});
		return [...edits('mask/class_labels', masks), ...edits('bounding_box/class_labels', boxes)];
	}

	#read(): ImageSnapshot['pixels'] | Promise<ImageSnapshot['pixels'] | PixelSnapshot[]> {
		const source = this.#source;
		const { normalize } = this.#options;
		if (source instanceof Blob) return source;
		if (typeof source === 'string' || source instanceof URL) return readUrl(String(source));
		if (isTensor(source)) {
			const range = normalize === true ? undefined : normalize || (source.dtype === 'float32' ? UNIT : BYTE);
			return readTensor(source).then((data) => splitTensor(data, source.shape, range));
		}
		if ('data' in source) {
			const pixels = source as Pixels;
			const data = pixels.data;
			if (ArrayBuffer.isView(data) && data.buffer.byteLength === 0) throw new Error('its buffer is detached: it was transferred elsewhere');
			const isFloat = ArrayBuffer.isView(data) && /^Float/.test(data.constructor.name);
			return { data: copyArray(data), ...sizeOf(pixels), range: normalize === true ? undefined : normalize || (isFloat ? UNIT : BYTE) };
		}
		return copyDrawable(source as CanvasImageSource);
	}
}

const UNIT = [0, 1] as const;
const BYTE = [0, 255] as const;
const RULES: Record<keyof ImageOptions, Rule> = {
	caption: [(value) => typeof value === 'string', 'text'],
	format: oneOf('png', 'jpeg', 'webp'),
	quality: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'],
	normalize: [
		(value) => typeof value === 'boolean' || (Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] < value[1]),
		'true or [black, white]',
	],
	masks: [
		(value) => isObject(value) && Object.values(value).every((mask) => isObject(mask) && typeof mask.data === 'object' && mask.data !== null),
		'{ name: { data, labels } }',
	],
	boxes: [
		(value) => isObject(value) && Object.values(value).every((set) => isObject(set) && Array.isArray(set.boxes)),
		'{ name: { boxes: [{ position, classId }], labels } }',
	],
};

function sizeOf(pixels: Pixels): { width: number; height: number } {
	const given = pixels as { shape?: readonly number[]; width?: number; height?: number; channels?: number };
	const { width = given.shape?.[1], height = given.shape?.[0], channels = given.shape?.[2] } = given;
	const found = pixels.data.length / ((width ?? 0) * (height ?? 0));
	if (!isStep(width) || !isStep(height) || ![1, 3, 4].includes(found) || (channels ?? found) !== found) {
		throw invalid(
			`Image(): ${pixels.data.length} values for ${width} × ${height} pixels${channels ? ` of ${channels} channels` : ''}; a pixel is 1 (grey), 3 (RGB) or 4 (RGBA) values.`,
		);
	}
	return { width, height };
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
	return value instanceof Promise;
}

function bytesOf(pixels: ImageSnapshot['pixels']): number {
	return pixels instanceof Blob ? pixels.size : 4 * pixels.width * pixels.height;
}

function copyNumbers(data: Mask['data']): Numbers | Promise<Numbers> {
	return isTensor(data) ? readTensor(data) : copyArray(data);
}

function copyArray(data: Numbers): Numbers {
	return ArrayBuffer.isView(data) ? (data as unknown as Uint8Array).slice() : Array.from(data);
}

function splitTensor(data: Numbers, shape: readonly number[], range: PixelSnapshot['range']): PixelSnapshot | PixelSnapshot[] {
	if (shape.length < 2 || shape.length > 4) throw new Error(`a tensor of shape [${shape}] is no image; give [rows, columns, channels]`);
	const [height = 0, width = 0, channels = 1] = shape.length === 4 ? shape.slice(1) : shape;
	const size = height * width * channels;
	const image = (i: number): PixelSnapshot => ({ data: Array.prototype.slice.call(data, i * size, (i + 1) * size), width, height, range });
	return shape.length === 4 ? Array.from({ length: shape[0] as number }, (_, i) => image(i)) : image(0);
}

/** A picture of another site would be refused by its server or by the browser; its bytes are for the page to fetch. */
async function readUrl(url: string): Promise<Blob> {
	const isOwn = url.startsWith('data:') || url.startsWith('blob:') || new URL(url, globalThis.location?.href).origin === globalThis.location?.origin;
	if (!isOwn) throw new Error(`${url.slice(0, 100)} is of another origin; fetch it yourself and give the Blob`);
	const response = await fetch(url).catch((error: unknown) => {
		throw new Error(`${url.slice(0, 100)} cannot be read (${String(error)}); it may have been revoked`);
	});
	if (!response.ok) throw new Error(`${url.slice(0, 100)} answered ${response.status}`);
	return response.blob();
}

function copyDrawable(source: CanvasImageSource): ImageBitmap {
	if (typeof OffscreenCanvas === 'undefined') throw new Error('this runtime has no canvas; give pixels, a tensor or the bytes of an image');
	// Elements, videos and frames have a size of their own beside the one that they are shown at.
	const sizes = source as unknown as Record<string, number>;
	const width = sizes.videoWidth ?? sizes.naturalWidth ?? sizes.displayWidth ?? sizes.width ?? 0;
	const height = sizes.videoHeight ?? sizes.naturalHeight ?? sizes.displayHeight ?? sizes.height ?? 0;
	if (!(width > 0 && height > 0)) throw new Error(`its size is ${width} × ${height}; it may not be loaded yet`);
	// drawImage + transferToImageBitmap copies at once; createImageBitmap would hand the copy over only after this call returned.
	const canvas = new OffscreenCanvas(width, height);
	const context = canvas.getContext('2d');
	if (!context) throw new Error(`no canvas of ${width} × ${height} pixels can be had`);
	context.drawImage(source, 0, 0);
	const bitmap = canvas.transferToImageBitmap();
	try {
		// Refuses what shows another site's picture, and copies nothing; in the message to the writer it would take its batch along.
		return structuredClone(bitmap, { transfer: [bitmap] });
	} catch {
		throw new Error('it shows a picture of another site (a tainted canvas), which no script may read; load that with crossorigin="anonymous"');
	}
}
