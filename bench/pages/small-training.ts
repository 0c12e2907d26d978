import * as tf from '@tensorflow/tfjs';

const FEATURES = 16;
const HIDDEN = 32;
const CLASSES = 4;
const EXAMPLES = 4096;
const LEARNING_RATE = 0.01;
/** A batch is doubled until a step takes this long; it then takes up to twice that. */
const LEAST_STEP_MS = 1;
const STEPS_PER_TRY = 100;

export interface Step {
	loss: number;
	accuracy: number;
}

/** A network that learns which of a few points an example lies nearest to, a batch a step, on tfjs's CPU backend. */
export class SmallTraining {
	readonly learningRate = LEARNING_RATE;
	/** Examples of a step. */
	batchSize = 4;
	readonly #model: tf.Sequential;
	readonly #examples = new Float32Array(EXAMPLES * FEATURES);
	readonly #labels = new Float32Array(EXAMPLES * CLASSES);
	#at = 0;

	private constructor() {
		const middles = Array.from({ length: CLASSES * FEATURES }, () => Math.random());
		for (let example = 0; example < EXAMPLES; example++) {
			const label = example % CLASSES;
			this.#labels[example * CLASSES + label] = 1;
			for (let feature = 0; feature < FEATURES; feature++) {
				this.#examples[example * FEATURES + feature] = (middles[label * FEATURES + feature] as number) + Math.random() - 0.5;
			}
		}
		this.#model = tf.sequential({
			layers: [
				tf.layers.dense({ inputShape: [FEATURES], units: HIDDEN, activation: 'relu' }),
				tf.layers.dense({ units: CLASSES, activation: 'softmax' }),
			],
		});
		this.#model.compile({ optimizer: tf.train.adam(LEARNING_RATE), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
	}

	/** The network, not trained yet. */
	static async begin(): Promise<SmallTraining> {
		// WebGL needs a GPU; drawn in software it is many times slower than this.
		await tf.setBackend('cpu');
		await tf.ready();
		return new SmallTraining();
	}

	/** Trains on the next batch. Leaves this task only for promise callbacks. */
	async step(): Promise<Step> {
		if (this.#at + this.batchSize > EXAMPLES) this.#at = 0;
		const from = this.#at;
		const to = from + this.batchSize;
		this.#at = to;
		const x = tf.tensor2d(this.#examples.subarray(from * FEATURES, to * FEATURES), [this.batchSize, FEATURES]);
		const y = tf.tensor2d(this.#labels.subarray(from * CLASSES, to * CLASSES), [this.batchSize, CLASSES]);
		const [loss, accuracy] = (await this.#model.trainOnBatch(x, y)) as [number, number];
		tf.dispose([x, y]);
		return { loss, accuracy };
	}

	/** Finds the batch with which a step takes 1 to 2 ms on this machine. */
	async chooseBatchSize(): Promise<void> {
		// Compiled first: a step is slower before.
		for (let n = 0; n < 5 * STEPS_PER_TRY; n++) await this.step();
		for (;;) {
			const took: number[] = [];
			for (let n = 0; n < STEPS_PER_TRY; n++) {
				const startMs = performance.now();
				await this.step();
				took.push(performance.now() - startMs);
			}
			took.sort((a, b) => a - b);
			if ((took[STEPS_PER_TRY / 2] as number) >= LEAST_STEP_MS || 2 * this.batchSize > EXAMPLES) return;
			this.batchSize *= 2;
		}
	}

	get tensors(): number {
		return tf.memory().numTensors;
	}
}
