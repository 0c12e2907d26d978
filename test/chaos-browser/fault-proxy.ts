import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const FAULTS = ['drop', 'lose answer', 'delay', 'twice', 'truncate', 'black hole', '429', '500', '502', '503', '413', 'html'] as const;
/** A request that is never answered is cut off after this long, so that a scenario ends. */
const BLACK_HOLE_MS = 3_000;

/** Stands between pages and a server, on 127.0.0.1, and does to requests what networks, proxies and busy servers do. Preflights pass. */
export class FaultProxy {
	readonly url: string;
	/** Share of requests that meet a fault, 0 to 1. */
	faultFraction = 0;
	/** What was done, for the message of a failing test. */
	readonly done: string[] = [];
	readonly #server: Server;
	readonly #target: URL;
	readonly #random: () => number;

	static async start(target: string, random: () => number): Promise<FaultProxy> {
		const server = createServer().listen(0, '127.0.0.1');
		await once(server, 'listening');
		return new FaultProxy(server, target, random);
	}

	private constructor(server: Server, target: string, random: () => number) {
		this.#server = server;
		this.#target = new URL(target);
		this.#random = random;
		this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		server.on('request', (incoming, response) => {
			// Whatever breaks here, breaks for the page: a fault like any other.
			this.#handle(incoming, response).catch(() => response.destroy());
		});
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, 'close');
	}

	async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
		const body = await buffer(incoming);
		const isFaulty = incoming.method !== 'OPTIONS' && this.#random() < this.faultFraction;
		const fault = isFaulty ? FAULTS[Math.floor(this.#random() * FAULTS.length)] : undefined;
		if (fault) this.done.push(fault);
		switch (fault) {
			case 'drop':
				response.destroy();
				return;
			case 'lose answer':
				await this.#forward(incoming, body);
				response.destroy();
				return;
			case 'black hole':
				await sleep(BLACK_HOLE_MS);
				response.destroy();
				return;
			case 'html':
				response.writeHead(200, { ...this.#cors(incoming), 'content-type': 'text/html' }).end('<html>Sign in to the network</html>');
				return;
			case '429':
			case '500':
			case '502':
			case '503':
			case '413':
				response.writeHead(Number(fault), { ...this.#cors(incoming), ...(fault === '429' ? { 'retry-after': '1' } : {}) }).end('<h1>no</h1>');
				return;
			case 'delay':
				await sleep(this.#random() * 1_500);
				break;
			case 'twice':
				await this.#forward(incoming, body);
				break;
		}
		const answer = await this.#forward(incoming, body);
		response.writeHead(answer.status, answer.headers);
		if (fault === 'truncate') {
			response.write(answer.body.subarray(0, answer.body.length / 2));
			setImmediate(() => response.destroy());
		} else response.end(answer.body);
	}

	async #forward(incoming: IncomingMessage, body: Buffer): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
		const { hostname, port, host } = this.#target;
		const outgoing = request({ hostname, port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, host } });
		outgoing.end(body);
		const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
		const { 'transfer-encoding': _, ...headers } = answer.headers;
		return { status: answer.statusCode ?? 502, headers, body: await buffer(answer) };
	}

	/** Half of the answers are a page's to read; the others look like a broken connection to it. */
	#cors(incoming: IncomingMessage): Record<string, string> {
		return this.#random() < 0.5 ? { 'access-control-allow-origin': incoming.headers.origin ?? '' } : {};
	}
}
