import type { MediaValue } from '../core/flatten.ts';
import { TidelogError } from '../errors.ts';

/** Pixels in rows from the top left, `channels` values each: 1 grey, 3 RGB, 4 RGBA. Bytes 0–255, or floats 0–1 (values outside are cut off). */
export interface Pixels {
	data: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array | readonly number[];
	/** Columns. */
	width: number;
	/** Rows. */
	height: number;
	/** 1, 3 or 4; taken from the length of `data` when left out. */
	channels?: 1 | 3 | 4;
}

/** What can be drawn: a canvas, an OffscreenCanvas, an ImageBitmap, an `<img>` or `<video>` element, a VideoFrame. */
export type ImageSource = ImageData | Pixels | CanvasImageSource | Blob;

export interface ImageOptions {
	/** Shown under the image. */
	caption?: string;
}

/** What travels to the writer: pixels, a bitmap, or bytes of a file that is an image already. */
export interface ImageSnapshot {
	pixels: ImageData | ImageBitmap | Blob;
	caption: string | undefined;
}

/**
 * An image to log: `run.log({ sample: new Image(canvas, { caption: '7' }) })`. A list of images under one key is one value, at most 108
 * (the limit of W&B's client 0.30). The picture is copied inside `log()`; encoding to PNG happens in the writer. A Blob must be PNG, JPEG
 * or WebP and is kept byte for byte.
 */
export class Image implements MediaValue {
	readonly #source: ImageSource;
	readonly #caption: string | undefined;

	/** @throws TidelogError `invalid-argument` when the source is none of the accepted kinds or its sizes do not fit. */
	constructor(source: ImageSource, options: ImageOptions = {}) {
		if (typeof source !== 'object' || source === null) {
			throw new TidelogError(
				'invalid-argument',
				`Image(): the source must be a canvas, ImageData, pixels, an image element or a Blob, but was ${typeof source}.`,
			);
		}
		if (isPixels(source)) checkPixels(source);
		this.#source = source;
		this.#caption = options.caption;
	}

	snapshot(): ImageSnapshot {
		return { pixels: copySource(this.#source), caption: this.#caption };
	}
}

function isPixels(source: ImageSource): source is Pixels {
	return 'data' in source && !(typeof ImageData !== 'undefined' && source instanceof ImageData);
}

function checkPixels({ data, width, height, channels }: Pixels): void {
	if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
		throw new TidelogError('invalid-argument', `Image(): width and height must be whole numbers of at least 1, but were ${width} and ${height}.`);
	}
	const found = data.length / (width * height);
	if (![1, 3, 4].includes(found) || (channels !== undefined && channels !== found)) {
		throw new TidelogError(
			'invalid-argument',
			`Image(): ${data.length} values for ${width} × ${height} pixels are ${found} a pixel; give 1 (grey), 3 (RGB) or 4 (RGBA)${channels ? `, and the same as channels: ${channels}` : ''}.`,
		);
	}
}

function copySource(source: ImageSource): ImageData | ImageBitmap | Blob {
	if (source instanceof Blob) return source;
	if (isPixels(source)) return toImageData(source);
	if (source instanceof ImageData) return new ImageData(new Uint8ClampedArray(source.data), source.width, source.height);
	// drawImage + transferToImageBitmap copies at once; createImageBitmap would hand the copy over only after this call returned.
	const [width, height] = sizeOf(source);
	const canvas = new OffscreenCanvas(width, height);
	const context = canvas.getContext('2d');
	if (!context) throw new Error('the browser has no 2d context for another canvas');
	context.drawImage(source, 0, 0);
	return canvas.transferToImageBitmap();
}

function sizeOf(source: CanvasImageSource): [number, number] {
	if ('videoWidth' in source) return [source.videoWidth, source.videoHeight];
	if ('naturalWidth' in source) return [source.naturalWidth, source.naturalHeight];
	if ('displayWidth' in source) return [source.displayWidth, source.displayHeight];
	return [Number(source.width), Number(source.height)];
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
