import { once } from 'node:events';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { type Context, Hono } from 'hono';
import { type LineObject, writeLine } from '../../../src/core/json-line.ts';
import { DEFAULT_ENTITY, STREAM_FILES, STREAMS, type Stream } from '../../../src/core/protocol.ts';
import type { ChartRequest } from '../../../src/core/query.ts';
import type { RunGroupsQuery, RunsQuery } from '../../../src/core/runs-query.ts';
import { fromWire, toWire } from '../../../src/core/wire-values.ts';
import type { Env } from '../access/access.ts';
import { requireRead } from '../access/guards.ts';
import { consolePage } from '../console-lines.ts';
import { csv, parquet } from '../history-export.ts';
import { outgoingStream } from '../operation/outgoing-stream.ts';
import { readJson } from '../read-body.ts';
import { RequestError } from '../request-error.ts';
import type { StoredLine } from '../store/history-store.ts';
import type { ProjectRow, RunRow } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';
import { chartAnswer, checkChart } from './chart.ts';

export const VERSION = '0.1.0';

const TYPES: Record<string, string> = {
	'.png': 'image/png',
	'.jpg': 'image/jpeg',
	'.jpeg': 'image/jpeg',
	'.webp': 'image/webp',
	'.gif': 'image/gif',
	'.json': 'application/json',
	'.txt': 'text/plain; charset=utf-8',
	'.log': 'text/plain; charset=utf-8',
	'.yaml': 'text/plain; charset=utf-8',
};

/** What dashboards and people read; the types are in src/core/query.ts. */
export function apiRoutes(tracker: Tracker): Hono<Env> {
	const app = new Hono<Env>();
	const projectOf = (c: Context): ProjectRow => {
		const name = c.req.param('project') ?? '';
		const project = tracker.meta.project(DEFAULT_ENTITY, name);
		if (!project) throw new RequestError(404, `There is no project "${name}".`);
		return project;
	};
	const runOf = (c: Context): RunRow => tracker.runNamed(DEFAULT_ENTITY, c.req.param('project') ?? '', c.req.param('id') ?? '');

	// A launcher asks who holds the port, a dashboard whether it needs a token.
	app.get('/api/server', (c) => {
		const { mayRead, mayWrite } = c.get('access');
		if (mayWrite === 'own') requireRead(c.get('access'));
		return c.json({ name: 'tidelog', version: VERSION, ...(mayRead ? { serverId: tracker.database.serverId } : { needsToken: true }) });
	});
	app.use('/api/*', async (c, next) => {
		requireRead(c.get('access'));
		await next();
	});
	app.get('/api/projects', (c) => c.json(tracker.projects()));
	app.get('/api/projects/:project/runs', (c) => c.json(toWire(tracker.runs(projectOf(c)))));
	app.post('/api/projects/:project/runs/query', async (c) => {
		const project = projectOf(c);
		return c.json(toWire(await tracker.findRuns(project, await jsonBody<RunsQuery>(c))));
	});
	app.post('/api/projects/:project/runs/groups', async (c) => {
		const project = projectOf(c);
		return c.json(toWire(await tracker.groupRuns(project, await jsonBody<RunGroupsQuery>(c))));
	});
	app.get('/api/projects/:project/runs/:id', (c) => c.json(toWire(tracker.detail(runOf(c)))));

	app.post('/api/projects/:project/metrics', async (c) => {
		const project = projectOf(c);
		const { runIds } = await readJson(c);
		if (runIds !== undefined && !isNames(runIds)) throw new RequestError(400, 'runIds must be a list of text.');
		const runs = tracker.meta.runs(project);
		return c.json(tracker.history.metrics(runIds ? runs.filter((run) => runIds.includes(run.name)) : runs));
	});

	app.post('/api/chart', async (c) => {
		const request = (await readJson(c)) as unknown as ChartRequest;
		checkChart(request);
		const runs = request.runIds.flatMap((id) => tracker.meta.run(DEFAULT_ENTITY, request.project, id) ?? []);
		return chartAnswer(tracker.history.buckets(runs, request));
	});

	app.get('/api/projects/:project/runs/:id/media', (c) => c.json(toWire(tracker.media(runOf(c), c.req.query('key') ?? ''))));

	app.get('/api/projects/:project/runs/:id/files/:path{.+}', async (c) => {
		const run = runOf(c);
		const path = c.req.param('path');
		const file = tracker.files.find(run, path);
		if (!file) throw new RequestError(404, `Run ${run.name} has no file "${path}", or its bytes have not arrived yet.`);
		const type = TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream';
		// A logged file is somebody's data: it is shown, never run as part of this site.
		c.header('Content-Security-Policy', "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'");
		c.header('Content-Type', type);
		c.header('Content-Length', String(file.sizeBytes));
		if (type === 'application/octet-stream') c.header('Content-Disposition', 'attachment');
		c.header('ETag', `"${file.sha256}"`);
		c.header('Cache-Control', 'private, max-age=0, must-revalidate');
		if (c.req.header('if-none-match') === `"${file.sha256}"`) return c.body(null, 304);
		const blob = tracker.blobs.open(file.sha256);
		await once(blob, 'open');
		return outgoingStream(c, Readable.toWeb(blob) as ReadableStream);
	});

	app.get('/api/projects/:project/runs/:id/console', async (c) =>
		c.json(await consolePage(tracker.history, runOf(c), c.req.query(), c.req.raw.signal)),
	);
	app.get('/api/projects/:project/runs/:id/history.jsonl', (c) => jsonLines(c, tracker.rowLines(runOf(c))));
	for (const [ending, type, write] of [
		['csv', 'text/csv; charset=utf-8', csv],
		['parquet', 'application/vnd.apache.parquet', parquet],
	] as const) {
		app.get(`/api/projects/:project/runs/:id/history.${ending}`, (c) => {
			const run = runOf(c);
			c.header('Content-Type', type);
			c.header('Content-Disposition', 'attachment');
			// A piece is made when the reader has taken the one before; a reader that goes away ends the work.
			return outgoingStream(
				c,
				Readable.toWeb(
					Readable.from(
						write(() => tracker.rowLines(run)),
						{ highWaterMark: 1 },
					),
				) as ReadableStream,
			);
		});
	}
	app.get('/api/projects/:project/runs/:id/records.jsonl', (c) => {
		const stream = (c.req.query('stream') ?? 'history') as Stream;
		if (!STREAMS.includes(stream)) throw new RequestError(400, `stream must be one of ${STREAMS.join(', ')}, but was "${stream}".`);
		// A line of the console is text, the others are JSON.
		const toText = stream === 'console' ? (record: StoredLine) => JSON.stringify(record) : recordText;
		return jsonLines(c, tracker.history.lines(runOf(c), STREAM_FILES[stream]), toText);
	});
	return app;
}

/** Special numbers travel as in answers. */
async function jsonBody<T extends object>(c: Context): Promise<T> {
	return fromWire(await readJson(c)) as T;
}

/** The line stands in the export as it came, byte for byte; `step` also says where the server has put a line that names none. */
function recordText({ writer, n, line, step }: StoredLine): string {
	return `{"writer":${JSON.stringify(writer)},"n":${n},${step === undefined ? '' : `"step":${step},`}"line":${line}}`;
}

/** Streams a line at a time; a reader that goes away ends the work. */
function jsonLines<T>(c: Context<Env>, items: Iterable<T>, toText: (item: T) => string = (item) => writeLine(item as LineObject)): Response {
	const iterator = items[Symbol.iterator]();
	const encoder = new TextEncoder();
	const stream = new ReadableStream<Uint8Array>({
		pull(controller) {
			let text = '';
			while (text.length < 65_536) {
				const { done, value } = iterator.next();
				if (done) {
					if (text !== '') controller.enqueue(encoder.encode(text));
					controller.close();
					return;
				}
				text += `${toText(value)}\n`;
			}
			controller.enqueue(encoder.encode(text));
		},
		cancel() {
			iterator.return?.();
		},
	});
	c.header('Content-Type', 'application/jsonl; charset=utf-8');
	return outgoingStream(c, stream);
}

function isNames(value: unknown): value is string[] {
	return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
