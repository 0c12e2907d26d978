import { type Batch, batchBytes } from '../core/batch.ts';
import type { ExtraLeaf } from '../core/flatten.ts';
import { BatchPacker, type Leaf } from '../core/packer.ts';
import type { Clock } from '../platform/clock.ts';
import type { RunSpec, WriterReport } from './messages.ts';
import type { WriterLink } from './writer-link.ts';

/** A batch is sent when it has this many records … */
const MAX_RECORDS = 100;
/** … or is this old … */
const MAX_AGE_MS = 100;
/** … or when calls are rarer than this: a message each (0.1 to 0.2 ms) is then under 1 % of the loop, and what is not sent is lost with the page. */
const RARE_CALL_MS = 20;
/** Batches that the store has not confirmed may hold this much; past it new records are dropped and counted. */
const MAX_UNCONFIRMED_BYTES = 64 * 2 ** 20;

/**
 * The caller's end of the transport: packs records and sends them in batches, and keeps each batch until the writer has said that it is
 * in the store. `add` never waits.
 */
export class RowTransport {
	readonly #spec: RunSpec;
	readonly #link: WriterLink;
	readonly #clock: Clock;
	readonly #onReport: (report: Partial<WriterReport>) => void;
	readonly #packer = new BatchPacker<ExtraLeaf>(0);
	/** Sent and not confirmed, in order; the first began at record `n0`. */
	#unconfirmed: { batch: Batch<ExtraLeaf>; bytes: number }[] = [];
	#unconfirmedBytes = 0;
	#port: MessagePort | undefined;
	#lastAddMs = Number.NEGATIVE_INFINITY;
	#batchStartedMs = 0;
	#isTimerSet = false;
	#n = 0;
	#stored = 0;
	/** Set while the page is hidden: timers may not run again before it is frozen or closed. */
	isHidden = false;

	constructor(spec: RunSpec, link: WriterLink, clock: Clock, onReport: (report: Partial<WriterReport>) => void) {
		this.#spec = spec;
		this.#link = link;
		this.#clock = clock;
		this.#onReport = onReport;
		this.connect();
	}

	/** Records given a number so far. */
	get n(): number {
		return this.#n;
	}

	get stored(): number {
		return this.#stored;
	}

	get isFull(): boolean {
		return this.#unconfirmedBytes >= MAX_UNCONFIRMED_BYTES;
	}

	/** Opens the run at the present writer and sends it everything that is not confirmed. Called again after a restart. */
	connect(): void {
		const { port1, port2 } = new MessageChannel();
		this.#port?.close();
		this.#port = port1;
		port1.onmessage = (event: MessageEvent<Partial<WriterReport>>) => {
			if (event.data.stored !== undefined) this.#confirm(event.data.stored);
			this.#onReport(event.data);
		};
		// Messages wait in the channel until the writer has the other end.
		for (const { batch } of this.#unconfirmed) port1.postMessage(batch);
		this.#link.open(this.#spec, port2).catch((error: unknown) => {
			this.#onReport({
				error: `The run could not be opened in the local store (${error instanceof Error ? error.message : String(error)}); its records are in memory.`,
			});
		});
	}

	/** Adds numbers under the keys of the record before. Returns false, having done nothing, when the record is not like that. */
	addSame(data: Record<string, unknown>, step: number, timestampMs: number, runtimeS: number): boolean {
		if (!this.#packer.addSame(data, step, timestampMs, runtimeS)) return false;
		this.#added(timestampMs);
		return true;
	}

	add(leaves: readonly Leaf<ExtraLeaf>[], step: number, timestampMs: number, runtimeS: number): void {
		this.#packer.add(leaves, step, timestampMs, runtimeS);
		this.#added(timestampMs);
	}

	/** Sends the open batch now. */
	send(): void {
		if (this.#packer.count === 0) return;
		const batch = this.#packer.take();
		const bytes = batchBytes(batch);
		this.#unconfirmed.push({ batch, bytes });
		this.#unconfirmedBytes += bytes;
		this.#port?.postMessage(batch);
	}

	/** Batches that the store has not confirmed, in order; the open one is sent first. */
	unconfirmed(): Batch<ExtraLeaf>[] {
		this.send();
		return this.#unconfirmed.map(({ batch }) => batch);
	}

	#added(nowMs: number): void {
		this.#n++;
		const sinceLast = nowMs - this.#lastAddMs;
		this.#lastAddMs = nowMs;
		if (this.#packer.count === 1) this.#batchStartedMs = nowMs;
		// Sent from inside log(): a loop that only awaits microtasks never lets a timer run.
		if (this.#packer.count >= MAX_RECORDS || nowMs - this.#batchStartedMs >= MAX_AGE_MS || sinceLast >= RARE_CALL_MS) this.send();
		else if (this.isHidden) queueMicrotask(() => this.send());
		else if (!this.#isTimerSet) {
			this.#isTimerSet = true;
			void this.#clock.sleep(MAX_AGE_MS).then(() => {
				this.#isTimerSet = false;
				this.send();
			});
		}
	}

	#confirm(stored: number): void {
		this.#stored = Math.max(this.#stored, stored);
		for (let first = this.#unconfirmed[0]; first && first.batch.n0 + first.batch.count <= stored; first = this.#unconfirmed[0]) {
			this.#unconfirmedBytes -= first.bytes;
			this.#unconfirmed.shift();
			this.#packer.recycle(first.batch);
		}
	}
}
