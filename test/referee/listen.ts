import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Referee } from './referee.ts';

export interface Listening {
	/** Without a slash at its end. */
	url: string;
	/** Settles when no connection is left. */
	close: () => Promise<void>;
}

/** Puts a referee on 127.0.0.1, where pages of any origin may use it. Port 0, the default, is any that is free. */
export async function listen(referee: Pick<Referee, 'fetch'>, port = 0): Promise<Listening> {
	const server = createServer((incoming, outgoing) => {
		// A request that breaks off was not applied; there is nobody left to answer.
		handle(referee, incoming, outgoing).catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : undefined));
	});
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', resolve);
	});
	const close = () =>
		new Promise<void>((resolve, reject) => {
			server.close((error) => (error ? reject(error) : resolve()));
			server.closeAllConnections();
		});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function handle(referee: Pick<Referee, 'fetch'>, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
	for (const [name, value] of corsHeaders(incoming)) outgoing.setHeader(name, value);
	if (incoming.method === 'OPTIONS') {
		outgoing.writeHead(204).end();
		return;
	}
	const headers = new Headers();
	for (const [name, value] of Object.entries(incoming.headersDistinct)) for (const item of value ?? []) headers.append(name, item);
	const chunks: Uint8Array[] = [];
	for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
	const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD';
	const url = `http://${incoming.headers.host}${incoming.url}`;
	const response = await referee.fetch(
		new Request(url, { method: incoming.method ?? 'GET', headers, ...(hasBody && { body: Buffer.concat(chunks) }) }),
	);
	outgoing.writeHead(response.status, Object.fromEntries(response.headers));
	outgoing.end(new Uint8Array(await response.arrayBuffer()));
}

/** Asked-for headers are named one by one, since `*` does not cover Authorization. */
function corsHeaders({ headers }: IncomingMessage): [name: string, value: string][] {
	return [
		['Access-Control-Allow-Origin', '*'],
		['Access-Control-Allow-Methods', 'GET, POST, PUT, OPTIONS'],
		['Access-Control-Allow-Headers', headers['access-control-request-headers'] ?? '*'],
		['Access-Control-Allow-Private-Network', 'true'],
		['Access-Control-Expose-Headers', '*'],
		['Access-Control-Max-Age', '600'],
	];
}
