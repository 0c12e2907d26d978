import { Readable } from 'node:stream';
import { Hono } from 'hono';
import type { Env } from '../access/access.ts';
import { outgoingStream } from '../operation/outgoing-stream.ts';
import { RequestError } from '../request-error.ts';
import type { Tracker } from '../tracker.ts';

/** Bytes of files and artifacts at addresses that were given out (download-links.ts). */
export function downloadRoutes(tracker: Tracker): Hono<Env> {
	return new Hono<Env>().get('/downloads/:token/:name', async (c) => {
		const sha256 = tracker.links.find(c.req.param('token'));
		if (!sha256) throw new RequestError(403, 'This download address is not known or has run out; ask for another.');
		const size = await tracker.blobs.size(sha256);
		if (size === undefined) throw new RequestError(404, 'The file that this address names was deleted.');
		// A logged file is somebody's data: it is kept, never run as part of this site.
		c.header('Content-Security-Policy', "sandbox; default-src 'none'");
		c.header('Content-Disposition', 'attachment');
		c.header('Content-Type', 'application/octet-stream');
		c.header('Accept-Ranges', 'bytes');
		const range = rangeOf(c.req.header('range'), size);
		if (range === 'none') {
			c.header('Content-Range', `bytes */${size}`);
			return c.body(null, 416);
		}
		const { start, end } = range ?? { start: 0, end: size - 1 };
		if (range) c.header('Content-Range', `bytes ${start}-${end}/${size}`);
		c.header('Content-Length', String(end - start + 1));
		if (size === 0) return c.body(null, 200);
		c.status(range ? 206 : 200);
		return outgoingStream(c, Readable.toWeb(tracker.blobs.open(sha256, { start, end })) as ReadableStream);
	});
}

/** One range of RFC 9110 §14.1.2; several, or another unit, are answered with the whole. */
function rangeOf(header: string | undefined, size: number): { start: number; end: number } | 'none' | undefined {
	const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
	if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
	const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
	const end = first === '' || last === '' ? size - 1 : Math.min(size - 1, Number(last));
	return start > end ? 'none' : { start, end };
}
