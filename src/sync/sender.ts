import { eachRecord, recordLine } from '../core/batch.ts';
import { decodeChunk } from '../core/chunk.ts';
import { writeLine } from '../core/json-line.ts';
import { type FileStreamAnswer, type FileStreamRequest, HISTORY_FILE, SUMMARY_FILE } from '../core/protocol.ts';
import type { Outcome, Remote, RemoteFeatures } from '../core/remote.ts';
import type { RunState, Store, WriterState } from '../core/store.ts';
import type { Clock } from '../platform/clock.ts';
import { Alarm } from './alarm.ts';
import { backOffMs } from './back-off.ts';

/** Lines of one request, in bytes: uploads of 0.1 to 1 MB are the fastest (measured in Chromium 156), and a retry costs less. */
const REQUEST_BYTES = 2 ** 20;
/** W&B's heartbeat: something is sent at least this often while the run lives, or the server calls it crashed. */
const HEARTBEAT_MS = 30_000;
/** Least time between two requests, so that a fast loop sends batches and not single rows. */
const GAP_MS = 100;
/** Nobody but the user can change the mind of a server that refuses; look again now and then all the same, in case they did. */
const REFUSED_MS = 5 * 60_000;

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
 * Sends what the store holds for one run. There is one sender a run; lines and files have a loop each, with one request in flight:
 *
 *     waiting for the lock ─┬─ lines: features → ⟲ (meta → records → finish, once no file waits) → idle until something new or a heartbeat
 *                           └─ files: ⟲ smallest first, from when the server knows the run
 *
 *     retry: offline, back-off, the same again          refused: until `retryNow()`, or a look every five minutes
 *
 * Lines name their files and never wait for the bytes; bytes never hold up lines.
 */
export class Sender {
	state: SenderState = 'idle';
	error: string | undefined;
	readonly #options: SenderOptions;
	readonly #ended = new AbortController();
	readonly #lineAlarm: Alarm;
	readonly #fileAlarm: Alarm;
	#isPaused = false;
	#failures = 0;
	#requestBytes = REQUEST_BYTES;
	#features: RemoteFeatures | undefined;
	#lastSentMs = Number.NEGATIVE_INFINITY;

	constructor(options: SenderOptions) {
		this.#options = options;
		this.#lineAlarm = new Alarm(options.clock);
		this.#fileAlarm = new Alarm(options.clock);
	}

	/** Resolves when there is nothing left to do for this run, ever, or when it was stopped. */
	async run(): Promise<void> {
		try {
			await this.#options.exclusively(this.#options.run, this.#ended.signal, async () => {
				const files = this.#sendFiles();
				await this.#sendLines();
				this.stop();
				await files;
			});
		} catch (error) {
			if (!this.#ended.signal.aborted) throw error;
		}
	}

	/** There may be something new to send. Does not shorten a back-off. */
	wake(): void {
		if (this.state === 'offline' || this.state === 'refused') return;
		this.retryNow();
	}

	/** Ends any wait: the network is said to be back, or the user asked. */
	retryNow(): void {
		this.#lineAlarm.ring();
		this.#fileAlarm.ring();
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

	async #sendLines(): Promise<void> {
		while (!this.#ended.signal.aborted) {
			this.#lineAlarm.reset();
			if (this.#isPaused) {
				this.#set('paused');
				await this.#lineAlarm.sleep(HEARTBEAT_MS);
				continue;
			}
			const outcome = await this.#sendNext();
			if (outcome === undefined) {
				this.#set('idle');
				if (await this.#isDone()) return;
				await this.#lineAlarm.sleep(HEARTBEAT_MS);
			} else if (outcome.kind === 'accepted') {
				if (this.#failures > 0) this.#fileAlarm.ring();
				this.#failures = 0;
				this.#options.onChange();
			} else {
				const waitMs = this.#failed(outcome);
				// New records that came while the request was under way are no reason to come back sooner.
				if (!this.#isPaused && !this.#ended.signal.aborted) this.#lineAlarm.reset();
				await this.#lineAlarm.sleep(waitMs);
			}
		}
	}

	/** Notes a failure and returns how long to wait. */
	#failed(outcome: Exclude<Outcome<unknown>, { kind: 'accepted' }>): number {
		this.#features = undefined;
		if (outcome.kind === 'refused') {
			this.#set('refused', outcome.reason);
			return REFUSED_MS;
		}
		if (outcome.isTooLarge) this.#requestBytes = Math.max(1, this.#requestBytes / 2);
		this.#failures++;
		this.#set('offline', outcome.reason);
		return Math.max(outcome.afterMs ?? 0, backOffMs(this.#failures, this.#options.clock.random()));
	}

	async #sendFiles(): Promise<void> {
		const { store, remote, clock } = this.#options;
		let failures = 0;
		while (!this.#ended.signal.aborted) {
			this.#fileAlarm.reset();
			const run = await store.run(this.#options.run);
			const isKnownThere = run !== undefined && run.metaSent > 0;
			const file = isKnownThere && !this.#isPaused ? (await store.pendingFiles(run.id, 1))[0] : undefined;
			if (!run || !file) {
				await this.#fileAlarm.sleep(HEARTBEAT_MS);
				continue;
			}
			const bytes = await store.blob(file.sha256);
			const outcome: Outcome<undefined> = bytes
				? await remote.upload(run, file.path, bytes, this.#ended.signal)
				: { kind: 'refused', status: 0, reason: `${file.path} is not in the local store any more.` };
			if (outcome.kind === 'accepted') {
				failures = 0;
				await store.fileUploaded(run.id, file.path);
				this.#options.onChange();
				// The end of the run may be due now.
				this.#lineAlarm.ring();
			} else {
				failures++;
				if (this.state === 'idle') this.#set(outcome.kind === 'refused' ? 'refused' : 'offline', outcome.reason);
				await this.#fileAlarm.sleep(outcome.kind === 'refused' ? REFUSED_MS : Math.max(outcome.afterMs ?? 0, backOffMs(failures, clock.random())));
			}
		}
	}

	/** Sends the next lines that are due, or returns undefined when nothing is. */
	async #sendNext(): Promise<Outcome<unknown> | undefined> {
		const { store, remote, clock } = this.#options;
		const run = await store.run(this.#options.run);
		if (!run) return undefined;
		const writers = await store.writers(run.id);
		const behind = writers.find((writer) => writer.acknowledged < writer.stored);
		const isMetaDue = run.metaSent < run.metaVersion;
		const isFinishDue = run.isFinished && !run.isFinishSent && !behind && (await store.pendingFiles(run.id, 1)).length === 0;
		const isHeartbeatDue = this.#options.isLive() && !run.isFinished && clock.monotonicMs() - this.#lastSentMs >= HEARTBEAT_MS;
		if (!isMetaDue && !behind && !isFinishDue && !isHeartbeatDue) return undefined;

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
					reason: `${run.server} takes no Tidelog records (feature TIDELOG_RECORDS). They stay safe on this device; point \`server\` at a Tidelog server.`,
				};
			}
			this.#features = features.answer;
		}
		if (isMetaDue) {
			const outcome = await this.#sendMeta(run, writers);
			if (outcome.kind === 'accepted') this.#fileAlarm.ring();
			return outcome;
		}
		if (behind) return this.#sendRecords(run, behind);
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
				reason: `Record ${from} is not in the local store any more; later ones cannot be sent before it.`,
			};
		}
		const outcome = await this.#stream(run, writer, { files: { [HISTORY_FILE]: { offset: from, content } } });
		if (outcome.kind !== 'accepted') return outcome;
		const next = outcome.answer.tidelog?.next[HISTORY_FILE];
		if (next === undefined) return { kind: 'retry', reason: 'The server did not say which records it holds.' };
		await this.#options.store.acknowledge(run.id, writer.writer, Math.min(next, writer.stored));
		// A server restored from a backup asks for older records; one that stays where it is would be asked for ever.
		return next === from ? { kind: 'retry', reason: `The server took none of ${content.length} records.` } : outcome;
	}

	#stream(run: RunState, writer: WriterState, request: FileStreamRequest): Promise<Outcome<FileStreamAnswer>> {
		const tidelog = { v: 1 as const, writer: writer.writer, startedMs: writer.startedMs, upTo: writer.stored };
		return this.#options.remote.stream(run, { tidelog, ...request }, this.#features?.takesGzip ?? false, this.#ended.signal);
	}

	async #isDone(): Promise<boolean> {
		const { store, run: id, isLive } = this.#options;
		if (isLive()) return false;
		const run = await store.run(id);
		return run === undefined || run.isFinishSent || (!run.isFinished && (await store.pendingFiles(id, 1)).length === 0);
	}

	#set(state: SenderState, error?: string): void {
		if (state === this.state && error === this.error) return;
		// "syncing" again after a failure is only a try: the reason stays on show until something was accepted.
		this.error = state === 'syncing' && this.#failures > 0 ? this.error : error;
		this.state = state === 'syncing' && this.#failures > 0 ? this.state : state;
		this.#options.onChange();
	}
}

function newestWriter(writers: readonly WriterState[]): WriterState | undefined {
	return writers.reduce<WriterState | undefined>((newest, writer) => (newest && newest.startedMs > writer.startedMs ? newest : writer), undefined);
}
