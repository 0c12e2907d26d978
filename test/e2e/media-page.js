import { init } from 'tidelog';
import { Image } from 'tidelog/media';

/** A picture with every channel and alpha in it, 6 × 4. */
export const PIXELS = Uint8Array.from({ length: 6 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256));

function canvasOf(pixels, width, height, canvas = new OffscreenCanvas(width, height)) {
	canvas.width = width;
	canvas.height = height;
	canvas.getContext('2d').putImageData(new ImageData(Uint8ClampedArray.from(pixels), width, height), 0, 0);
	return canvas;
}

class Tensor {
	constructor(values, shape, dtype) {
		Object.assign(this, { values, shape, dtype, isDisposed: false });
		Tensor.alive = (Tensor.alive ?? 0) + 1;
	}
	async data() {
		if (this.isDisposed) throw new Error('disposed');
		const values = this.values;
		await new Promise((resolve) => setTimeout(resolve, 30));
		return values;
	}
	clone() {
		return new Tensor(this.values, this.shape, this.dtype);
	}
	dispose() {
		this.isDisposed = true;
		Tensor.alive--;
	}
}

/** Logs one picture from every kind of source, and spoils the source on the next line. */
export async function logImages(server) {
	const errors = [];
	const run = init({ project: 'media', server, onError: ({ code, message }) => errors.push(`${code}: ${message}`) });
	const one = (key, source, options) => {
		run.log({ [key]: new Image(source, options), kept: 1 });
	};
	const canvas = canvasOf(PIXELS, 6, 4);
	one('canvas', canvas, { caption: 'a canvas' });
	canvas.getContext('2d').clearRect(0, 0, 6, 4);
	const element = canvasOf(PIXELS, 6, 4, document.createElement('canvas'));
	one('element', element);
	element.width = 1;
	const bitmap = await createImageBitmap(canvasOf(PIXELS, 6, 4));
	one('bitmap', bitmap);
	bitmap.close();
	one('imageData', new ImageData(Uint8ClampedArray.from(PIXELS), 6, 4));
	const frame = new VideoFrame(canvasOf(PIXELS, 6, 4), { timestamp: 0 });
	one('frame', frame);
	frame.close();
	const blob = await canvasOf(PIXELS, 6, 4).convertToBlob();
	one('blob', blob);
	const url = await new Promise((resolve) => {
		const reader = new FileReader();
		reader.onload = () => resolve(reader.result);
		reader.readAsDataURL(blob);
	});
	one('dataUrl', url);
	const img = document.createElement('img');
	img.src = url;
	await img.decode();
	one('img', img);
	one('sameOrigin', '/picture.png');
	const bytes = PIXELS.slice();
	one('rgba', { data: bytes, shape: [4, 6, 4] });
	bytes.fill(0);
	const rgb = PIXELS.filter((_, i) => i % 4 !== 3);
	one('rgb', { data: rgb, width: 6, height: 4 });
	one('floats', { data: Float32Array.from(rgb, (byte) => byte / 255), shape: [4, 6, 3] });
	one('normalized', { data: Float32Array.from(rgb, (byte) => byte * 3 - 100), shape: [4, 6, 3] }, { normalize: [-100, 665] });
	one(
		'tensor',
		new Tensor(
			Float32Array.from(rgb, (byte) => byte / 255),
			[4, 6, 3],
			'float32',
		),
	);
	const tensor = new Tensor(Int32Array.from(rgb), [4, 6, 3], 'int32');
	one('intTensor', tensor);
	tensor.dispose();
	one('batch', new Tensor(Int32Array.from([...rgb, ...rgb]), [2, 4, 6, 3], 'int32'));
	one('list', { data: rgb, width: 6, height: 4 });
	run.log({ many: Array.from({ length: 110 }, () => new Image({ data: rgb, width: 6, height: 4 })), kept: 1 });
	one('jpeg', canvasOf(PIXELS, 6, 4), { format: 'jpeg', quality: 1 });
	one('webp', { data: PIXELS, shape: [4, 6, 4] }, { format: 'webp' });
	one(
		'val/marked',
		{ data: PIXELS, shape: [4, 6, 4] },
		{
			masks: { prediction: { data: Uint8Array.from({ length: 24 }, (_, i) => i % 3), labels: { 1: 'nucleus', 2: 'debris' } } },
			boxes: {
				prediction: {
					boxes: [
						{ position: { minX: 1, maxX: 3, minY: 0, maxY: 2 }, unit: 'pixel', classId: 1, scores: { score: 0.9 }, caption: 'one' },
						{ position: { middle: [0.5, 0.5], width: 0.2, height: 0.4 }, classId: 4 },
					],
					labels: { 1: 'nucleus' },
				},
			},
		},
	);
	await run.finish();
	const alive = Tensor.alive;
	return { id: run.id, errors, status: run.status, alive };
}

/** What no picture can be made of; `kept` stays. */
export async function logBad(server, otherOrigin) {
	const errors = [];
	const run = init({ project: 'media', server, onError: ({ code, message }) => errors.push(`${code}: ${message}`) });
	const tainted = document.createElement('img');
	tainted.src = `${otherOrigin}/picture.png`;
	await tainted.decode();
	const canvas = document.createElement('canvas');
	canvas.width = canvas.height = 4;
	canvas.getContext('2d').drawImage(tainted, 0, 0);
	const detached = new Uint8Array(16);
	const pixels = new Image({ data: detached, shape: [4, 4] });
	structuredClone(detached, { transfer: [detached.buffer] });
	const revoked = URL.createObjectURL(new Blob(['x']));
	URL.revokeObjectURL(revoked);
	const bad = {
		nan: new Image({ data: new Float32Array([0, Number.NaN, 1, 1]), shape: [2, 2] }),
		empty: new Image(new OffscreenCanvas(0, 4)),
		huge: new Image({ data: new Uint8Array(70_000), shape: [1, 70_000] }),
		tainted: new Image(canvas),
		detached: pixels,
		revoked: new Image(revoked),
		foreign: new Image('https://example.com/a.png'),
		text: new Image(new Blob(['not an image, but long enough to be looked at'])),
		mask: new Image({ data: new Uint8Array(4), shape: [2, 2] }, { masks: { m: { data: [1, 2] } } }),
	};
	for (const [key, image] of Object.entries(bad)) run.log({ kept: 1, [key]: image });
	await run.finish();
	return { id: run.id, errors, droppedValues: run.status.droppedValues, keys: Object.keys(bad) };
}

/** Pixels of a picture's bytes in base64, RGBA. */
export async function decode(base64) {
	const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
	const bitmap = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: 'none' });
	const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
	context.drawImage(bitmap, 0, 0);
	return Array.from(context.getImageData(0, 0, bitmap.width, bitmap.height).data);
}
