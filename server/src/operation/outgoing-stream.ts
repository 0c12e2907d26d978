import type { ServerResponse } from 'node:http';
import type { Context } from 'hono';
import { routePath } from 'hono/route';
import type { Env } from '../access/access.ts';

/**
 * A body that is made while it is sent. When that fails, the log says why and the connection is cut, so that a reader sees that something is missing; the
 * HTTP adapter would end the answer with the error's message instead, which may be about files of this machine.
 */
export function outgoingStream(c: Context<Env>, source: ReadableStream<Uint8Array>): Response {
	const reader = source.getReader();
	const { log } = c.get('operation');
	return c.body(
		new ReadableStream<Uint8Array>({
			async pull(controller) {
				try {
					const { done, value } = await reader.read();
					if (done) controller.close();
					else controller.enqueue(value);
				} catch (error) {
					log.error('an answer broke off', { request: c.get('requestId'), route: routePath(c) }, error);
					(c.env as { outgoing?: ServerResponse } | undefined)?.outgoing?.destroy();
					controller.error(new Error('The server failed while it sent this.'));
				}
			},
			cancel: (reason) => reader.cancel(reason),
		}),
	);
}
