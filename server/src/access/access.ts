import type { Operation } from '../operation/operation.ts';
import type { TokenRow } from '../store/token-store.ts';

/** What a request may do, decided once (safety.ts) and asked by the routes. */
export interface Access {
	/** Whether it may look at anything. */
	mayRead: boolean;
	/** `any` run; `own`: new runs, and those whose key it brings. */
	mayWrite: 'any' | 'own' | 'none';
	/** Deleting and stopping. */
	mayManage: boolean;
	/** Key of the run that it is about, as it came. */
	runKey: string | undefined;
	token: TokenRow | undefined;
}

/** What Hono's context carries. */
export interface Env {
	Variables: {
		access: Access;
		operation: Operation;
		/** Names the request in the log, and in the answer where the server failed. */
		requestId: string;
		/** Bytes of the body, inflated, once it was read as JSON. */
		bodyBytes?: number;
	};
}

/** What the header tidelog-run-key holds: at least 128 random bits, made with the run. */
export const RUN_KEY = /^[0-9a-z]{32}$/;
