import type { LineValue } from '../core/json-line.ts';
import { type EncodedMedia, fileValue, type MediaFile, mediaFile } from './encoded.ts';
import type { ImageSnapshot, PixelSnapshot } from './image.ts';
import { imageKind } from './image-kind.ts';
import { encodePng } from './png.ts';

/** Longest list of images under one key, and longest side of one (W&B's client 0.30). */
const MAX_IMAGES = 108;
const MAX_SIDE = 65_500;

type Fields = { [key: string]: LineValue };

/**
 * Images as files and as the object that stands in the row: `image-file`, or `images/separated` for a list, in W&B's shapes (client 0.30:
 * wandb/sdk/data_types/image.py, helper_types/image_mask.py and bounding_boxes_2d.py). A batch among the items makes a list.
 */
export async function encodeImages(
	key: string,
	step: number,
	given: readonly (ImageSnapshot | ImageSnapshot[])[],
	isList: boolean,
): Promise<EncodedMedia> {
	const items = given.flat().slice(0, MAX_IMAGES);
	const images = await Promise.all(items.map((item) => encodeImage(key, step, item)));
	const files = images.flatMap((image) => image.files);
	const first = images[0];
	if (!first) throw new Error('it is an empty list of images');
	if (!isList && !Array.isArray(given[0])) return { value: first.value, files };
	const { width, height, format } = first.value as { width: number; height: number; format: string };
	const value: Fields = {
		_type: 'images/separated',
		width,
		height,
		format,
		count: images.length,
		filenames: images.map((image) => image.value.path as string),
	};
	const each = (member: string) => images.map((image) => image.value[member] ?? null);
	if (items.some((item) => item.caption !== undefined)) value.captions = items.map((item) => item.caption ?? '');
	if (items.some((item) => item.masks.length > 0)) value.all_masks = each('masks');
	if (items.some((item) => item.boxes.length > 0)) value.all_boxes = each('boxes');
	const notices: string[] = [];
	const count = given.flat().length;
	if (count > MAX_IMAGES) notices.push(`of ${count} images the first ${MAX_IMAGES} were kept; log the others under another key`);
	if (images.some((image) => image.value.width !== width || image.value.height !== height)) notices.push('the images of the list differ in size');
	return { value, files, ...(notices.length > 0 ? { notice: notices.join('; ') } : {}) };
}

async function encodeImage(key: string, step: number, item: ImageSnapshot): Promise<{ value: Fields; files: MediaFile[] }> {
	const { bytes, format, width, height } = await toImage(item);
	const file = await mediaFile('images', key, step, bytes, `.${format}`);
	const files = [file];
	const value: Fields = { ...fileValue('image-file', file), format, width, height };
	if (item.caption !== undefined) value.caption = item.caption;
	const masks: Fields = {};
	for (const { name, data } of item.masks) {
		if (data.length !== width * height) throw new Error(`the mask "${name}" has ${data.length} class ids for ${width} × ${height} pixels`);
		const ids = Uint8Array.from(data);
		for (let i = 0; i < ids.length; i++)
			if (ids[i] !== data[i]) throw new Error(`the mask "${name}" holds ${data[i]}; class ids are whole numbers from 0 to 255`);
		const mask = await mediaFile('images/mask', key, step, await encodePng(ids, width, height, 1), '.mask.png');
		files.push(mask);
		masks[name] = fileValue('mask', mask);
	}
	const boxes: Fields = {};
	for (const { name, boxes: list, labels } of item.boxes) {
		const box_data = list.map(({ position, unit, classId, scores, caption }) => ({
			position: position as unknown as LineValue,
			class_id: classId,
			...(unit === 'pixel' ? { domain: 'pixel' } : {}),
			...(scores ? { scores } : {}),
			...(caption === undefined ? {} : { box_caption: caption }),
		}));
		const named = labelsOf(
			list.map(({ classId }) => classId),
			labels,
		);
		const text = new TextEncoder().encode(JSON.stringify({ box_data, class_labels: named }));
		const boxFile = await mediaFile('metadata/boxes2D', key, step, text, '.boxes2D.json');
		files.push(boxFile);
		boxes[name] = fileValue('boxes2D', boxFile);
	}
	if (item.masks.length > 0) value.masks = masks;
	if (item.boxes.length > 0) value.boxes = boxes;
	return { value, files };
}

/** A class without a name is called `class_<id>`. */
function labelsOf(ids: readonly number[], labels: Record<number, string>): Record<string, string> {
	return Object.fromEntries([...new Set([...ids.map(String), ...Object.keys(labels)])].map((id) => [id, labels[Number(id)] ?? `class_${id}`]));
}

interface ImageBytes {
	bytes: Uint8Array;
	format: string;
	width: number;
	height: number;
}

async function toImage({ pixels, format, quality }: ImageSnapshot): Promise<ImageBytes> {
	if (pixels instanceof Blob) {
		const bytes = new Uint8Array(await pixels.arrayBuffer());
		const kind = imageKind(bytes);
		if (!kind) throw new Error('its bytes are no PNG, JPEG, WebP or GIF');
		checkSides(kind.width, kind.height);
		if (format === undefined || format === kind.format.replace('jpg', 'jpeg')) return { bytes, ...kind };
		return draw(await createImageBitmap(pixels), format, quality);
	}
	checkSides(pixels.width, pixels.height);
	if (!('data' in pixels)) return draw(pixels, format ?? 'png', quality);
	const { width, height } = pixels;
	const channels = (pixels.data.length / (width * height)) as 1 | 3 | 4;
	const bytes = toBytes(pixels);
	if (format === undefined || format === 'png') return { bytes: await encodePng(bytes, width, height, channels), format: 'png', width, height };
	if (typeof OffscreenCanvas === 'undefined') throw new Error(`this runtime has no canvas to write ${format} with; leave \`format\` out for PNG`);
	const canvas = new OffscreenCanvas(width, height);
	canvas.getContext('2d')?.putImageData(toImageData(bytes, width, height, channels), 0, 0);
	return written(canvas, format, quality);
}

function checkSides(width: number, height: number): void {
	if (!(width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE))
		throw new Error(`its size is ${width} × ${height}; a side may have 1 to 65,500 pixels`);
}

function draw(bitmap: ImageBitmap, format: string, quality: number | undefined): Promise<ImageBytes> {
	const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
	canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(bitmap);
	return written(canvas, format, quality);
}

/** A browser that cannot write the format writes PNG. */
async function written(canvas: OffscreenCanvas, format: string, quality: number | undefined): Promise<ImageBytes> {
	const { width, height } = canvas;
	const blob = await canvas.convertToBlob({ type: `image/${format}`, ...(quality === undefined ? {} : { quality }) });
	return { bytes: new Uint8Array(await blob.arrayBuffer()), format: blob.type.slice(6).replace('jpeg', 'jpg'), width, height };
}

function toBytes({ data, range }: PixelSnapshot): Uint8ClampedArray<ArrayBuffer> {
	const bytes = new Uint8ClampedArray(data.length);
	const [low, high] = range ?? extentOf(data);
	const scale = high > low ? 255 / (high - low) : 0;
	for (let i = 0; i < data.length; i++) {
		const value = data[i] as number;
		if (Number.isNaN(value)) {
			throw new Error(`its value ${i} of ${data.length} is NaN, which is no colour`);
		}
		bytes[i] = (value - low) * scale;
	}
	return bytes;
}

function extentOf(data: ArrayLike<number>): [number, number] {
	let low = Infinity;
	let high = -Infinity;
	for (let i = 0; i < data.length; i++) {
		const value = data[i] as number;
		if (value < low) low = value;
		if (value > high) high = value;
	}
	return [low, high];
}

function toImageData(bytes: Uint8ClampedArray, width: number, height: number, channels: number): ImageData {
	const out = new Uint8ClampedArray(4 * width * height);
	for (let pixel = 0; pixel < width * height; pixel++) {
		for (let c = 0; c < 3; c++) out[4 * pixel + c] = bytes[pixel * channels + (channels === 1 ? 0 : c)] as number;
		out[4 * pixel + 3] = channels === 4 ? (bytes[pixel * 4 + 3] as number) : 255;
	}
	return new ImageData(out, width, height);
}
