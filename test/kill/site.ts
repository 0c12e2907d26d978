import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { serveFolder } from '../e2e/support.ts';

/** What a page tells of itself: members by what it is about (load-page.js), and the page's clock. */
export interface Told {
	ms: number;
	run?: string;
	visibility?: string;
	before?: number;
	after?: number;
	flushed?: number;
	error?: string;
	fault?: string;
	collected?: { run: string; writer: string; stored: object; acknowledged: object; isVerified?: boolean }[];
	isDone?: boolean;
}

export interface Site {
	url: string;
	server: Server;
	/** Called with each thing that a page tells. */
	onTold: (told: Told) => void;
	close(): void;
}

/** Serves the built SDK and the page, and takes the page's account by WebSocket, so that no debugger takes part. */
export async function serveSite(distFolder: string): Promise<Site> {
	const own = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
	const script = (name: string) => ({ type: 'text/javascript', body: own(`./${name}`) });
	const page = (name: string) => ({
		type: 'text/html',
		body: `<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="/${name}"></script>`,
	});
	const { url, server } = await serveFolder(distFolder, {
		'/': page('load-page.js'),
		'/deaths': page('deaths-page.js'),
		'/load-page.js': script('load-page.js'),
		'/deaths-page.js': script('deaths-page.js'),
		'/values.js': script('values.js'),
	});
	const sockets = new Set<Duplex>();
	const site: Site = {
		url,
		server,
		onTold: () => undefined,
		close: () => {
			for (const socket of sockets) socket.destroy();
			server.close();
		},
	};
	server.on('upgrade', (request, socket: Duplex) => {
		sockets.add(socket);
		// A killed browser resets its connections.
		socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
		const key = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
		socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
		let held: Buffer = Buffer.alloc(0);
		socket.on('data', (bytes: Buffer) => {
			held = Buffer.concat([held, bytes]);
			for (let frame = takeFrame(held); frame; frame = takeFrame(held)) {
				held = frame.rest;
				if (frame.text !== undefined) site.onTold(JSON.parse(frame.text) as Told);
			}
		});
	});
	return site;
}

/** One frame as browsers send it (RFC 6455 §5.2): masked, whole messages of text. Undefined until it is all there. */
function takeFrame(bytes: Buffer): { text: string | undefined; rest: Buffer } | undefined {
	if (bytes.length < 2) return undefined;
	const short = (bytes[1] as number) & 0x7f;
	const head = short === 126 ? 4 : short === 127 ? 10 : 2;
	if (bytes.length < head + 4) return undefined;
	const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
	const end = head + 4 + length;
	if (bytes.length < end) return undefined;
	const mask = bytes.subarray(head, head + 4);
	const body = Buffer.from(bytes.subarray(head + 4, end).map((byte, i) => byte ^ (mask[i % 4] as number)));
	const isText = ((bytes[0] as number) & 0x0f) === 1;
	return { text: isText ? body.toString('utf8') : undefined, rest: bytes.subarray(end) };
}
