import { utf8Length } from './lines.ts';
import { refuse } from './violation.ts';

/**
 * When requests of one writer may come (wandb 0.30, core/internal/filestream: collectloop, transmitloop): the first at once, then one in 15 s,
 * one at least in 30 s. Sooner may come: the last one (`complete`), the first that says `preempting`, one that is sent because the buffer was
 * full, and one that is sent again because its answer was lost, which waits 2 s.
 */
const INTERVAL_MS = 15_000;
const HEARTBEAT_MS = 30_000;
const RETRY_MS = 2_000;
/** Where the official client stops adding lines to a request. */
export const MOST_CONTENT_BYTES = 10 * 2 ** 20;
/** With less in it there is room for any line that may be sent at all (10,383,360 bytes), so that the buffer cannot have been full. */
const LEAST_FULL_BYTES = 100 * 1024;

export interface Arrival {
	atMs: number;
	/** Of all lines together, in UTF-8. */
	contentBytes: number;
	/** Of the whole request; a client may count the escapes as well, so either size may be what filled its buffer. */
	bodyBytes: number;
	/** For each file the first line that is new. */
	firstLines: readonly string[];
	longestLineBytes: number;
	/** 0 without a summary. */
	summaryBytes: number;
	isComplete: boolean;
	isPreempting: boolean;
	isResend: boolean;
}

export interface Slack {
	/** How much sooner than after 15 s a request may come, for clocks and networks that are not perfect. */
	intervalMs: number;
	heartbeatMs: number;
}

export class Pace {
	/** Silences longer than 30 s in which the run was live. */
	readonly lateHeartbeats: string[] = [];
	readonly #slack: Slack;
	#lastMs: number | undefined;
	#heardMs: number | undefined;
	#hasPreempted = false;
	/** The last request, if it came early and must have been full: what waited behind it shows whether it was. */
	#claim: (Arrival & { longestBefore: number }) | undefined;
	#longestLineBytes = 0;

	constructor(slack: Slack) {
		this.#slack = slack;
	}

	/** The run begins, or goes on in a new process: the next request may come at once. */
	startSession(atMs: number): void {
		this.#lastMs = undefined;
		this.#heardMs = atMs;
		this.#hasPreempted = false;
		this.#claim = undefined;
	}

	/** Nobody can know what was going on: the next request may come at any time. */
	interrupt(): void {
		this.#lastMs = undefined;
		this.#heardMs = undefined;
		this.#claim = undefined;
	}

	/** The run is over: no more heartbeats are due. */
	endSession(): void {
		this.#heardMs = undefined;
	}

	judge(arrival: Arrival): void {
		if (this.#mayComeNow(arrival)) return;
		const sinceMs = this.#sinceLastMs(arrival);
		if (arrival.isResend) {
			if (sinceMs < RETRY_MS - this.#slack.intervalMs)
				refuse(`sent again after ${sinceMs} ms; a request is repeated after ${RETRY_MS} ms at the soonest`);
			return;
		}
		if (Math.max(arrival.contentBytes, arrival.bodyBytes) < LEAST_FULL_BYTES)
			refuse(`came ${sinceMs} ms after the last request; ${INTERVAL_MS} ms lie between two, and nothing says why it was sooner`);
	}

	/** Notes a request that was taken. Returns what it shows to have been wrong with the one before. */
	accept(arrival: Arrival): string | undefined {
		const wrong = this.#settleClaim(arrival);
		if (!this.#mayComeNow(arrival) && !arrival.isResend) this.#claim = { ...arrival, longestBefore: this.#longestLineBytes };
		this.#longestLineBytes = Math.max(this.#longestLineBytes, arrival.longestLineBytes);
		this.#lastMs = arrival.atMs;
		this.#hasPreempted ||= arrival.isPreempting;
		return wrong;
	}

	/** Notes a sign of life. */
	hear(atMs: number): void {
		const late = this.silenceAt(atMs);
		if (late) this.lateHeartbeats.push(late);
		this.#heardMs = atMs;
	}

	/** The silence up to now, if it is too long. */
	silenceAt(atMs: number): string | undefined {
		if (this.#heardMs === undefined || atMs - this.#heardMs <= HEARTBEAT_MS + this.#slack.heartbeatMs) return undefined;
		return `late heartbeat: nothing was heard from ${this.#heardMs} to ${atMs} ms, which is ${atMs - this.#heardMs} ms; ${HEARTBEAT_MS} ms are the most`;
	}

	/** A request that came early and was never shown to be full, because none came after it. */
	openClaim(): string | undefined {
		return this.#claim && unproven(this.#claim);
	}

	#sinceLastMs(arrival: Arrival): number {
		return this.#lastMs === undefined ? Number.POSITIVE_INFINITY : arrival.atMs - this.#lastMs;
	}

	#mayComeNow(arrival: Arrival): boolean {
		const isTimely = this.#sinceLastMs(arrival) >= INTERVAL_MS - this.#slack.intervalMs;
		return isTimely || arrival.isComplete || (arrival.isPreempting && !this.#hasPreempted);
	}

	/**
	 * It was full if a line that waited behind it would not have fitted in. Or if its summary may have been longer a moment before: the official
	 * client goes by the old one when it decides to send, and sends the new one. No longer, though, than the longest line there has been.
	 */
	#settleClaim(next: Arrival): string | undefined {
		const claim = this.#claim;
		if (!claim || (next.isResend && next.firstLines.length === 0)) return undefined;
		this.#claim = undefined;
		const { contentBytes, bodyBytes, summaryBytes, longestBefore } = claim;
		if (summaryBytes > 0 && contentBytes - summaryBytes + longestBefore > MOST_CONTENT_BYTES) return undefined;
		for (const line of next.firstLines) {
			if (contentBytes + utf8Length(line) > MOST_CONTENT_BYTES) return undefined;
			if (bodyBytes + utf8Length(JSON.stringify(line)) > MOST_CONTENT_BYTES) return undefined;
		}
		return unproven(claim);
	}
}

function unproven({ atMs, contentBytes }: Arrival): string {
	return `the request at ${atMs} ms came less than ${INTERVAL_MS} ms after the one before, but was not full: it held ${contentBytes} bytes and more would have fitted in`;
}
