import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import {
	AGENT_PATH,
	AGENT_PORT,
	AGENT_PROTOCOL,
	type AgentMessage,
	MAX_AGENT_MESSAGE_BYTES,
	type PageMessage,
} from '../../src/core/agent-protocol.ts';
import type { PageKeys } from './page-keys.ts';
import type { Sample } from './sampler/sampler.ts';

/** Loopback only, whatever the machine is called: nothing here is for other machines. */
const ADDRESSES = ['127.0.0.1', '::1'];
const MAX_PAGES = 16;
/** A connection that has not said who it is by then is ended. */
const GREETING_MS = 5_000;
/** Messages a connection may send within {@link RATE_WINDOW_MS}. */
const MAX_MESSAGES = 20;
const RATE_WINDOW_MS = 10_000;
/** A page that does not read loses its connection before the agent loses its memory. */
const MAX_UNREAD_BYTES = 2 ** 20;
/** Sampling goes on so long after the last page has left, so that a reload does not start it anew. */
const LINGER_MS = 10_000;
/** Refused origins that are told to people, each once. */
const MAX_TOLD = 10;

export interface PageServerOptions {
	/** 8425 by default; 0 takes a free one. */
	port?: number;
	/** Origins of the pages that may read, exactly as browsers send them. */
	origins: readonly string[];
	keys: PageKeys;
	/** Name of this machine, which pages show. */
	host: string;
	intervalMs: number;
	/** Called when the first page reads, and when nobody has for a while. */
	onNeed(isNeeded: boolean): void;
	onNotice(message: string): void;
}

/**
 * Lets pages on this machine read samples (docs/agent.md). Every request must name one of our own addresses as its Host (a name that was rebound to
 * 127.0.0.1 is none), come from a listed Origin (a missing one is not listed), and say a code or token first. There is nothing to ask for but the time.
 */
export class PageServer {
	readonly #options: PageServerOptions;
	readonly #servers: Server[] = [];
	readonly #sockets = new WebSocketServer({
		noServer: true,
		maxPayload: MAX_AGENT_MESSAGE_BYTES,
		perMessageDeflate: false,
		clientTracking: true,
		handleProtocols: () => AGENT_PROTOCOL,
	});
	readonly #readers = new Set<WebSocket>();
	readonly #told = new Set<string>();
	#hosts: ReadonlySet<string> = new Set();
	#isNeeded = false;
	#linger: NodeJS.Timeout | undefined;
	port = 0;

	constructor(options: PageServerOptions) {
		this.#options = options;
	}

	/** Listens on 127.0.0.1 and, where the machine has it, ::1. @throws Error when the port is taken. */
	async start(): Promise<void> {
		let port = this.#options.port ?? AGENT_PORT;
		for (const address of ADDRESSES) {
			const server = createServer((_request, response) => response.writeHead(404).end());
			server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
			try {
				port = await listen(server, port, address);
				this.#servers.push(server);
			} catch (error) {
				// Without IPv6 there is no ::1, which is no failure.
				if (address === '::1' && ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) continue;
				await this.close();
				throw error;
			}
		}
		this.port = port;
		this.#hosts = new Set(['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`));
	}

	send({ timestampMs, values }: Sample): void {
		if (this.#readers.size === 0) return;
		const text = JSON.stringify({ type: 'sample', timestampMs, values } satisfies AgentMessage);
		for (const socket of this.#readers) {
			if (socket.bufferedAmount > MAX_UNREAD_BYTES) socket.terminate();
			else socket.send(text);
		}
	}

	async close(): Promise<void> {
		clearTimeout(this.#linger);
		for (const socket of this.#sockets.clients) socket.terminate();
		await Promise.all(
			this.#servers.splice(0).map((server) => {
				const closed = new Promise((resolve) => server.close(resolve));
				server.closeAllConnections();
				return closed;
			}),
		);
	}

	#upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		// A connection that breaks while it is refused is refused all the same.
		socket.on('error', () => undefined);
		const refusal = this.#refusal(request);
		if (refusal === undefined) this.#sockets.handleUpgrade(request, socket, head, (page) => this.#greet(page, request.headers.origin ?? ''));
		else socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
	}

	/** The status of the answer when the connection is not taken. */
	#refusal({ url, headers }: IncomingMessage): string | undefined {
		const { host = '', origin = '', 'sec-websocket-protocol': protocol = '' } = headers;
		if (!this.#hosts.has(host)) return '403 Forbidden';
		if (!this.#options.origins.includes(origin)) {
			if (this.#told.size < MAX_TOLD && !this.#told.has(origin)) {
				this.#told.add(origin);
				const shown = /^https?:\/\/[\w.:[\]-]{1,200}$/.test(origin) ? origin : 'no listed origin';
				this.#options.onNotice(`A page of ${shown} was refused. If it is yours, start the agent with --origin and that address.`);
			}
			return '403 Forbidden';
		}
		if (url !== AGENT_PATH || !protocol.split(/,\s*/).includes(AGENT_PROTOCOL)) return '400 Bad Request';
		return this.#sockets.clients.size >= MAX_PAGES ? '503 Service Unavailable' : undefined;
	}

	#greet(page: WebSocket, origin: string): void {
		const greeting = setTimeout(() => page.terminate(), GREETING_MS).unref();
		const times: number[] = [];
		// Too long, or no proper frame: ws closes it.
		page.on('error', () => undefined);
		page.on('close', () => {
			clearTimeout(greeting);
			this.#readers.delete(page);
			this.#needs();
		});
		page.on('message', (data, isBinary) => {
			const now = performance.now();
			times.push(now);
			if (times.length > MAX_MESSAGES && now - (times.shift() as number) < RATE_WINDOW_MS) return page.close(1008, 'too many messages');
			const message = isBinary ? undefined : readMessage(String(data));
			if (!message) return page.close(1008, 'not a message of this protocol');
			const say = (answer: AgentMessage) => page.send(JSON.stringify(answer));
			if (message.type === 'time') {
				if (!this.#readers.has(page)) return page.close(1008, 'say a token first');
				return say({ type: 'time', sentMs: message.sentMs, nowMs: Date.now() });
			}
			if (this.#readers.has(page)) return page.close(1008, 'said already');
			const { keys, host, intervalMs } = this.#options;
			if (message.type === 'pair') {
				const result = keys.pair(origin, message.code);
				if ('refused' in result) {
					say({ type: 'refused', reason: result.refused });
					return page.close(1008, 'refused');
				}
				say({ type: 'token', token: result.token });
			} else if (!keys.isKnown(origin, message.token)) {
				say({ type: 'refused', reason: 'token' });
				return page.close(1008, 'refused');
			}
			clearTimeout(greeting);
			this.#readers.add(page);
			say({ type: 'welcome', host, intervalMs });
			this.#needs();
		});
	}

	#needs(): void {
		clearTimeout(this.#linger);
		const set = (isNeeded: boolean) => {
			if (isNeeded !== this.#isNeeded) this.#options.onNeed(isNeeded);
			this.#isNeeded = isNeeded;
		};
		if (this.#readers.size > 0) set(true);
		else this.#linger = setTimeout(() => set(false), LINGER_MS).unref();
	}
}

function listen(server: Server, port: number, host: string): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen({ port, host, ipv6Only: host === '::1' }, () => {
			server.off('error', reject);
			resolve((server.address() as { port: number }).port);
		});
	});
}

function readMessage(text: string): PageMessage | undefined {
	try {
		const message = JSON.parse(text) as PageMessage | null;
		if (message?.type === 'hello' && typeof message.token === 'string') return message;
		if (message?.type === 'pair' && typeof message.code === 'string') return message;
		if (message?.type === 'time' && Number.isFinite(message.sentMs)) return message;
	} catch {
		// Said by the answer.
	}
	return undefined;
}
