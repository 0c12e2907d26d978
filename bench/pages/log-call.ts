import { init } from 'tidelog';
import { record } from './record.ts';

export interface LogCallOptions {
	rounds: number;
	blocks: number;
	callsPerBlock: number;
}

/** Mean microseconds a call, one number a block; one list a round. */
export interface LogCallValues {
	log: number[][];
	postMessage: number[][];
	empty: number[][];
	/** The very first block of the page, before anything was compiled. */
	firstBlock: number;
}

export async function measure({ rounds, blocks, callsPerBlock }: LogCallOptions): Promise<LogCallValues> {
	const run = init({ project: 'bench', name: 'log-call', config: {} });
	const ignoring = startIgnoringWorker();
	let sink = 0;
	let i = 0;
	const round = (call: (data: ReturnType<typeof record>) => void) => {
		const means = new Array<number>(blocks);
		for (let block = 0; block < blocks; block++) {
			const startMs = performance.now();
			for (let n = 0; n < callsPerBlock; n++) call(record(i++));
			means[block] = ((performance.now() - startMs) * 1000) / callsPerBlock;
		}
		return means;
	};
	const viaLog = async () => {
		const means = round((data) => run.log(data));
		await run.flush();
		await settled();
		return means;
	};
	const viaPostMessage = async () => {
		const means = round((data) => ignoring.worker.postMessage(data));
		await ignoring.drained();
		await settled();
		return means;
	};
	const empty = () =>
		round((data) => {
			sink += data.loss;
		});

	// One of each that does not count, so that what is measured is compiled.
	const [firstBlock = 0] = await viaLog();
	await viaPostMessage();
	empty();
	const values: LogCallValues = { log: [], postMessage: [], empty: [], firstBlock };
	for (let n = 0; n < rounds; n++) {
		// ABAB: a machine that slows down half way slows both down.
		values.log.push(await viaLog());
		values.postMessage.push(await viaPostMessage());
		values.empty.push(empty());
	}

	await run.flush();
	const calls = (rounds + 1) * blocks * callsPerBlock;
	const { accepted, durable, dropped, droppedValues } = run.status;
	if (accepted !== calls || durable !== calls || dropped + droppedValues > 0 || !Number.isFinite(sink)) {
		throw new Error(`of ${calls} calls ${accepted} were accepted and ${durable} stored; ${dropped} records and ${droppedValues} values were dropped`);
	}
	return values;
}

/** What one way leaves behind (garbage, the browser's own disk work) must not be worked off while the other is measured. */
function settled(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, 100));
}

/** A worker that takes messages and does nothing, and answers when it has taken all. */
function startIgnoringWorker() {
	const source = "onmessage = ({ data }) => { if (data === 'drained?') postMessage('drained'); };";
	const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
	const drained = () =>
		new Promise<void>((resolve) => {
			worker.onmessage = () => resolve();
			worker.postMessage('drained?');
		});
	return { worker, drained };
}
