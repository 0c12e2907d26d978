import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** How often in a stall it is looked whether something came. */
const LOOKS = 4;

/**
 * Ends requests whose body stalls: nothing came for `idleMs` while more was to come. The sender is told 408. A long upload that moves may take as long
 * as it likes, and so may an answer.
 */
export function limitStalls(server: Server, idleMs: number): void {
	const incomings = new Map<IncomingMessage, { outgoing: ServerResponse; bytes: number; quietLooks: number }>();
	const look = () => {
		for (const [incoming, watched] of incomings) {
			const { socket } = incoming;
			if (incoming.complete || incoming.destroyed) {
				incomings.delete(incoming);
				continue;
			}
			// Bytes that wait here because the server is behind are no stall of the sender.
			const hasMoved = socket.bytesRead !== watched.bytes || incoming.readableLength > 0;
			watched.bytes = socket.bytesRead;
			watched.quietLooks = hasMoved ? 0 : watched.quietLooks + 1;
			if (watched.quietLooks < LOOKS) continue;
			incomings.delete(incoming);
			if (!watched.outgoing.headersSent) socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
			socket.destroySoon();
		}
	};
	const timer = setInterval(look, idleMs / LOOKS).unref();
	server.on('close', () => clearInterval(timer));
	server.prependListener('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
		const hasBody = incoming.headers['transfer-encoding'] !== undefined || Number(incoming.headers['content-length'] ?? 0) > 0;
		if (!hasBody) return;
		incomings.set(incoming, { outgoing, bytes: incoming.socket.bytesRead, quietLooks: 0 });
		incoming.once('end', () => incomings.delete(incoming)).once('close', () => incomings.delete(incoming));
	});
}
