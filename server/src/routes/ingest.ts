import { Readable } from 'node:stream';
import { Hono } from 'hono';
import type { FileStreamAnswer, FileStreamRequest } from '../../../src/core/protocol.ts';
import type { Env } from '../access/access.ts';
import { requireRun } from '../access/guards.ts';
import { readJson } from '../read-body.ts';
import type { Tracker } from '../tracker.ts';

/** What W&B's clients write to: lines by file_stream, bytes by PUT to an address that was given out. */
export function ingestRoutes(tracker: Tracker): Hono<Env> {
	return new Hono<Env>()
		.post('/files/:entity/:project/:run/file_stream', async (c) => {
			const find = () => {
				const found = tracker.runNamed(c.req.param('entity'), c.req.param('project'), c.req.param('run'));
				requireRun(c.get('access'), tracker.meta, found);
				return found;
			};
			find();
			const request = (await readJson(c)) as FileStreamRequest;
			// It may have been deleted or rewound while the body came in.
			const run = find();
			const tidelog = tracker.stream(run, request);
			const { metrics } = c.get('operation');
			metrics.ingestLines.add(Object.values(request.files ?? {}).reduce((lines, { content }) => lines + content.length, 0));
			metrics.ingestBytes.add(c.get('bodyBytes') ?? 0, { kind: 'lines' });
			const answer: FileStreamAnswer = { stopped: run.isStopped, ...(tidelog ? { tidelog } : {}) };
			return c.json(answer);
		})
		.put('/uploads/:token', async (c) => {
			const body = c.req.raw.body;
			let bytes = 0;
			const counted = async function* () {
				for await (const piece of (body ? Readable.fromWeb(body as never) : []) as AsyncIterable<Uint8Array>) {
					bytes += piece.length;
					yield piece;
				}
			};
			await tracker.upload(c.req.param('token'), counted());
			c.get('operation').metrics.ingestBytes.add(bytes, { kind: 'files' });
			return c.body(null, 200);
		});
}
