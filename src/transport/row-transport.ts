import type { ExtraLeaf } from '../core/flatten.ts';
import type { Leaf } from '../core/packer.ts';
import { type Counts, isAtLeast } from '../core/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Link } from './link.ts';
import type { BatchMessage, OpenedRun, RecordPort, RunSpec, WriterReport } from './messages.ts';
import { StreamQueue } from './stream-queue.ts';

/** A batch is sent when it has this many records … */
const MAX_RECORDS = 100;
/** … or is this old … */
const MAX_AGE_MS = 100;
/** … or when calls are rarer than this: a message each (0.1 to 0.2 ms) is then under 1 % of the loop, and what is not sent is lost with the page. */
const RARE_CALL_MS = 20;
/** Batches that the store has not confirmed may hold this much; past it new rows are dropped and counted, media (`share` 0.9) sooner. */
const MAX_UNCONFIRMED_BYTES = 64 * 2 ** 20;

/**
 * The caller's end of the transport: packs records and sends them in batches, and keeps each batch until it is in the store. `add` never waits.
 */
export class RowTransport {
	readonly history = new StreamQueue('history');
	readonly meta = new StreamQueue('meta');
	readonly events = new StreamQueue('events');
	readonly #queues = [this.meta, this.history, this.events];
	readonly #spec: RunSpec;
	readonly #link: Link;
	readonly #clock: Clock;
	readonly #onReport: (report: Partial<WriterReport>) => void;
	#port: RecordPort | undefined;
	#lastAddMs = Number.NEGATIVE_INFINITY;
	#batchStartedMs = 0;
	#isTimerSet = false;
	/** Set while the page is hidden: timers may not run again before it is frozen or closed. */
	isHidden = false;
	/** Called before anything is sent. */
	beforeSend: () => void = () => undefined;

	constructor(spec: RunSpec, link: Link, clock: Clock, onReport: (report: Partial<WriterReport>) => void) {
		this.#spec = spec;
		this.#link = link;
		this.#clock = clock;
		this.#onReport = onReport;
	}

	/** How many records of each stream were given a number. */
	get counts(): Counts {
		return this.#countsOf('n');
	}

	/** Whether everything below `counts` is in the store. */
	isStored(counts: Counts): boolean {
		return isAtLeast(this.#countsOf('stored'), counts);
	}

	/** Whether what waits for the store has filled that share of its room. */
	isFull(share = 1): boolean {
		return this.meta.bytes + this.history.bytes + this.events.bytes >= MAX_UNCONFIRMED_BYTES * share;
	}

	close(): void {
		this.#port?.close();
	}

	/** Opens the run at the present writer and sends it everything that is not confirmed. Called again after a restart. */
	connect(): Promise<OpenedRun | undefined> {
		this.close();
		const [port, theirs] = this.#link.channel(this.#spec);
		this.#port = port;
		port.onmessage = ({ data }: { data: Partial<WriterReport> }) => {
			for (const queue of this.#queues) queue.confirm(data.stored?.[queue.stream] ?? 0);
			this.#onReport(data);
		};
		// Messages wait in the channel until the writer has the other end.
		for (const message of this.#sent()) port.postMessage(message);
		return this.#link.writer.then((writer) => writer.open(this.#spec, theirs));
	}

	/** Adds numbers under the keys of the record before. Returns false, having done nothing, when the record is not like that. */
	addSame(data: Record<string, unknown>, relative: number, least: number, timestampMs: number, runtimeS: number): boolean {
		if (!this.history.packer.addSame(data, relative, least, timestampMs, runtimeS)) return false;
		this.#added(timestampMs);
		return true;
	}

	add(leaves: readonly Leaf<ExtraLeaf>[], relative: number, least: number, timestampMs: number, runtimeS: number): void {
		this.history.packer.add(leaves, relative, least, timestampMs, runtimeS);
		this.#added(timestampMs);
	}

	/** Adds a record without a step. */
	addTo(stream: 'meta' | 'events', leaves: readonly Leaf<ExtraLeaf>[], timestampMs: number, runtimeS: number): void {
		this[stream].packer.add(leaves, 0, 0, timestampMs, runtimeS);
		this[stream].n++;
	}

	/** Sends the open batches now. */
	send(): void {
		this.beforeSend();
		for (const queue of this.#queues) {
			const batch = queue.take();
			if (batch) this.#port?.postMessage({ stream: queue.stream, batch } satisfies BatchMessage);
		}
	}

	/** Sends soon: with the next batch, or when one would be old. */
	sendSoon(): void {
		if (this.isHidden) queueMicrotask(() => this.send());
		else if (!this.#isTimerSet) {
			this.#isTimerSet = true;
			void this.#clock.sleep(MAX_AGE_MS).then(() => {
				this.#isTimerSet = false;
				this.send();
			});
		}
	}

	/** Batches that the store has not confirmed, in order; the open ones are sent first. */
	unconfirmed(): BatchMessage[] {
		this.send();
		return this.#sent();
	}

	#countsOf(kind: 'n' | 'stored'): Counts {
		return Object.fromEntries(this.#queues.map((queue) => [queue.stream, queue[kind]]));
	}

	#sent(): BatchMessage[] {
		return this.#queues.flatMap((queue) => queue.unconfirmed().map((batch) => ({ stream: queue.stream, batch })));
	}

	#added(nowMs: number): void {
		this.history.n++;
		const sinceLast = nowMs - this.#lastAddMs;
		this.#lastAddMs = nowMs;
		const { count } = this.history.packer;
		if (count === 1) this.#batchStartedMs = nowMs;
		// Sent from inside log(): a loop that only awaits microtasks never lets a timer run.
		if (count >= MAX_RECORDS || nowMs - this.#batchStartedMs >= MAX_AGE_MS || sinceLast >= RARE_CALL_MS) this.send();
		else this.sendSoon();
	}
}
