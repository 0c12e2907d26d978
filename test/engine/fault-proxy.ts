import type { VirtualClock } from './virtual-clock.ts';

export interface SentRequest {
	atMs: number;
	url: string;
	method: string;
	headers: Record<string, string>;
	body: string | Uint8Array<ArrayBuffer> | undefined;
	fault: string;
	/** Status of the server's answer, if it ever had the request. */
	served?: number;
}

/** What may happen to one request. */
export type Fault =
	| { kind: 'none' }
	/** The connection breaks before the server has the request, or after it has dealt with it; `late` has the request arrive once more, so much later. */
	| { kind: 'drop'; when: 'before' | 'after'; lateMs?: number }
	| { kind: 'delay'; ms: number }
	/** The server gets the request twice, the second time so much later. */
	| { kind: 'duplicate'; afterMs: number }
	/** The answer ends after a share of its text. */
	| { kind: 'truncate'; fraction: number }
	/** The connection breaks in the midst of the answer. */
	| { kind: 'close'; fraction: number }
	/** No answer ever comes. */
	| { kind: 'black-hole'; when: 'before' | 'after' }
	/** Somebody else answers; `isServed`: though the server has dealt with it. */
	| { kind: 'answer'; status: number; body: string; headers?: Record<string, string>; isServed?: boolean };

interface Answer {
	status: number;
	headers: [string, string][];
	text: string;
}

/** The network between a page and a server in this process: every request goes through {@link rule}, which says what happens to it. */
export class FaultProxy {
	rule: (request: SentRequest) => Fault = () => ({ kind: 'none' });
	/** Taken before the rule, one a request. */
	readonly next: Fault[] = [];
	latencyMs: () => number = () => 5;
	/** Nobody listens. */
	isDown = false;
	/** Answers larger bodies with 413. */
	maxBodyBytes = Number.POSITIVE_INFINITY;
	/** A connection that is closed takes a delayed request with it, so that it never arrives behind a later one: no W&B server would bear that. */
	dropsOrphans = false;
	/** Told when an answer was lost, or made up. */
	onFault: (request: SentRequest) => void = () => undefined;
	readonly log: SentRequest[] = [];
	readonly #clock: VirtualClock;
	#server: (request: Request) => Promise<Response>;
	/** One request after the other, so that their order does not depend on the machine. */
	#queue: Promise<unknown> = Promise.resolve();

	constructor(clock: VirtualClock, server: (request: Request) => Promise<Response>) {
		this.#clock = clock;
		this.#server = server;
	}

	set server(server: (request: Request) => Promise<Response>) {
		this.#server = server;
	}

	/** @param isGone whether nobody waits for the answer any more. */
	readonly fetch = (input: string | URL | Request, init: RequestInit = {}, isGone: () => boolean = () => false): Promise<Response> =>
		new Promise((resolve, reject) => {
			const { signal, body } = init;
			const fail = () => reject(new DOMException('The request was aborted.', 'AbortError'));
			if (signal?.aborted) return fail();
			signal?.addEventListener('abort', fail);
			const request: SentRequest = {
				atMs: this.#clock.nowMs(),
				url: String(input),
				method: init.method ?? 'GET',
				headers: { ...(init.headers as Record<string, string>) },
				body: body as SentRequest['body'],
				fault: '',
			};
			const fault = this.next.shift() ?? this.rule(request);
			request.fault = fault.kind;
			this.log.push(request);
			this.#carry(request, fault, () => signal?.aborted === true || isGone())
				.then(resolve, reject)
				.finally(() => signal?.removeEventListener('abort', fail));
		});

	async #carry(request: SentRequest, fault: Fault, isGone: () => boolean): Promise<Response> {
		await this.#clock.sleep(this.latencyMs());
		if (fault.kind !== 'none') this.onFault(request);
		if (this.isDown) throw new TypeError('fetch failed');
		if (request.body !== undefined && request.body.length > this.maxBodyBytes) return new Response('{"error":"too large"}', { status: 413 });
		switch (fault.kind) {
			case 'none': {
				const answer = await this.#serve(request);
				if (isGone()) this.onFault(request);
				return this.#answer(answer);
			}
			case 'drop':
				if (fault.when === 'after') await this.#serve(request);
				if (fault.lateMs !== undefined) void this.#clock.sleep(fault.lateMs).then(() => this.#serveLate(request));
				throw new TypeError('fetch failed');
			case 'delay':
				await this.#clock.sleep(fault.ms);
				this.onFault(request);
				if (this.dropsOrphans && isGone()) throw new TypeError('fetch failed');
				return this.#answer(await this.#serve(request).finally(() => this.onFault(request)));
			case 'duplicate': {
				const answer = await this.#serve(request);
				if (fault.afterMs > 0) {
					void this.#clock.sleep(fault.afterMs).then(() => this.#serveLate(request));
					return this.#answer(answer);
				}
				return this.#answer(await this.#serve(request));
			}
			case 'truncate': {
				const answer = await this.#serve(request);
				return this.#answer({ ...answer, text: answer.text.slice(0, Math.floor(answer.text.length * fault.fraction)) });
			}
			case 'close': {
				const answer = await this.#serve(request);
				const part = new TextEncoder().encode(answer.text.slice(0, Math.floor(answer.text.length * fault.fraction)));
				const pieces = [part];
				const body = new ReadableStream({
					pull(controller) {
						const piece = pieces.shift();
						if (piece) controller.enqueue(piece);
						else controller.error(new TypeError('terminated'));
					},
				});
				return new Response(body, { status: answer.status, headers: answer.headers });
			}
			case 'black-hole':
				if (fault.when === 'after') await this.#serve(request);
				return new Promise(() => undefined);
			case 'answer':
				if (fault.isServed) await this.#serve(request);
				return new Response(fault.body, { status: fault.status, headers: fault.headers ?? {} });
		}
	}

	async #answer({ status, headers, text }: Answer): Promise<Response> {
		await this.#clock.sleep(this.latencyMs());
		return new Response(status === 204 ? null : text, { status, headers });
	}

	async #serveLate(request: SentRequest): Promise<void> {
		if (this.isDown) return;
		this.onFault(request);
		await this.#serve(request);
	}

	async #serve(request: SentRequest): Promise<Answer> {
		this.#clock.busy++;
		try {
			const served = this.#queue.then(async () => {
				const { url, method, headers, body } = request;
				const host = new URL(url).host;
				const response = await this.#server(new Request(url, { method, headers: { ...headers, host }, ...(body === undefined ? {} : { body }) }));
				request.served = response.status;
				return { status: response.status, headers: [...response.headers], text: await response.text() };
			});
			this.#queue = served.catch(() => undefined);
			return await served;
		} finally {
			if (request.fault !== 'none') this.onFault(request);
			this.#clock.busy--;
		}
	}
}
