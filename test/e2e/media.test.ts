import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LineObject } from '../../src/core/json-line.ts';
import { encodePng } from '../../src/media/png.ts';
import { freePort, launchBrowser, ServerProcess, serveFolder, temporaryFolder } from './support.ts';

/** Media as a page logs them, compared with what the server holds. */
const IMPORTS = { tidelog: '/index.js', 'tidelog/media': '/media.js' };
const PIXELS = Array.from({ length: 6 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256));

let browser: Browser;
let page: Page;
let server: ServerProcess;
const sites: { url: string; server: Server }[] = [];
const folder = temporaryFolder();

beforeAll(async () => {
	const picture = Buffer.from(await encodePng(Uint8Array.from(PIXELS), 6, 4, 4));
	const made = {
		'/': {
			type: 'text/html',
			body: `<!doctype html><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script><script type="module">globalThis.media = await import('/media-page.js')</script>`,
		},
		'/media-page.js': { type: 'text/javascript', body: readFileSync(resolve('test/e2e/media-page.js'), 'utf8') },
		'/picture.png': { type: 'image/png', body: picture },
	};
	sites.push(await serveFolder(resolve('dist'), made), await serveFolder(resolve('dist'), made));
	server = new ServerProcess(await freePort(), folder.path, [sites[0]?.url ?? '']);
	await server.start();
	browser = await launchBrowser();
	page = await browser.newPage();
	await page.goto(sites[0]?.url ?? '');
	await page.waitForFunction(() => 'media' in globalThis);
});

afterAll(async () => {
	await browser?.close();
	await server?.kill();
	for (const site of sites) site.server.close();
	folder.remove();
});

const call = <T>(name: string, ...args: string[]): Promise<T> =>
	page.evaluate(([name, args]) => (globalThis as unknown as { media: Record<string, (...args: unknown[]) => unknown> }).media[name]?.(...args), [
		name,
		args,
	] as const) as Promise<T>;

const fileUrl = (run: string, path: string) => `${server.url}/api/projects/media/runs/${run}/files/${path}`;

/** Pixels of a file that the server has, RGBA. The page itself may not read it. */
async function pixelsOf(run: string, path: string): Promise<number[]> {
	const response = await fetch(fileUrl(run, path));
	if (!response.ok) throw new Error(`${path}: ${response.status}`);
	return call('decode', Buffer.from(await response.arrayBuffer()).toString('base64'));
}

async function rows(run: string): Promise<LineObject[]> {
	const text = await (await fetch(`${server.url}/api/projects/media/runs/${run}/history.jsonl`)).text();
	return text
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line) as LineObject);
}

interface ImageValue {
	_type: string;
	path: string;
	sha256: string;
	size: number;
	format: string;
	width: number;
	height: number;
	filenames: string[];
	count: number;
	masks: Record<string, ImageValue>;
	boxes: Record<string, ImageValue>;
}

test('pictures from every kind of source arrive pixel by pixel, in the row that they were logged with', async () => {
	const { id, errors, alive, status } = await call<{ id: string; errors: string[]; alive: number; status: { droppedValues: number } }>(
		'logImages',
		server.url,
	);
	expect(errors).toEqual([expect.stringContaining('of 110 images the first 108 were kept')]);
	expect(status.droppedValues).toBe(0);
	// Of three tensors one was disposed of by the caller; every clone is gone.
	expect(alive).toBe(2);
	const held = await rows(id);
	expect(held.every((row) => row.kept === 1)).toBe(true);
	const values = Object.assign({}, ...held) as Record<string, ImageValue>;
	const singles = 'canvas element bitmap imageData frame blob dataUrl img sameOrigin rgba rgb floats normalized tensor intTensor list'.split(' ');
	for (const key of singles) {
		const value = values[key] as ImageValue;
		expect(value, key).toMatchObject({ _type: 'image-file', width: 6, height: 4, format: 'png' });
		const step = held.findIndex((row) => key in row);
		expect(value.path).toBe(`media/images/${key}_${step}_${value.sha256.slice(0, 20)}.png`);
		const bytes = Buffer.from(await (await fetch(fileUrl(id, value.path))).arrayBuffer());
		expect(bytes.length).toBe(value.size);
		expect(createHash('sha256').update(bytes).digest('hex')).toBe(value.sha256);
		expect(await pixelsOf(id, value.path), key).toEqual(PIXELS);
	}
	expect(values.canvas).toMatchObject({ caption: 'a canvas' });
	expect(values.batch).toMatchObject({ _type: 'images/separated', count: 2, width: 6, height: 4 });
	for (const path of values.batch?.filenames ?? []) expect(await pixelsOf(id, path)).toEqual(PIXELS);
	expect(values.many).toMatchObject({ count: 108 });
	expect(values.jpeg).toMatchObject({ format: 'jpg', path: expect.stringMatching(/\.jpg$/) });
	expect(values.webp).toMatchObject({ format: 'webp', path: expect.stringMatching(/\.webp$/) });
	for (const key of ['jpeg', 'webp']) expect(await pixelsOf(id, values[key]?.path ?? '')).toHaveLength(96);

	const marked = values['val/marked'] as ImageValue;
	expect(marked.path).toMatch(/^media\/images\/val\/marked_\d+_[0-9a-f]{20}\.png$/);
	const mask = marked.masks.prediction as ImageValue;
	expect(mask).toMatchObject({ _type: 'mask', path: expect.stringMatching(/^media\/images\/mask\/val\/marked_\d+_[0-9a-f]{20}\.mask\.png$/) });
	const ids = (await pixelsOf(id, mask.path)).filter((_, i) => i % 4 === 0);
	expect(ids).toEqual(Array.from({ length: 24 }, (_, i) => i % 3));
	const boxes = marked.boxes.prediction as ImageValue;
	expect(boxes.path).toMatch(/^media\/metadata\/boxes2D\/val\/marked_\d+_[0-9a-f]{20}\.boxes2D\.json$/);
	expect(await (await fetch(fileUrl(id, boxes.path))).json()).toEqual({
		box_data: [
			{ position: { minX: 1, maxX: 3, minY: 0, maxY: 2 }, class_id: 1, domain: 'pixel', scores: { score: 0.9 }, box_caption: 'one' },
			{ position: { middle: [0.5, 0.5], width: 0.2, height: 0.4 }, class_id: 4 },
		],
		class_labels: { 1: 'nucleus', 4: 'class_4' },
	});
	const media = await (await fetch(`${server.url}/api/projects/media/runs/${id}/media?key=val%2Fmarked`)).json();
	expect(media[0].files).toHaveLength(3);
	expect(media[0].files.every((file: { isUploaded: boolean }) => file.isUploaded)).toBe(true);
});

test('what is no picture is told by key and step, and the rest of its row is kept', async () => {
	const { id, errors, droppedValues, keys } = await call<{ id: string; errors: string[]; droppedValues: number; keys: string[] }>(
		'logBad',
		server.url,
		sites[1]?.url ?? '',
	);
	expect(droppedValues).toBe(keys.length);
	expect((await rows(id)).map((row) => row.kept)).toEqual(keys.map(() => 1));
	const why: Record<string, RegExp> = {
		nan: /is NaN/,
		empty: /size is 0 × 4/,
		huge: /70000 × 1/,
		tainted: /another site/,
		detached: /detached/,
		revoked: /revoked/,
		foreign: /another origin/,
		text: /no PNG/,
		mask: /2 class ids for 2 × 2/,
	};
	for (const [step, key] of keys.entries()) {
		const told = errors.find((error) => error.includes(`"${key}`) && why[key]?.test(error));
		expect(told, `${key}\n${errors.join('\n')}`).toMatch(/^data-dropped: /);
		expect(told).toContain(`step ${step}`);
	}
});
