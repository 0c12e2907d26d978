import { eachRecord, recordLine } from '../core/batch.ts';
import { decodeChunk } from '../core/chunk.ts';
import { writeLine } from '../core/json-line.ts';
import { type FileStreamAnswer, type FileStreamRequest, HISTORY_FILE, SUMMARY_FILE } from '../core/protocol.ts';
import type { Outcome, Remote, RemoteFeatures } from '../core/remote.ts';
import type { RunState, Store, WriterState } from '../core/store.ts';
import type { Clock } from '../platform/clock.ts';
import { backOffMs } from './back-off.ts';

/** Lines of one request, in bytes: uploads of 0.1 to 1 MB are the fastest (measured in Chromium 156), and a retry costs less. */
const REQUEST_BYTES = 2 ** 20;
/** W&B's heartbeat: something is sent at least this often while the run lives, or the server calls it crashed. */
const HEARTBEAT_MS = 30_000;
/** Least time between two requests, so that a fast loop sends batches and not single rows. */
const GAP_MS = 100;

export type SenderState = 'idle' | 'syncing' | 'offline' | 'paused' | 'refused';

export interface SenderOptions {
	run: string;
	store: Store;
	remote: Remote;
	clock: Clock;
	/** Runs `use` while this context is the only sender of the run; waits for that as long as it takes, or rejects when `signal` aborts. */
	exclusively(run: string, signal: AbortSignal, use: () => Promise<void>): Promise<void>;
	/** Whether a live writer here may still add records; a sender of a dead run ends when nothing is left to send. */
	isLive(): boolean;
	/** Called after each change of `state`, `error`, or of what the store holds as acknowledged. */
	onChange(): void;
}

/**
 * Sends what the store holds for one run: its name and config, then records, then files, then its end. There is one sender a run
 * and one request in flight.
 *
 *     waiting for the lock → features → ⟲ (meta → records → a file → finish) → idle: woken by new records, by time for a heartbeat
 *                                          │ retry: offline, back-off, same again          refused: until `retryNow()`
 */
export class Sender {
	state: SenderState = 'idle';
	error: string | undefined;
	readonly #options: SenderOptions;
	readonly #ended = new AbortController();
	#wake = new AbortController();
	#isPaused = false;
	/** Something came while the loop was looking, which it may have missed. */
	#hasNews = false;
	#failures = 0;
	#requestBytes = REQUEST_BYTES;
	#features: RemoteFeatures | undefined;
	#lastSentMs = Number.NEGATIVE_INFINITY;

	constructor(options: SenderOptions) {
		this.#options = options;
	}

	/** Resolves when there is nothing left to do for this run, ever, or when it was stopped. */
	async run(): Promise<void> {
		try {
			await this.#options.exclusively(this.#options.run, this.#ended.signal, () => this.#loop());
		} catch (error) {
			if (!this.#ended.signal.aborted) throw error;
		}
	}

	/** There may be something new to send. Does not shorten a back-off. */
	wake(): void {
		this.#hasNews = true;
		if (this.state === 'idle' || this.state === 'paused') this.retryNow();
	}

	/** Ends any wait: the network is said to be back, or the user asked. */
	retryNow(): void {
		this.#wake.abort();
	}

	setPaused(isPaused: boolean): void {
		this.#isPaused = isPaused;
		if (!isPaused) this.#failures = 0;
		this.retryNow();
	}

	stop(): void {
		this.#ended.abort();
		this.retryNow();
	}

	async #loop(): Promise<void> {
		while (!this.#ended.signal.aborted) {
			if (this.#isPaused) {
				this.#set('paused');
				await this.#sleep(HEARTBEAT_MS);
				continue;
			}
			this.#hasNews = false;
			const outcome = await this.#sendNext();
			if (outcome === undefined) {
				this.#set('idle');
				if (await this.#isDone()) return;
				if (!this.#hasNews) await this.#sleep(HEARTBEAT_MS);
			} else await this.#settle(outcome);
		}
	}

	async #settle(outcome: Outcome<unknown>): Promise<void> {
		if (outcome.kind === 'accepted') {
			this.#failures = 0;
			this.#options.onChange();
		} else if (outcome.kind === 'retry') {
			if (outcome.isTooLarge) this.#requestBytes = Math.max(1, this.#requestBytes / 2);
			this.#features = undefined;
			this.#failures++;
			this.#set('offline', outcome.reason);
			await this.#sleep(Math.max(outcome.afterMs ?? 0, backOffMs(this.#failures, this.#options.clock.random())));
		} else {
			this.#features = undefined;
			this.#set('refused', outcome.reason);
			// Nobody but the user can change the server's mind; look again now and then all the same, in case they did it there.
			await this.#sleep(10 * HEARTBEAT_MS);
		}
	}

	/** Sends the next thing that is due, or returns undefined when nothing is. */
	async #sendNext(): Promise<Outcome<unknown> | undefined> {
		const { store, remote, clock } = this.#options;
		const run = await store.run(this.#options.run);
		if (!run) return undefined;
		const writers = await store.writers(run.id);
		const behind = writers.find((writer) => writer.acknowledged < writer.stored);
		const file = behind ? undefined : (await store.pendingFiles(run.id, 1))[0];
		const isMetaDue = run.metaSent < run.metaVersion;
		const isFinishDue = run.isFinished && !run.isFinishSent;
		const isHeartbeatDue = this.#options.isLive() && !run.isFinished && clock.monotonicMs() - this.#lastSentMs >= HEARTBEAT_MS;
		if (!isMetaDue && !behind && !file && !isFinishDue && !isHeartbeatDue) return undefined;

		this.#set('syncing');
		const sinceLast = clock.monotonicMs() - this.#lastSentMs;
		if (sinceLast < GAP_MS) await clock.sleep(GAP_MS - sinceLast, this.#ended.signal);
		this.#lastSentMs = clock.monotonicMs();
		if (!this.#features) {
			const features = await remote.features(this.#ended.signal);
			if (features.kind !== 'accepted') return features;
			if (!features.answer.takesRecords) {
				return {
					kind: 'refused',
					status: 0,
					reason: `The server at ${run.server} takes no Tidelog records (it does not list the feature TIDELOG_RECORDS). Records stay safe on this device; point \`server\` at a Tidelog server to send them.`,
				};
			}
			this.#features = features.answer;
		}
		if (isMetaDue) return this.#sendMeta(run, writers);
		if (behind) return this.#sendRecords(run, behind);
		if (file) return this.#sendFile(run, file.path, file.sha256);
		const writer = newestWriter(writers);
		if (!writer) return undefined;
		const outcome = await this.#stream(run, writer, isFinishDue ? { complete: true, exitcode: run.exitCode } : {});
		if (isFinishDue && outcome.kind === 'accepted') await store.updateRun(run.id, (known) => ({ ...(known ?? run), isFinishSent: true }), 'strict');
		return outcome;
	}

	async #sendMeta(run: RunState, writers: WriterState[]): Promise<Outcome<unknown>> {
		const { store, remote } = this.#options;
		const outcome = await remote.upsertRun(run, this.#ended.signal);
		if (outcome.kind !== 'accepted') return outcome;
		const placed = await store.updateRun(run.id, (known) => ({ ...(known ?? run), ...outcome.answer }));
		const writer = newestWriter(writers);
		if (writer && Object.keys(run.explicitSummary).length > 0) {
			const line = writeLine(run.explicitSummary);
			const sent = await this.#stream(placed, writer, { files: { [SUMMARY_FILE]: { offset: 0, content: [line] } } });
			if (sent.kind !== 'accepted') return sent;
		}
		// Only what was read is sent: a change made meanwhile has raised metaVersion and goes in the next round.
		await store.updateRun(run.id, (known) => ({ ...(known ?? run), metaSent: run.metaVersion }));
		return outcome;
	}

	async #sendRecords(run: RunState, writer: WriterState): Promise<Outcome<unknown>> {
		const from = writer.acknowledged;
		const content: string[] = [];
		let bytes = 0;
		for (const chunk of await this.#options.store.chunks(run.id, writer.writer, 'history', from, this.#requestBytes)) {
			for (const record of eachRecord(decodeChunk(chunk))) {
				if (record.n < from) continue;
				if (record.n !== from + content.length) break;
				const line = recordLine(record);
				if (content.length > 0 && bytes + line.length > this.#requestBytes) break;
				content.push(line);
				bytes += line.length;
			}
		}
		if (content.length === 0) {
			return {
				kind: 'refused',
				status: 0,
				reason: `Record ${from} of this run is not in the local store any more, and the server asks for it. Later records cannot be sent before it; export this run from the local store.`,
			};
		}
		const outcome = await this.#stream(run, writer, { files: { [HISTORY_FILE]: { offset: from, content } } });
		if (outcome.kind !== 'accepted') return outcome;
		const next = outcome.answer.tidelog?.next[HISTORY_FILE];
		if (next === undefined) return { kind: 'retry', reason: 'The server answered without saying which records it holds.' };
		await this.#options.store.acknowledge(run.id, writer.writer, Math.min(next, writer.stored));
		// A server restored from a backup asks for older records; one that stays where it is would be asked for ever.
		return next === from ? { kind: 'retry', reason: `The server took none of ${content.length} records.` } : outcome;
	}

	async #sendFile(run: RunState, path: string, sha256: string): Promise<Outcome<unknown>> {
		const bytes = await this.#options.store.blob(sha256);
		if (!bytes) return { kind: 'refused', status: 0, reason: `The bytes of ${path} are not in the local store any more.` };
		const outcome = await this.#options.remote.upload(run, path, bytes, this.#ended.signal);
		if (outcome.kind === 'accepted') await this.#options.store.fileUploaded(run.id, path);
		return outcome;
	}

	#stream(run: RunState, writer: WriterState, request: FileStreamRequest): Promise<Outcome<FileStreamAnswer>> {
		const tidelog = { v: 1 as const, writer: writer.writer, startedMs: writer.startedMs, upTo: writer.stored };
		return this.#options.remote.stream(run, { tidelog, ...request }, this.#features?.takesGzip ?? false, this.#ended.signal);
	}

	async #isDone(): Promise<boolean> {
		if (this.#options.isLive()) return false;
		const run = await this.#options.store.run(this.#options.run);
		return run === undefined || !run.isFinished || run.isFinishSent;
	}

	#set(state: SenderState, error?: string): void {
		if (state === this.state && error === this.error) return;
		// "syncing" again after a failure is only a try: the reason stays on show until something was accepted.
		this.error = state === 'syncing' && this.#failures > 0 ? this.error : error;
		this.state = state === 'syncing' && this.#failures > 0 ? this.state : state;
		this.#options.onChange();
	}

	async #sleep(ms: number): Promise<void> {
		await this.#options.clock.sleep(ms, this.#wake.signal);
		this.#wake = new AbortController();
	}
}

function newestWriter(writers: readonly WriterState[]): WriterState | undefined {
	return writers.reduce<WriterState | undefined>((newest, writer) => (newest && newest.startedMs > writer.startedMs ? newest : writer), undefined);
}
