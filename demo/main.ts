import { LineChart } from './line-chart.ts';
import type { FromWorker, LoggedRecord, Progress, ToWorker, TrainingSettings, TrainState } from './messages.ts';
import { byId, readPageOptions, readServer } from './page.ts';
import { SampleSheet } from './sample-sheet.ts';
import { StatusPanel, setText } from './status-panel.ts';
import { formatCount, formatValue } from './words.ts';

const BUSY: ReadonlySet<TrainState> = new Set(['loading', 'training', 'finishing']);

const options = readPageOptions(location.search);
const server = options.server === undefined ? await readServer() : options.server || undefined;
const worker = new Worker(new URL('./train.worker.ts', import.meta.url), { type: 'module' });
const lossChart = new LineChart(byId('loss-plot'), 'train/loss');
const accuracyChart = new LineChart(byId('acc-plot'), 'train/acc', 1);
const samples = new SampleSheet(byId('samples'));
const panel = new StatusPanel();
let state: TrainState = 'idle';
let backend = '';

const tell = (message: ToWorker) => worker.postMessage(message);

worker.addEventListener('message', ({ data: message }: MessageEvent<FromWorker>) => {
	switch (message.kind) {
		case 'state':
			showState(message.state, message.message);
			break;
		case 'run':
			backend = message.backend;
			panel.begin(message.project, message.id);
			break;
		case 'status':
			panel.show(message.name, message.status, message.url, !BUSY.has(state));
			showProgress(message.progress);
			drawCharts();
			break;
		case 'logged':
			chartRecord(message);
			break;
		case 'samples':
			samples.show(message.samples);
			break;
		case 'problem':
			showFailure(message.message);
			break;
	}
});
worker.addEventListener('error', ({ message }) => showState('failed', message || 'The training worker could not be started.'));

byId('settings').addEventListener('submit', (event) => {
	event.preventDefault();
	if (BUSY.has(state)) return;
	for (const chart of [lossChart, accuracyChart]) chart.clear();
	byId('failure').hidden = true;
	showState('loading');
	tell({ kind: 'start', settings: settings() });
});
byId('stop').addEventListener('click', () => tell({ kind: 'stop' }));
byId('network').addEventListener('change', tellNetwork);
byId('loop').addEventListener('change', showSource);

for (const [id, value] of Object.entries(options.fields)) byId<HTMLInputElement>(id).value = value;
setText('server', server === undefined ? 'No server: runs stay in this browser' : `Server ${server.replace(/^https?:\/\//, '')}`);
showSource();
// A browser that restores the form after a reload restores the switch with it.
tellNetwork();
drawCharts();
if (options.isAutostart) byId<HTMLFormElement>('settings').requestSubmit();

function settings(): TrainingSettings {
	const number = (id: string) => byId<HTMLInputElement>(id).valueAsNumber;
	return {
		learningRate: number('learning-rate'),
		batchSize: number('batch-size'),
		epochs: number('epochs'),
		loop: byId<HTMLSelectElement>('loop').value === 'custom' ? 'custom' : 'fit',
		maxBatches: options.maxBatches,
		backend: options.backend,
		server,
		digitsUrl: new URL('digits.bin', document.baseURI).href,
	};
}

function tellNetwork(): void {
	const isOn = byId<HTMLInputElement>('network').checked;
	setText('network-word', isOn ? 'on' : 'cut');
	tell({ kind: 'network', isOn });
}

function chartRecord({ run, n, step, data }: LoggedRecord): void {
	const { 'train/loss': loss, 'train/acc': accuracy } = data;
	if (loss !== undefined) lossChart.add(loss);
	if (accuracy !== undefined) accuracyChart.add(accuracy);
	window.dispatchEvent(new CustomEvent<LoggedRecord>('tidelog-demo:logged', { detail: { run, n, step, data } }));
}

function drawCharts(): void {
	// Nobody looks at a hidden tab; the values are kept and drawn with the first status after it is shown again.
	if (document.hidden) return;
	for (const [chart, id] of [
		[lossChart, 'loss-value'],
		[accuracyChart, 'acc-value'],
	] as const) {
		chart.draw();
		setText(id, chart.newest === undefined ? '–' : formatValue(chart.newest));
	}
}

function showState(next: TrainState, message?: string): void {
	state = next;
	const isBusy = BUSY.has(next);
	byId('train-state').dataset.state = next;
	setText('train-state', next);
	byId<HTMLFieldSetElement>('hyper').disabled = isBusy;
	byId<HTMLButtonElement>('start').disabled = isBusy;
	byId<HTMLButtonElement>('stop').disabled = next !== 'loading' && next !== 'training';
	if (message !== undefined && next === 'failed') showFailure(message);
	if (next === 'loading') {
		byId<HTMLProgressElement>('bar').value = 0;
		setText('progress', '');
		setText('rate', '');
	}
}

function showProgress({ batches, plannedBatches, epoch, batchesPerS }: Progress): void {
	if (plannedBatches === 0) return;
	byId<HTMLProgressElement>('bar').value = batches / plannedBatches;
	setText('progress', ` · epoch ${epoch + 1}, batch ${formatCount(batches)} of ${formatCount(plannedBatches)}`);
	const rate = batchesPerS >= 10 ? batchesPerS.toFixed(0) : batchesPerS.toFixed(1);
	setText('rate', state === 'training' && batchesPerS > 0 ? `${rate} batches/s on ${backend}` : '');
}

function showFailure(message: string): void {
	const failure = byId('failure');
	failure.hidden = false;
	failure.textContent = message;
}

/** The lines of the demo that a reader would write. */
function showSource(): void {
	const isFit = byId<HTMLSelectElement>('loop').value === 'fit';
	const lines = isFit
		? [
				['const run = ', 'init', "({ project: 'digits', config, server });"],
				['await model.fit(x, y, { callbacks: run.', 'tfjs', '() });'],
				['await run.', 'finish', '();'],
			]
		: [
				['const run = ', 'init', "({ project: 'digits', config, server });"],
				['for (const batch of batches) run.', 'log', "({ 'train/loss': await train(batch) });"],
				['await run.', 'finish', '();'],
			];
	byId('source').replaceChildren(
		...lines.flatMap(([before = '', name = '', after = '']) => {
			const strong = document.createElement('b');
			strong.textContent = name;
			return [before, strong, `${after}\n`];
		}),
	);
}
