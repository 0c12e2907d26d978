import { init } from 'tidelog';
import { record } from './record.ts';
import { storedBytes } from './stored-bytes.ts';

export interface HeapFlatOptions {
	/** Where nobody listens. */
	server: string;
	calls: number;
	callsPerSecond: number;
	/** The heap is measured each time this many more were logged. */
	measureEvery: number;
}

/** Megabytes (10^6 bytes) alive after a garbage collection. */
export interface HeapFlatValues {
	/** One each `measureEvery` calls; the last after all of them. */
	page: number[];
	worker: number[];
	/** Records that were logged and not yet stored, at the worst moment between two turns. */
	mostPending: number;
	/** Of the calls, pauses for measuring left out. */
	callsPerSecond: number;
}

const TURN_MS = 5;
const KNOWN_BYTES = 16e6;

export async function measure({ server, calls, callsPerSecond, measureEvery }: HeapFlatOptions): Promise<HeapFlatValues> {
	await checkHeapMeasure();
	const run = init({ project: 'bench', name: 'heap-flat', server });
	const values: HeapFlatValues = { page: [], worker: [], mostPending: 0, callsPerSecond: 0 };
	let spentMs = 0;
	let n = 0;
	while (n < calls) {
		const upTo = n + measureEvery;
		const from = n;
		const startMs = performance.now();
		while (n < upTo) {
			const due = Math.min(upTo, from + Math.floor(((performance.now() - startMs) * callsPerSecond) / 1000));
			while (n < due) run.log(record(n++));
			values.mostPending = Math.max(values.mostPending, run.status.pending.memory);
			await turn();
		}
		spentMs += performance.now() - startMs;
		// What is on its way comes and goes; only what stays is growth.
		while (run.status.pending.memory > 0) await turn();
		const { page, worker } = await liveBytes();
		values.page.push(page / 1e6);
		values.worker.push(worker / 1e6);
	}
	values.callsPerSecond = (calls * 1000) / spentMs;
	if (values.callsPerSecond < 0.95 * callsPerSecond) {
		throw new Error(`there were ${Math.round(values.callsPerSecond)} calls a second and not ${callsPerSecond}: the machine was busy`);
	}

	const { accepted, durable, synced, dropped, droppedValues, connection } = run.status;
	if (accepted !== calls || durable !== calls || dropped + droppedValues > 0) {
		throw new Error(`of ${calls} calls ${accepted} were accepted and ${durable} stored; ${dropped} records and ${droppedValues} values were dropped`);
	}
	if (connection !== 'offline' || synced > 0)
		throw new Error(`the server was to be out of reach, but the run is ${connection} with ${synced} records sent`);
	const leastBytes = calls * Object.keys(record(0)).length * 8;
	const bytes = await storedBytes(run.id);
	if (bytes < leastBytes) throw new Error(`the store holds ${bytes} bytes, and the numbers alone need ${leastBytes}`);
	return values;
}

function turn(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, TURN_MS));
}

/** As WICG's performance-measure-memory describes it; TypeScript's library does not know it. */
interface MemoryMeasurement {
	bytes: number;
	breakdown: { bytes: number; attribution: { scope: string }[] }[];
}

/** Bytes alive in this page and in its workers. Chromium takes them while a full garbage collection marks what is reachable. */
async function liveBytes(): Promise<{ page: number; worker: number }> {
	const { measureUserAgentSpecificMemory } = performance as Performance & { measureUserAgentSpecificMemory?(): Promise<MemoryMeasurement> };
	if (!measureUserAgentSpecificMemory) throw new Error('this browser cannot measure the memory of a page and its workers');
	const { bytes, breakdown } = await measureUserAgentSpecificMemory.call(performance);
	const inWorkers = breakdown.filter(({ attribution }) => attribution.some(({ scope }) => scope === 'DedicatedWorkerGlobalScope'));
	const worker = inWorkers.reduce((sum, part) => sum + part.bytes, 0);
	return { page: bytes - worker, worker };
}

/** @throws Error when the measure does not see what is held here and in a worker, or does not see it go. */
async function checkHeapMeasure(): Promise<void> {
	const source = `let held; onmessage = ({ data }) => { held = data > 0 ? new Uint8Array(data).fill(1) : undefined; postMessage(held?.length); };`;
	const holder = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
	const holdInWorker = (bytes: number) =>
		new Promise((resolve) => {
			holder.onmessage = resolve;
			holder.postMessage(bytes);
		});
	await holdInWorker(0);
	const before = await liveBytes();
	let held: Uint8Array | undefined = new Uint8Array(KNOWN_BYTES).fill(1);
	await holdInWorker(KNOWN_BYTES);
	const during = await liveBytes();
	const isHeld = held.length === KNOWN_BYTES;
	held = undefined;
	await holdInWorker(0);
	const after = await liveBytes();
	holder.terminate();
	const seen = [during.page - before.page, during.worker - before.worker, during.page - after.page, during.worker - after.worker];
	if (!isHeld || seen.some((bytes) => Math.abs(bytes - KNOWN_BYTES) > KNOWN_BYTES / 16)) {
		throw new Error(`the measure saw ${KNOWN_BYTES} bytes in page and worker come as ${seen[0]} and ${seen[1]}, and go as ${seen[2]} and ${seen[3]}`);
	}
}
