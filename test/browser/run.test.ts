import { init, type Run, type TidelogError } from 'tidelog';
import { Image } from 'tidelog/media';
import { expect, test } from 'vitest';

const errors: TidelogError[] = [];
const local = (over = {}): Run => init({ project: 'tests', onError: (error) => errors.push(error), ...over });

test('what was logged is durable after flush(), and the sum of status holds at every moment', async () => {
	const run = local({ config: { lr: 0.1 } });
	for (let i = 0; i < 1050; i++) {
		run.log({ loss: 1 / (i + 1), i });
		const { accepted, synced, pending, dropped } = run.status;
		expect(accepted).toBe(i + 1);
		expect(synced + pending.memory + pending.disk + dropped).toBe(accepted);
	}
	await run.flush();
	expect(run.status).toMatchObject({ accepted: 1050, durable: 1050, synced: 0, pending: { memory: 0, disk: 1050 }, dropped: 0, connection: 'local' });
	const { isSynced } = await run.finish();
	expect(isSynced).toBe(false);
});

test('a value that cannot be kept is left out and told once; its call is logged', async () => {
	errors.length = 0;
	const run = local();
	run.log({ loss: 1, callback: () => undefined });
	run.log({ loss: 2, callback: () => undefined });
	await run.flush();
	expect(run.status).toMatchObject({ accepted: 2, durable: 2, droppedValues: 2 });
	expect(errors.map(({ code }) => code)).toEqual(['data-dropped']);
});

test('a mistake in the call throws where it was made and logs nothing', async () => {
	const run = local();
	for (const call of [
		() => run.log(5 as never),
		() => run.log(null as never),
		() => run.log({ a: 1 }, { step: 2.5 }),
		() => run.log({ a: 1 }, { step: -1 }),
		() => run.log({ a: 1 }, { commit: 1 as never }),
		() => new Image({ data: [1, 2, 3], width: 2, height: 2 }),
		() => init({ project: '' }),
		() => init({ project: 'a/b' }),
		() => init({ project: 'p', sever: 'http://x' } as never),
		() => init({ project: 'p', server: 'localhost:8420' }),
		() => init({ project: 'p', config: { f: () => 1 } }),
	]) {
		expect(call).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
	}
	expect(run.status.accepted).toBe(0);
	await run.finish();
	const afterwards = [
		() => run.log({ a: 1 }),
		() => run.defineMetric('a'),
		() => run.alert({ title: 'late' }),
		() => {
			run.config.lr = 0.2;
		},
		() => {
			run.name = 'late';
		},
	];
	for (const call of afterwards)
		expect(call).toThrow(expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(/finished/) }));
	expect(run.config.lr).toBeUndefined();
	expect((await run.finish()).status.accepted).toBe(0);
});

test('config and summary are read, set and deleted like objects, nested ones too', async () => {
	const run = local({ config: { lr: 0.1, model: { layers: 3, units: [1, 2] } } });
	run.config.update({ batch: 32, skipped: undefined });
	(run.config.model as Record<string, unknown>).layers = 4;
	delete run.config.lr;
	run.summary.best = 0.9;
	expect(JSON.parse(JSON.stringify(run.config))).toEqual({ model: { layers: 4, units: [1, 2] }, batch: 32 });
	expect(Object.keys(run.config)).toEqual(['model', 'batch']);
	expect('lr' in run.config).toBe(false);
	expect(() => {
		run.config.bad = () => 1;
	}).toThrow(/run\.config\.bad/);
	expect({ ...run.summary }).toEqual({ best: 0.9 });
	await run.finish();
	const again = local({ id: run.id, resume: 'must', config: { batch: 64 } });
	await again.opened;
	expect(JSON.parse(JSON.stringify(again.config))).toEqual({ batch: 64, model: { layers: 4, units: [1, 2] } });
	expect(again.summary.best).toBe(0.9);
	await again.finish();
});

test('an image is stored with its row, from pixels and from a canvas that changes on the next line', async () => {
	const run = local();
	const canvas = new OffscreenCanvas(4, 4);
	const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
	context.fillStyle = '#ff0000';
	context.fillRect(0, 0, 4, 4);
	run.log({
		canvas: new Image(canvas, { caption: 'red' }),
		pixels: [new Image({ data: new Float32Array(4), width: 2, height: 2 }), new Image({ data: new Uint8Array(16), width: 2, height: 2 })],
	});
	context.clearRect(0, 0, 4, 4);
	await run.flush();
	await expect.poll(() => run.status.pending.files).toBe(3);
	const { images, lines } = await readStored(run.id);
	expect(lines[0]).toMatchObject({
		canvas: { _type: 'image-file', caption: 'red', width: 4, height: 4, format: 'png' },
		pixels: { _type: 'images/separated', count: 2, width: 2 },
	});
	const bitmap = await createImageBitmap(images.find(({ path }) => path.includes('canvas'))?.blob as Blob);
	context.drawImage(bitmap, 0, 0);
	expect(Array.from(context.getImageData(1, 1, 1, 1).data)).toEqual([255, 0, 0, 255]);
});

/** Reads back what the writer, in its worker, has put into the database. */
async function readStored(runId: string) {
	const { openIndexedDbStore } = await import('../../src/platform/web/indexeddb-store.ts');
	const { decodeChunk } = await import('../../src/core/chunk.ts');
	const { eachRecord } = await import('../../src/core/batch.ts');
	const store = await openIndexedDbStore();
	const lines: Record<string, unknown>[] = [];
	for (const { writer } of await store.writers(runId)) {
		for (const chunk of await store.chunks(runId, writer, 'history', 0, 1e9)) {
			for (const record of eachRecord(decodeChunk(chunk))) lines.push(Object.fromEntries(record.keys.map((key, i) => [key, record.values[i]])));
		}
	}
	const images: { path: string; blob: Blob }[] = [];
	for (const file of await store.pendingFiles(runId, 100))
		images.push({ path: file.path, blob: new Blob([(await store.blob(file.sha256)) as BlobPart], { type: 'image/png' }) });
	store.close();
	return { lines, images };
}
