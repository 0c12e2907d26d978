import { invalid, isObject, isStep, shown } from '../checks.ts';
import type { MediaValue } from '../core/flatten.ts';

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
	pixels: Pixels | ImageBitmap | Blob;
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
		if (!isObject(source)) throw invalid(`Image(): the source must be a canvas, pixels, an image element or a Blob, but was ${shown(source)}.`);
		if ('data' in source) checkPixels(source as unknown as Pixels);
		this.#source = source;
		this.#caption = options.caption;
	}

	snapshot(): ImageSnapshot {
		if (typeof OffscreenCanvas === 'undefined') throw new Error('this runtime has no canvas to encode images with');
		return { pixels: copySource(this.#source), caption: this.#caption };
	}
}

function checkPixels({ data, width, height, channels }: Pixels): void {
	const found = data.length / (width * height);
	if (!isStep(width) || !isStep(height) || ![1, 3, 4].includes(found) || (channels ?? found) !== found) {
		throw invalid(
			`Image(): ${data.length} values for ${width} × ${height} pixels${channels ? ` of ${channels} channels` : ''}; a pixel is 1 (grey), 3 (RGB) or 4 (RGBA) values.`,
		);
	}
}

function copySource(source: ImageSource): ImageSnapshot['pixels'] {
	if (source instanceof Blob) return source;
	if ('data' in source) return { data: source.data.slice(), width: source.width, height: source.height };
	// Elements, videos and frames have a size of their own beside the one that they are shown at.
	const sizes = source as unknown as Record<string, number>;
	const width = sizes.videoWidth ?? sizes.naturalWidth ?? sizes.displayWidth ?? sizes.width ?? 0;
	const height = sizes.videoHeight ?? sizes.naturalHeight ?? sizes.displayHeight ?? sizes.height ?? 0;
	// drawImage + transferToImageBitmap copies at once; createImageBitmap would hand the copy over only after this call returned.
	const canvas = new OffscreenCanvas(width, height);
	canvas.getContext('2d')?.drawImage(source, 0, 0);
	return canvas.transferToImageBitmap();
}
