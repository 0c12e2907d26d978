import { init } from 'tidelog';
import { Image } from 'tidelog/media';

export interface ImageLogOptions {
	rounds: number;
	calls: number;
	sides: number[];
}

/** Milliseconds that each call held up its thread, by side of the canvas. */
export type ImageLogValues = Record<number, { log: number[][]; toBlob: number[][] }>;

export async function measure({ rounds, calls, sides }: ImageLogOptions): Promise<ImageLogValues> {
	const run = init({ project: 'bench', name: 'image-log', config: {} });
	const values: ImageLogValues = {};
	let logged = 0;
	for (const side of sides) {
		const canvas = document.createElement('canvas');
		canvas.width = canvas.height = side;
		const context = canvas.getContext('2d') as CanvasRenderingContext2D;
		const of: ImageLogValues[number] = { log: [], toBlob: [] };
		values[side] = of;
		for (let n = -1; n < rounds; n++) {
			const viaLog: number[] = [];
			for (let i = 0; i < calls; i++) {
				draw(context, side, i);
				const startMs = performance.now();
				run.log({ image: new Image(canvas), i });
				viaLog.push(performance.now() - startMs);
				logged++;
				// A picture each few milliseconds is more than any store takes: past its room they would be dropped.
				await run.flush();
			}
			const viaToBlob: number[] = [];
			for (let i = 0; i < calls; i++) {
				draw(context, side, i);
				const startMs = performance.now();
				const blob = new Promise((resolve) => canvas.toBlob(resolve));
				viaToBlob.push(performance.now() - startMs);
				await blob;
			}
			// The first of each does not count, so that what is measured is compiled.
			if (n < 0) continue;
			of.log.push(viaLog);
			of.toBlob.push(viaToBlob);
		}
	}
	await run.flush();
	const { durable, droppedValues, pending } = run.status;
	if (durable !== logged || droppedValues > 0 || pending.files === 0)
		throw new Error(`of ${logged} records ${durable} were stored, with ${pending.files} files; ${droppedValues} values were dropped`);
	return values;
}

/** Another picture each time. */
function draw(context: CanvasRenderingContext2D, side: number, i: number): void {
	context.fillStyle = `hsl(${(i * 37) % 360} 60% 50%)`;
	context.fillRect(0, 0, side, side);
	for (let k = 0; k < 40; k++) {
		context.fillStyle = `hsl(${(k * 53 + i) % 360} 70% 60%)`;
		context.beginPath();
		context.arc((k * 97 + i * 11) % side, (k * 61) % side, side / 12, 0, 7);
		context.fill();
	}
}
