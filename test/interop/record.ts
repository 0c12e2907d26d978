import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request and what came back, bodies as text; those that are no text are base64. */
export interface Exchange {
	method: string;
	path: string;
	body: string;
	isBase64?: true;
	status: number;
	answer: string;
}

/** Stands between the client and the server, and notes what they say. The client sees the proxy's address only. */
export async function startRecorder(target: string): Promise<{ url: string; exchanges: Exchange[]; close(): void }> {
	const exchanges: Exchange[] = [];
	let url = '';
	const server: Server = createServer((request, response) => {
		void (async () => {
			const pieces: Buffer[] = [];
			for await (const piece of request) pieces.push(piece as Buffer);
			const body = Buffer.concat(pieces);
			const { method = 'GET', url: path = '/' } = request;
			const answered = await fetch(target + path, {
				method,
				headers: { 'content-type': request.headers['content-type'] ?? '' },
				...(method === 'GET' ? {} : { body }),
			});
			const bytes = Buffer.from(await answered.arrayBuffer());
			const text = body.toString('utf8');
			const isBase64 = !Buffer.from(text).equals(body);
			const isText = /json/.test(answered.headers.get('content-type') ?? '');
			exchanges.push({
				method,
				path,
				body: isBase64 ? body.toString('base64') : text,
				...(isBase64 ? { isBase64 } : {}),
				status: answered.status,
				answer: isText ? bytes.toString('utf8') : '',
			});
			const moved = isText ? Buffer.from(bytes.toString('utf8').replaceAll(target, url)) : bytes;
			response.writeHead(answered.status, { 'content-type': answered.headers.get('content-type') ?? 'application/octet-stream' });
			response.end(moved);
		})();
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return { url, exchanges, close: () => server.close() };
}

/** Members by which a client tells of its machine. */
const PRIVATE = 'host|username|executable|program|codePath|codePathLocal|root|email|remote|commit';

/** Takes out what names the machine: its servers' addresses, its folders, and what it tells of itself, however deep in JSON within JSON. */
export function scrub(exchanges: readonly Exchange[], secrets: Record<string, string>): Exchange[] {
	let text = JSON.stringify(exchanges);
	for (const [secret, name] of Object.entries(secrets)) if (secret !== '') text = text.replaceAll(secret, name);
	text = text.replaceAll(new RegExp(`((\\\\+")(?:${PRIVATE})\\2:\\s*\\2)(?:(?!\\2).)*?(?=\\2)`, 'g'), '$1scrubbed');
	return JSON.parse(text) as Exchange[];
}
