import { init } from 'tidelog';
import { storedBytes } from './stored-bytes.ts';

export interface RowsDurableOptions {
	rounds: number;
	rows: number;
	/** Rows that the baseline packs into one write. */
	rowsPerWrite: number;
}

/** Rows a second, one number a round. */
export interface RowsDurableValues {
	log: number[];
	raw: number[];
	bytesPerRow: number;
}

const KEYS = ['loss', 'acc', 'val/loss', 'val/acc', 'lr', 'grad/norm', 'grad/max', 'epoch', 'samples/s', 'temperature'];

function row(i: number): Record<string, number> {
	const data: Record<string, number> = {};
	for (const [place, key] of KEYS.entries()) data[key] = i / (place + 1) + 0.1;
	return data;
}

export async function measure({ rounds, rows, rowsPerWrite }: RowsDurableOptions): Promise<RowsDurableValues> {
	let bytesPerRow = 0;
	const viaLog = async () => {
		const run = init({ project: 'bench', name: 'rows-durable', config: {} });
		// Opening the run is not part of it.
		await run.flush();
		const startMs = performance.now();
		for (let i = 0; i < rows; i++) {
			run.log(row(i));
			// As a training does, the loop lets the page breathe; otherwise nothing tells it what is stored already.
			if (i % 1000 === 999) await breath();
		}
		await run.flush();
		const perSecond = (rows * 1000) / (performance.now() - startMs);
		const { accepted, durable, dropped } = run.status;
		if (accepted !== rows || durable !== rows || dropped > 0) throw new Error(`of ${rows} rows ${durable} were stored and ${dropped} dropped`);
		bytesPerRow = (await storedBytes(run.id)) / rows;
		if (bytesPerRow < KEYS.length * 8) throw new Error(`the store holds ${bytesPerRow} bytes a row, and ${KEYS.length} numbers need more`);
		await run.finish();
		return perSecond;
	};
	const raw = startRawWriter();

	await viaLog();
	await raw.write(rows, rowsPerWrite, bytesPerRow);
	const values: RowsDurableValues = { log: [], raw: [], bytesPerRow };
	for (let n = 0; n < rounds; n++) {
		values.log.push(await viaLog());
		values.raw.push((rows * 1000) / (await raw.write(rows, rowsPerWrite, bytesPerRow)));
	}
	return values;
}

function breath(): Promise<void> {
	return new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = () => {
			port1.close();
			resolve();
		};
		port2.postMessage(null);
	});
}

/** The least that can be done: a worker that writes as many bytes, in large pieces, one transaction each. Its `write` resolves with ms. */
function startRawWriter() {
	const worker = new Worker(new URL('./raw-writer.ts', import.meta.url), { type: 'module' });
	const write = (rows: number, rowsPerWrite: number, bytesPerRow: number) =>
		new Promise<number>((resolve, reject) => {
			worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
			worker.onerror = (event) => reject(new Error(`the baseline's worker failed: ${event.message}`));
			worker.postMessage({ writes: Math.ceil(rows / rowsPerWrite), bytes: Math.round(rowsPerWrite * bytesPerRow) });
		});
	return { write };
}
