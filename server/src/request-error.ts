import type { RefusalBody } from '../../src/core/protocol.ts';

/** A request that cannot be served; the message is for its sender. */
export class RequestError extends Error {
	readonly status: 400 | 401 | 403 | 404 | 409 | 410 | 413 | 415 | 429;

	constructor(status: RequestError['status'], message: string) {
		super(message);
		this.status = status;
	}
}

/** What a client is told. Where a run is missing, was rewound or deleted, it must know in which data folder. */
export function refusal({ status, message }: RequestError, serverId: string): RefusalBody {
	return { errors: [{ message }], error: message, ...([404, 409, 410].includes(status) ? { serverId } : {}) };
}
