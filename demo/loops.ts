import * as tf from '@tensorflow/tfjs';
import type { Digits } from './digits.ts';
import type { TrainingSettings } from './messages.ts';
import { toTensors } from './network.ts';
import type { ToldRun } from './told-run.ts';
import { yieldToMessages } from './yield.ts';

const SAMPLES_EVERY_BATCHES = 100;
const VALIDATION_BATCH = 250;

export interface Training {
	settings: TrainingSettings;
	digits: Digits;
	model: tf.Sequential;
	run: ToldRun;
	/** Asked after each batch: whether the user, or the limit of batches, ends it. */
	isEnded(): boolean;
	onBatch(epoch: number): void;
	onValidation(accuracy: number): void;
	/** Logs sample digits into the row that comes next. */
	logSamples(): Promise<void>;
}

/** Training by `model.fit`, logged by `run.tfjs()`. */
export async function fitLoop(training: Training): Promise<void> {
	const { settings, digits, model, run } = training;
	const train = toTensors(digits, range(0, digits.trainCount));
	const validation = toTensors(digits, range(digits.trainCount, digits.count));
	let epoch = 0;
	let batches = 0;
	try {
		await model.fit(train.x, train.y, {
			batchSize: settings.batchSize,
			epochs: settings.epochs,
			validationData: [validation.x, validation.y],
			verbose: 0,
			// Milliseconds; a stop is heard after this long at the latest.
			yieldEvery: 30,
			callbacks: [
				{
					nextFrameFunc: yieldToMessages,
					onEpochBegin: (index: number) => {
						epoch = index;
					},
					onBatchEnd: async () => {
						batches++;
						training.onBatch(epoch);
						if (batches % SAMPLES_EVERY_BATCHES === 0) await training.logSamples();
						if (training.isEnded()) model.stopTraining = true;
					},
					onEpochEnd: async (_index: number, logs?: tf.Logs) => {
						if (logs?.val_acc !== undefined) training.onValidation(logs.val_acc);
						await training.logSamples();
					},
				},
				{ nextFrameFunc: yieldToMessages, ...run.tfjs() },
			],
		});
	} finally {
		tf.dispose([train.x, train.y, validation.x, validation.y]);
	}
}

/** Training by hand: one batch, one `run.log()`. */
export async function customLoop(training: Training): Promise<void> {
	const { settings, digits, model, run } = training;
	const order = range(0, digits.trainCount);
	let batches = 0;
	for (let epoch = 0; epoch < settings.epochs; epoch++) {
		tf.util.shuffle(order);
		for (let at = 0; at < order.length; at += settings.batchSize) {
			const { x, y } = toTensors(digits, order.subarray(at, at + settings.batchSize));
			const [loss, accuracy] = (await model.trainOnBatch(x, y)) as number[];
			tf.dispose([x, y]);
			batches++;
			training.onBatch(epoch);
			if (batches % SAMPLES_EVERY_BATCHES === 0) await training.logSamples();
			run.log({ 'train/loss': loss as number, 'train/acc': accuracy as number });
			await yieldToMessages();
			if (training.isEnded()) return;
		}
		const { loss, accuracy } = await validate(model, digits);
		training.onValidation(accuracy);
		await training.logSamples();
		run.log({ epoch, 'val/loss': loss, 'val/acc': accuracy });
	}
}

/** Loss and accuracy over all validation digits, in pieces, so that messages are answered meanwhile. */
export async function validate(model: tf.Sequential, digits: Digits): Promise<{ loss: number; accuracy: number }> {
	let loss = 0;
	let accuracy = 0;
	const total = digits.count - digits.trainCount;
	for (let at = digits.trainCount; at < digits.count; at += VALIDATION_BATCH) {
		const indices = range(at, Math.min(at + VALIDATION_BATCH, digits.count));
		const { x, y } = toTensors(digits, indices);
		const scores = model.evaluate(x, y, { batchSize: indices.length }) as tf.Scalar[];
		const [pieceLoss, pieceAccuracy] = await Promise.all(scores.map(async (score) => (await score.data())[0] as number));
		tf.dispose([x, y, ...scores]);
		loss += ((pieceLoss as number) * indices.length) / total;
		accuracy += ((pieceAccuracy as number) * indices.length) / total;
		await yieldToMessages();
	}
	return { loss, accuracy };
}

function range(from: number, to: number): Uint32Array {
	return Uint32Array.from({ length: to - from }, (_, index) => from + index);
}
