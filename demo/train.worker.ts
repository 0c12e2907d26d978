import { init, type Run } from 'tidelog';
import { type Digits, loadDigits } from './digits.ts';
import { customLoop, fitLoop, type Training, validate } from './loops.ts';
import type { FromWorker, Progress, ToWorker, TrainingSettings } from './messages.ts';
import { buildModel, chooseBackend, LAYERS, predict } from './network.ts';
import { ToldRun } from './told-run.ts';

const STATUS_EVERY_MS = 250;
const SAMPLE_COUNT = 8;
/** After this long the page stops waiting; what is left goes on being sent from here, and at the next start after that. */
const FINISH_TIMEOUT_MS = 10_000;
const RATE_OVER_MS = 4000;

let run: Run | undefined;
let digits: Digits | undefined;
let isNetworkOn = true;
let isStopAsked = false;
let isBusy = false;
let progress: Progress = { batches: 0, plannedBatches: 0, epoch: 0, batchesPerS: 0 };
let batchTimesMs: number[] = [];
let statusToldMs = 0;

const tell = (message: FromWorker) => postMessage(message);

addEventListener('message', ({ data: message }: MessageEvent<ToWorker>) => {
	if (message.kind === 'start') {
		if (!isBusy) void train(message.settings);
	} else if (message.kind === 'stop') isStopAsked = true;
	else {
		isNetworkOn = message.isOn;
		applyNetwork();
	}
});
// Goes on after the end of a training: what is still pending arrives in its own time.
setInterval(tellStatus, STATUS_EVERY_MS);

async function train(settings: TrainingSettings): Promise<void> {
	isBusy = true;
	isStopAsked = false;
	let model: ReturnType<typeof buildModel> | undefined;
	run = undefined;
	try {
		tell({ kind: 'state', state: 'loading' });
		const backend = await chooseBackend(settings.backend);
		digits ??= await loadDigits(settings.digitsUrl);
		model = buildModel(settings.learningRate, digits);
		run = begin(settings, digits, backend);
		const bestAccuracy = await follow(settings, digits, model, run);
		tell({ kind: 'state', state: 'finishing' });
		if (bestAccuracy !== undefined) run.summary.best_val_acc = bestAccuracy;
		await run.finish({ timeoutMs: FINISH_TIMEOUT_MS });
		// Before the state, so that whoever waits for it finds the last figures; once more after it, since the words depend on both.
		tellStatus();
		tell({ kind: 'state', state: isStopAsked ? 'stopped' : 'finished' });
		tellStatus();
	} catch (error) {
		await run?.finish({ exitCode: 1, timeoutMs: FINISH_TIMEOUT_MS });
		tellStatus();
		tell({ kind: 'state', state: 'failed', message: error instanceof Error ? error.message : String(error) });
	} finally {
		model?.dispose();
		isBusy = false;
	}
}

function begin(settings: TrainingSettings, { trainCount, count }: Digits, backend: string): Run {
	const begun = init({
		project: 'digits',
		config: {
			learning_rate: settings.learningRate,
			batch_size: settings.batchSize,
			epochs: settings.epochs,
			optimizer: 'adam',
			loop: settings.loop,
			backend,
			layers: LAYERS,
			train_size: trainCount,
			val_size: count - trainCount,
		},
		server: settings.server,
		onError: ({ code, message }) => tell({ kind: 'problem', code, message }),
	});
	run = begun;
	if (!isNetworkOn) applyNetwork();
	const plannedBatches = Math.min(settings.maxBatches, settings.epochs * Math.ceil(trainCount / settings.batchSize));
	progress = { batches: 0, plannedBatches, epoch: 0, batchesPerS: 0 };
	batchTimesMs = [];
	tell({ kind: 'run', id: begun.id, project: begun.project, backend });
	tellStatus();
	return begun;
}

/** @returns the best validation accuracy. */
async function follow(settings: TrainingSettings, all: Digits, model: ReturnType<typeof buildModel>, begun: Run): Promise<number | undefined> {
	const told = new ToldRun(begun, (record) => {
		tell({ kind: 'logged', ...record });
		if (performance.now() - statusToldMs >= STATUS_EVERY_MS) tellStatus();
	});
	const sampleIndices = Array.from({ length: SAMPLE_COUNT }, (_, index) => all.trainCount + index);
	let best: number | undefined;
	const training: Training = {
		settings,
		digits: all,
		model,
		run: told,
		isEnded: () => isStopAsked || progress.batches >= settings.maxBatches,
		onBatch: countBatch,
		onValidation(accuracy) {
			best = Math.max(best ?? 0, accuracy);
		},
		async logSamples() {
			const samples = await predict(model, all, sampleIndices);
			told.logSamples(samples);
			tell({ kind: 'samples', samples });
		},
	};
	tell({ kind: 'state', state: 'training' });
	await training.logSamples();
	await (settings.loop === 'fit' ? fitLoop(training) : customLoop(training));
	if (best === undefined) {
		// Ended before the first epoch did: the run still says how good the network became.
		const { loss, accuracy } = await validate(model, all);
		await training.logSamples();
		told.log({ 'val/loss': loss, 'val/acc': accuracy });
		best = accuracy;
	}
	return best;
}

function countBatch(epoch: number): void {
	const nowMs = performance.now();
	batchTimesMs.push(nowMs);
	while (nowMs - (batchTimesMs[0] as number) > RATE_OVER_MS) batchTimesMs.shift();
	const spanMs = nowMs - (batchTimesMs[0] as number);
	progress = {
		...progress,
		batches: progress.batches + 1,
		epoch,
		batchesPerS: spanMs === 0 ? 0 : ((batchTimesMs.length - 1) * 1000) / spanMs,
	};
}

function applyNetwork(): void {
	if (isNetworkOn) run?.resumeSync();
	else run?.pauseSync();
}

function tellStatus(): void {
	if (run === undefined) return;
	statusToldMs = performance.now();
	tell({ kind: 'status', name: run.name, status: run.status, url: run.url, progress });
}
