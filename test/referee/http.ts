import { gunzipSync } from 'node:zlib';
import { type JsonObject, readObject } from './json-reader.ts';
import { refuse } from './violation.ts';

export function answer(status: number, body: unknown): Response {
	return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
}

/** As the official client looks for messages (wandb 0.30, core/internal/api/backenderrors.go). */
export function answerError(status: number, message: string): Response {
	return answer(status, { errors: [{ message }] });
}

export interface JsonBody {
	text: string;
	value: JsonObject;
}

/** Reads bytes that claim to be a JSON object, judging the headers that say so. */
export function readBody(headers: Headers, bytes: Uint8Array, rules: { mayBeGzip: boolean }): JsonBody {
	const type = headers.get('content-type');
	if (!/^application\/json(?:\s*;\s*charset=utf-8)?$/i.test(type ?? '')) refuse(`Content-Type is ${type ?? 'missing'}, not application/json`);
	const encoding = headers.get('content-encoding');
	if (encoding !== null && encoding !== 'gzip') refuse(`Content-Encoding is ${encoding}`);
	if (encoding === 'gzip' && !rules.mayBeGzip) refuse('Content-Encoding is gzip, which this server did not offer (FILESTREAM_GZIP)');
	const text = decode(encoding === 'gzip' ? gunzip(bytes) : bytes);
	return { text, value: readObject(text, { bareNumbers: false }).value };
}

function gunzip(bytes: Uint8Array): Uint8Array {
	try {
		return gunzipSync(bytes);
	} catch {
		refuse('the body is no gzip');
	}
}

function decode(bytes: Uint8Array): string {
	try {
		// A byte order mark is left where it is: it is not JSON.
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		refuse('the body is not UTF-8');
	}
}
