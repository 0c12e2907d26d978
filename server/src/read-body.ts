import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Context } from 'hono';
import { MAX_REQUEST_BYTES } from '../../src/core/protocol.ts';
import { isTooDeep, MAX_JSON_DEPTH } from './json-depth.ts';
import { RequestError } from './request-error.ts';

/** Largest body taken, inflated: W&B's clients stop near 10 MiB of content, which JSON escaping may make twice as long. */
const MAX_BODY_BYTES = 4 * MAX_REQUEST_BYTES;

/**
 * The body as a JSON object.
 * @throws RequestError 400, 413 or 415 when it is none, too large (inflated), nested deeper than 100, or encoded by other than gzip.
 */
export async function readJson(c: Context): Promise<{ [key: string]: unknown }> {
	const text = await readBody(c);
	if (isTooDeep(text)) throw new RequestError(400, `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		throw new RequestError(400, `The body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
	}
	if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RequestError(400, 'The body must be a JSON object.');
	return value as { [key: string]: unknown };
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
	c.set('bodyBytes', size);
	return Buffer.concat(pieces).toString('utf8');
}
