import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Context, Hono } from 'hono';
import { type FileStreamAnswer, type FileStreamRequest, MAX_REQUEST_BYTES } from '../../../src/core/protocol.ts';
import type { Env } from '../access/access.ts';
import { requireRun } from '../access/guards.ts';
import { RequestError } from '../request-error.ts';
import type { Tracker } from '../tracker.ts';

/** Largest body taken, inflated: W&B's clients stop near 10 MiB of content, which JSON escaping may make twice as long. */
const MAX_BODY_BYTES = 4 * MAX_REQUEST_BYTES;

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
			const request = parseRequest(await readBody(c));
			// It may have been deleted or rewound while the body came in.
			const run = find();
			const tidelog = tracker.stream(run, request);
			const answer: FileStreamAnswer = { stopped: run.isStopped, ...(tidelog ? { tidelog } : {}) };
			return c.json(answer);
		})
		.put('/uploads/:token', async (c) => {
			const body = c.req.raw.body;
			await tracker.upload(c.req.param('token'), body ? Readable.fromWeb(body as never) : Readable.from([]));
			return c.body(null, 200);
		});
}

function parseRequest(text: string): FileStreamRequest {
	let request: unknown;
	try {
		request = JSON.parse(text);
	} catch (error) {
		throw new RequestError(400, `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
	}
	if (typeof request !== 'object' || request === null || Array.isArray(request)) throw new RequestError(400, 'The body must be a JSON object.');
	return request;
}

async function readBody(c: Context): Promise<string> {
	const encoding = c.req.header('content-encoding') ?? 'identity';
	if (encoding !== 'identity' && encoding !== 'gzip') throw new RequestError(415, `Content-Encoding ${encoding} is not known; use gzip or none.`);
	const body = c.req.raw.body ? Readable.fromWeb(c.req.raw.body as never) : Readable.from([]);
	const plain = encoding === 'gzip' ? body.pipe(createGunzip()) : body;
	// pipe() does not hand errors on: a body that breaks off must end the reading below.
	if (plain !== body) body.on('error', (error) => plain.destroy(error));
	const pieces: Buffer[] = [];
	let size = 0;
	try {
		for await (const piece of plain as AsyncIterable<Buffer>) {
			size += piece.length;
			if (size > MAX_BODY_BYTES) throw new RequestError(413, `The body is larger than ${MAX_BODY_BYTES} bytes; send fewer lines at once.`);
			pieces.push(Buffer.from(piece));
		}
	} catch (error) {
		if (error instanceof RequestError) throw error;
		throw new RequestError(400, `The body could not be read (${error instanceof Error ? error.message : String(error)}).`);
	}
	return Buffer.concat(pieces).toString('utf8');
}
