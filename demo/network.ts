import * as tf from '@tensorflow/tfjs';
import { type Digits, digitFloats } from './digits.ts';
import type { Sample } from './messages.ts';

/** As logged in the run's config. */
export const LAYERS = ['conv2d 8 @ 3×3 / 2, relu', 'conv2d 16 @ 3×3 / 2, relu', 'flatten', 'dense 10, softmax'];

/** Two convolutions with stride 2 in place of pooling: 23 kB of weights, fast enough on one CPU thread to be worth watching. */
export function buildModel(learningRate: number, { width, height }: Digits): tf.Sequential {
	const model = tf.sequential({
		layers: [
			tf.layers.conv2d({ inputShape: [height, width, 1], filters: 8, kernelSize: 3, strides: 2, activation: 'relu' }),
			tf.layers.conv2d({ filters: 16, kernelSize: 3, strides: 2, activation: 'relu' }),
			tf.layers.flatten(),
			tf.layers.dense({ units: 10, activation: 'softmax' }),
		],
	});
	model.compile({ optimizer: tf.train.adam(learningRate), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
	return model;
}

/** Chooses where tensors are computed, and says which it became. */
export async function chooseBackend(wish: 'auto' | 'webgl' | 'cpu'): Promise<string> {
	const isWebgl = wish === 'webgl' || (wish === 'auto' && hasHardwareWebgl());
	if (!(isWebgl && (await tf.setBackend('webgl')))) await tf.setBackend('cpu');
	await tf.ready();
	return tf.getBackend();
}

/** WebGL drawn in software exists in most browsers without a GPU, and is many times slower there than the CPU backend. */
function hasHardwareWebgl(): boolean {
	if (typeof OffscreenCanvas === 'undefined') return false;
	const gl = new OffscreenCanvas(1, 1).getContext('webgl2', { failIfMajorPerformanceCaveat: true });
	if (!gl) return false;
	const info = gl.getExtension('WEBGL_debug_renderer_info');
	const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
	gl.getExtension('WEBGL_lose_context')?.loseContext();
	return !/swiftshader|llvmpipe|softpipe|basic render/i.test(renderer);
}

/** Images and one-hot labels of the digits at `indices`; both to be disposed of by the caller. */
export function toTensors(digits: Digits, indices: ArrayLike<number>): { x: tf.Tensor4D; y: tf.Tensor } {
	const size = digits.width * digits.height;
	const floats = new Float32Array(indices.length * size);
	const hot = new Float32Array(indices.length * 10);
	for (let at = 0; at < indices.length; at++) {
		const index = indices[at] as number;
		digitFloats(digits, index, floats, at * size);
		hot[at * 10 + (digits.labels[index] as number)] = 1;
	}
	return { x: tf.tensor4d(floats, [indices.length, digits.height, digits.width, 1]), y: tf.tensor2d(hot, [indices.length, 10]) };
}

/** What the network takes the digits at `indices` for. */
export async function predict(model: tf.Sequential, digits: Digits, indices: readonly number[]): Promise<Sample[]> {
	const { x, y } = toTensors(digits, indices);
	const output = model.predict(x) as tf.Tensor;
	const shares = await output.data();
	tf.dispose([x, y, output]);
	const size = digits.width * digits.height;
	return indices.map((index, at) => {
		const own = shares.subarray(at * 10, at * 10 + 10);
		let prediction = 0;
		for (let digit = 1; digit < 10; digit++) if ((own[digit] as number) > (own[prediction] as number)) prediction = digit;
		return {
			pixels: digits.pixels.slice(index * size, (index + 1) * size),
			width: digits.width,
			height: digits.height,
			label: digits.labels[index] as number,
			prediction,
			fraction: own[prediction] as number,
		};
	});
}
