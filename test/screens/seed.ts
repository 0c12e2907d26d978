/**
 * Fills a running server with a project that looks real, over the protocol that its clients speak:
 * node test/screens/seed.ts http://127.0.0.1:8420
 */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { type LineObject, writeLine } from '../../src/core/json-line.ts';
import { HISTORY_FILE } from '../../src/core/protocol.ts';
import { png } from './png.ts';
import { type SampleRun, sampleRows, sampleRuns, seeded } from './sample-runs.ts';

export const PROJECT = 'nuclei-segmentation';

export interface SeedOptions {
	url: string;
	/** Tells the server's clock; without it all runs began now and none has crashed. */
	setNow?: (ms: number) => void;
	nowMs: number;
	runs?: number;
}

const writerOf = (run: SampleRun): string => createHash('sha256').update(run.id).digest('hex').slice(0, 16);

/** Makes the project and resolves with its runs when the server has everything. */
export async function seed({ url, setNow, nowMs, runs: count }: SeedOptions): Promise<SampleRun[]> {
	const runs = sampleRuns(count);
	// The oldest first, as they would have come.
	for (const run of [...runs].reverse()) {
		const startMs = setNow ? nowMs - run.ageMs : nowMs;
		setNow?.(startMs);
		await upsert(url, run);
		setNow?.(Math.min(nowMs, startMs + run.rows * run.msPerRow));
		if (run.hasImages) await sendImages(url, run, startMs);
		else await sendRows(url, run, sampleRows(run, 0, run.rows, startMs), 0, run.fate);
	}
	setNow?.(nowMs);
	// Runs that go on are heard of now.
	for (const run of runs) if (run.fate === 'running') await stream(url, run, { tidelog: member(run, run.rows + run.pending, nowMs) });
	return runs;
}

/** Sends rows `from` … of a run, 100 in a request, and its end if it has one. */
export async function sendRows(
	url: string,
	run: SampleRun,
	rows: readonly LineObject[],
	from: number,
	fate: SampleRun['fate'] = 'running',
): Promise<void> {
	for (let at = 0; at < rows.length; at += 100) {
		const content = rows.slice(at, at + 100).map((row) => writeLine(row));
		const isLast = at + 100 >= rows.length;
		await stream(url, run, {
			tidelog: member(run, from + at + content.length, 0),
			files: { [HISTORY_FILE]: { offset: from + at, content } },
			...(isLast && fate === 'finished' ? { complete: true, exitcode: 0 } : {}),
			...(isLast && fate === 'failed' ? { complete: true, exitcode: 1 } : {}),
		});
	}
}

function member(run: SampleRun, upTo: number, startedMs: number) {
	return { v: 1, writer: writerOf(run), startedMs, upTo };
}

async function upsert(url: string, run: SampleRun): Promise<void> {
	const config = writeLine(Object.fromEntries(Object.entries(run.config).map(([key, value]) => [key, { value }])));
	await post(`${url}/graphql`, {
		query: `mutation UpsertBucket($name: String, $project: String, $entity: String, $displayName: String, $config: JSONString, $notes: String, $tags: [String!], $host: String) {
			upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, displayName: $displayName, config: $config, notes: $notes, tags: $tags, host: $host}) { bucket { id } }
		}`,
		variables: {
			name: run.id,
			project: PROJECT,
			entity: 'local',
			displayName: run.name,
			config,
			notes: run.notes,
			tags: run.tags,
			host: 'Chromium 156 · WebGPU',
		},
	});
}

/** Rows of a run that logs images: eight digits in a list each 60 rows, one picture each 120; the newest bytes have not arrived. */
async function sendImages(url: string, run: SampleRun, startMs: number): Promise<void> {
	const rows = sampleRows(run, 0, run.rows, startMs);
	const bytes = new Map<string, Buffer>();
	for (const [i, row] of rows.entries()) {
		if (i % 60 === 0) {
			const images = Array.from({ length: 8 }, (_, k) => digit(`${i}-${k}`));
			const filenames = images.map((image, k) => keep(bytes, 'val/digits', Number(row._step) + k, image));
			row['val/digits'] = {
				_type: 'images/separated',
				width: 28,
				height: 28,
				format: 'png',
				count: 8,
				filenames,
				captions: images.map((_, k) => `says ${(k * 7 + i) % 10}, is ${(k * 7) % 10}`),
			};
		}
		if (i % 120 === 0) {
			const image = tile(`${i}`);
			const path = keep(bytes, 'val/prediction', Number(row._step), image);
			row['val/prediction'] = {
				_type: 'image-file',
				path,
				size: image.length,
				sha256: sha(image),
				format: 'png',
				width: 256,
				height: 192,
				caption: 'tile 0x2c41, 24 of 31 nuclei',
			};
		}
	}
	await sendRows(url, run, rows, 0);
	const paths = [...bytes.keys()];
	const answer = (await post(`${url}/graphql`, {
		query: `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
			createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) { files { name uploadUrl } }
		}`,
		variables: { entity: 'local', project: PROJECT, run: run.id, files: paths.slice(0, -3) },
	})) as { data: { createRunFiles: { files: { name: string; uploadUrl: string }[] } } };
	for (const { name, uploadUrl } of answer.data.createRunFiles.files) {
		const response = await fetch(uploadUrl, { method: 'PUT', body: bytes.get(name) as Uint8Array<ArrayBuffer> });
		if (!response.ok) throw new Error(`PUT ${name}: ${response.status} ${await response.text()}`);
	}
}

const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

function keep(bytes: Map<string, Buffer>, key: string, step: number, image: Buffer): string {
	const path = `media/images/${key}_${step}_${sha(image).slice(0, 20)}.png`;
	bytes.set(path, image);
	return path;
}

/** Bright strokes on black, 28 × 28, as MNIST has them. */
function digit(name: string): Buffer {
	const random = seeded(name);
	const points = Array.from({ length: 4 }, () => [5 + random() * 18, 4 + random() * 20] as const);
	return png(28, 28, (x, y) => {
		let least = Infinity;
		for (let i = 0; i + 1 < points.length; i++) least = Math.min(least, toSegment(x, y, points[i] ?? [0, 0], points[i + 1] ?? [0, 0]));
		const light = Math.max(0, Math.min(255, Math.round(255 * (2.2 - least))));
		return [light, light, light];
	});
}

function toSegment(x: number, y: number, [ax, ay]: readonly [number, number], [bx, by]: readonly [number, number]): number {
	const t = Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2 || 1)));
	return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay));
}

/** A dark field with bright cells, 256 × 192. */
function tile(name: string): Buffer {
	const random = seeded(name);
	const cells = Array.from({ length: 22 }, () => ({
		x: random() * 256,
		y: random() * 192,
		size: 9 + random() * 9,
		light: 0.5 + random() * 0.5,
		flat: 0.6 + random() * 0.4,
	}));
	return png(256, 192, (x, y) => {
		let light = 0.06;
		for (const cell of cells) light = Math.max(light, cell.light * Math.min(1, 1.25 - Math.hypot(x - cell.x, (y - cell.y) / cell.flat) / cell.size));
		return [Math.round(150 * light), Math.round(178 * light), Math.round(250 * light)];
	});
}

function stream(url: string, run: SampleRun, body: object): Promise<unknown> {
	return post(`${url}/files/local/${PROJECT}/${run.id}/file_stream`, body);
}

async function post(url: string, body: object): Promise<unknown> {
	const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
	const text = await response.text();
	if (!response.ok || text.includes('"errors"')) throw new Error(`POST ${url}: ${response.status} ${text.slice(0, 400)}`);
	return JSON.parse(text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
	const url = process.argv[2];
	if (!url) throw new Error('Give the address of a running server: node test/screens/seed.ts http://127.0.0.1:8420');
	const runs = await seed({ url, nowMs: Date.now() });
	console.log(`${runs.length} runs in ${url}/local/${PROJECT}`);
}
