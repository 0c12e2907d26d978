import type { Outcome, Remote, RemoteFeatures } from '../core/remote.ts';
import { isAtLeast, isBehind, type Refusal, type RunState, type Store, type WriterState } from '../core/store.ts';
import type { TidelogErrorCode } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { Alarm } from './alarm.ts';
import { backOffMs } from './back-off.ts';
import { makeContact } from './contact.ts';
import { sendRecords } from './send-records.ts';
import type { RowDelivery } from './send-rows.ts';
import { settleBases } from './settle-bases.ts';
import { catchUpMeta } from './stored-records.ts';

/** Lines of one request, in bytes: uploads of 0.1 to 1 MB are the fastest (measured in Chromium 156), and a retry costs less. */
const REQUEST_BYTES = 2 ** 20;
/** W&B's heartbeat: something is sent at least this often while the run lives, or the server calls it crashed. */
const HEARTBEAT_MS = 30_000;
/** Least time between two requests to a Tidelog server, so that a fast loop sends batches and not single rows. */
const GAP_MS = 100;
/** Nobody but the user can change the mind of a server that refuses; look again now and then all the same, in case they did. */
const REFUSED_MS = 5 * 60_000;

/** What sends to a W&B server that is not ours. Loaded when the first such server answers: most runs never need it. */
export type RowsModule = typeof import('./send-rows.ts');

export const SHARED_STEPS =
	'Another writer of this run is alive: the server numbers the steps of this one, in order of arrival. Nothing is lost; name steps with { step } to say which rows values belong to.';

const ACCEPTED: Outcome<undefined> = { kind: 'accepted', answer: undefined };

export type SenderState = 'idle' | 'syncing' | 'offline' | 'paused' | 'refused';

export interface SenderOptions {
	run: string;
	store: Store;
	remote: Remote;
	clock: Clock;
	isPaused: boolean;
	/** Runs `use` while this context is the only sender of the run; waits for that as long as it takes, or rejects when `signal` aborts. */
	exclusively(run: string, signal: AbortSignal, use: () => Promise<void>): Promise<void>;
	/** Whether a live writer here may still add records; a sender of a dead run ends when nothing is left to send. */
	isLive(): boolean;
	/** Called after each change of `state`, `trouble`, or of what the store holds as acknowledged. */
	onChange(): void;
	loadRows(): Promise<RowsModule>;
	/** Something to tell the user once. */
	onNotice(code: TidelogErrorCode, message: string): void;
}

/**
 * Sends what the store holds for one run. There is one sender a run; lines and files have a loop each, with one request in flight:
 *
 *     waiting for the lock ─┬─ lines: features → contact → ⟲ (records, or rows for a W&B server → finish, once no file waits) → idle until something new
 *                           └─ files: ⟲ smallest first, from when the server knows the run
 *
 *     retry: offline, back-off, the same again          refused: until `retryNow()`, or a look every five minutes
 *     refusal of the run (it exists, is missing, was deleted …): until `sendAs`
 *
 * Lines name their files and never wait for the bytes; bytes never hold up lines.
 */
export class Sender {
	state: SenderState = 'idle';
	trouble: { code: TidelogErrorCode; message: string } | undefined;
	readonly #options: SenderOptions;
	readonly #ended = new AbortController();
	readonly #lineAlarm: Alarm;
	readonly #fileAlarm: Alarm;
	#rows: RowDelivery | undefined;
	#isPaused: boolean;
	#failures = 0;
	#requestBytes = REQUEST_BYTES;
	#features: RemoteFeatures | undefined;
	#lastSentMs = Number.NEGATIVE_INFINITY;
	/** Writers that may have lost lines on the server, since it was put back to an older state: each is asked for once, and all again when one has. */
	#doubted: readonly string[] | undefined;

	constructor(options: SenderOptions) {
		this.#options = options;
		this.#isPaused = options.isPaused;
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
				const leftMs = HEARTBEAT_MS - this.#sinceLastMs();
				await this.#lineAlarm.sleep(leftMs > 0 ? leftMs : HEARTBEAT_MS);
			} else if ('code' in outcome) {
				this.#set('refused', { code: outcome.code, message: outcome.reason });
				if (await this.#isDone()) return;
				await this.#lineAlarm.sleep(REFUSED_MS);
			} else if (outcome.kind === 'accepted') {
				if (this.#failures > 0) this.#fileAlarm.ring();
				this.#failures = 0;
				this.#set('syncing');
				this.#options.onChange();
			} else {
				const waitMs = await this.#failed(outcome);
				// New records that came while the request was under way are no reason to come back sooner.
				if (!this.#isPaused && !this.#ended.signal.aborted) this.#lineAlarm.reset();
				await this.#lineAlarm.sleep(waitMs);
			}
		}
	}

	/** Notes a failure and returns how long to wait. */
	async #failed(outcome: Exclude<Outcome<unknown>, { kind: 'accepted' }>): Promise<number> {
		this.#features = undefined;
		if (outcome.kind === 'refused') {
			if (await this.#startedOver(outcome)) return 0;
			this.#set('refused', { code: 'server-refused', message: outcome.reason });
			return REFUSED_MS;
		}
		if (outcome.isTooLarge) this.#requestBytes = Math.max(1, this.#requestBytes / 2);
		this.#failures++;
		this.#set('offline', { code: 'server-refused', message: outcome.reason });
		return Math.max(outcome.afterMs ?? 0, backOffMs(this.#failures, this.#options.clock.random()));
	}

	/** What some refusals say of the run itself. Returns whether to go on at once. */
	async #startedOver({ status, reason, serverId }: Extract<Outcome<unknown>, { kind: 'refused' }>): Promise<boolean> {
		const { store } = this.#options;
		const run = await store.run(this.#options.run);
		if (!run?.contact) return false;
		const { contact } = run;
		// Another data folder, or a copy from before the run began, answers under the same address (what was deleted is answered 410): it gets the run from its first record.
		if (status === 404 && serverId !== undefined && contact.serverId !== undefined) {
			await store.forgetSent(run.id);
			return true;
		}
		const refusal: Refusal | undefined =
			status === 410
				? {
						code: 'run-deleted',
						reason: `The run was deleted on ${run.server} (${reason}). Nothing more is sent; the copy on this device stays. run.sendAs(id) sends it again under another id.`,
					}
				: status === 409 && contact.serverId !== undefined
					? {
							code: 'run-rewound',
							reason: `The run was rewound on ${run.server} after this writer began (${reason}). What it had not sent stays on this device; run.sendAs(id) sends it as a run of its own.`,
						}
					: undefined;
		if (!refusal) return false;
		await store.updateRun(run.id, (known) => ({ ...(known ?? run), refusal }), 'strict');
		return true;
	}

	async #sendFiles(): Promise<void> {
		const { store, remote, clock } = this.#options;
		let failures = 0;
		while (!this.#ended.signal.aborted) {
			this.#fileAlarm.reset();
			const run = await store.run(this.#options.run);
			const isKnownThere = run?.contact !== undefined && run.refusal === undefined;
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
				if (this.state === 'idle') this.#set(outcome.kind === 'refused' ? 'refused' : 'offline', { code: 'server-refused', message: outcome.reason });
				await this.#fileAlarm.sleep(outcome.kind === 'refused' ? REFUSED_MS : Math.max(outcome.afterMs ?? 0, backOffMs(failures, clock.random())));
			}
		}
	}

	/** Sends the next lines that are due, or returns undefined when nothing is. */
	async #sendNext(): Promise<Outcome<unknown> | Refusal | undefined> {
		const { store, remote, clock, isLive } = this.#options;
		const stored = await store.run(this.#options.run);
		if (!stored) return undefined;
		const writers = await store.writers(stored.id);
		const run = await catchUpMeta(store, stored, writers);
		if (run.refusal) return run.refusal;
		const behind = writers.find(isBehind);
		const isFinishDue = run.isFinished && !run.isFinishSent && (await store.pendingFiles(run.id, 1)).length === 0;
		const isHeartbeatDue = isLive() && !run.isFinished && this.#sinceLastMs() >= HEARTBEAT_MS;
		this.#doubted ??= writers.filter(({ hashes }) => hashes.meta).map(({ writer }) => writer);
		const asked = behind ? undefined : writers.find(({ writer }) => this.#doubted?.includes(writer));
		if (!behind && !asked && !isFinishDue && !isHeartbeatDue) return undefined;

		// After a failure this is only a try: the reason stays on show until something was accepted.
		if (this.#failures === 0 && this.state !== 'refused') this.#set('syncing');
		if (!this.#features) {
			const features = await remote.features(this.#ended.signal);
			if (features.kind !== 'accepted') return features;
			this.#features = features.answer;
		}
		const features = this.#features;
		let rows: RowsModule | undefined;
		if (!features.takesRecords) {
			try {
				rows = await this.#options.loadRows();
			} catch (error) {
				return {
					kind: 'retry',
					reason: `The part that sends to W&B servers cannot be loaded (${error instanceof Error ? error.message : String(error)}).`,
				};
			}
			this.#rows ??= new rows.RowDelivery(this.#options);
		}
		const waitMs = (this.#rows ? this.#rows.gapMs(isFinishDue) : GAP_MS) - this.#sinceLastMs();
		if (this.#rows && waitMs > 0) {
			// What is due may be another thing by then.
			await this.#lineAlarm.sleep(waitMs);
			return ACCEPTED;
		}
		if (waitMs > 0) await clock.sleep(waitMs, this.#ended.signal);
		if (!run.contact) {
			const outcome = await makeContact(store, remote, features, rows, run, this.#ended.signal);
			if (outcome.kind !== 'accepted') return outcome;
			const { answer } = outcome;
			if ('code' in answer) await store.updateRun(run.id, (known) => ({ ...(known ?? run), refusal: answer }), 'strict');
			else await this.#tellShared(run.id);
			this.#rows?.begun();
			this.#fileAlarm.ring();
			return outcome;
		}
		// What the server is to number comes first, since it moves the steps of what follows.
		if ((this.#rows || behind?.base === undefined) && writers.some(({ base }) => base === undefined)) return this.#settle(run, writers, features);
		if (this.#rows) return this.#rows.send(run, writers, features, isFinishDue, isHeartbeatDue, this.#ended.signal);

		this.#lastSentMs = clock.monotonicMs();
		const writer = behind ?? asked ?? writers.at(-1);
		if (!writer) return undefined;
		const end = !behind && !asked && isFinishDue ? { complete: true, exitcode: run.exitCode } : {};
		const outcome = await sendRecords(store, remote, features, run, writer, this.#requestBytes, end, this.#ended.signal);
		if (outcome.kind === 'accepted' && 'complete' in end)
			await store.updateRun(run.id, (known) => ({ ...(known ?? run), isFinishSent: samePlace(known ?? run, run) }), 'strict');
		if (outcome.kind === 'accepted') {
			const hasLost = await this.#check(run, writer);
			this.#doubted = hasLost && !asked ? undefined : this.#doubted.filter((name) => name !== writer.writer);
		}
		return outcome;
	}

	#sinceLastMs(): number {
		return this.#options.clock.monotonicMs() - (this.#rows?.sentMs ?? this.#lastSentMs);
	}

	/** A writer that went on with a run known to the server, before this device knew its steps: asks for them. */
	async #settle(run: RunState, writers: readonly WriterState[], features: RemoteFeatures): Promise<Outcome<unknown>> {
		const { store, remote } = this.#options;
		const found = await remote.find(run, features, this.#ended.signal);
		if (found.kind !== 'accepted') return found;
		const { nextStep = 0, runtimeS = 0, isLive = false } = found.answer ?? {};
		// The assembler numbers steps only as it comes to their records.
		const isNumbered = isLive || (this.#rows !== undefined && writers.some(({ base }) => base === null));
		await settleBases(store, run, { base: isNumbered ? null : nextStep, runtimeBaseS: runtimeS });
		await this.#tellShared(run.id);
		return found;
	}

	async #tellShared(id: string): Promise<void> {
		const writers = await this.#options.store.writers(id);
		if (writers.some(({ base }) => base === null)) this.#options.onNotice('shared-steps', SHARED_STEPS);
	}

	/** Whether the server has lost lines of a writer, that is, acknowledges less than before. What differs is told. */
	async #check(run: RunState, { writer, acknowledged }: WriterState): Promise<boolean> {
		const state = (await this.#options.store.writers(run.id)).find((known) => known.writer === writer);
		if (state?.isVerified === false)
			this.#options.onNotice(
				'history-differs',
				`${run.server} holds other lines of run ${run.sentAs} than this device acknowledged (writer ${writer}). The data on this device are whole; export them, and tell whoever runs the server.`,
			);
		return !isAtLeast(state?.acknowledged ?? {}, acknowledged);
	}

	async #isDone(): Promise<boolean> {
		const { store, run: id, isLive } = this.#options;
		if (isLive()) return false;
		const run = await store.run(id);
		if (run === undefined || run.refusal !== undefined) return true;
		// A row that still takes values (send-rows.ts) is due when it is old.
		if ((await store.writers(id)).some(isBehind)) return false;
		return run.isFinishSent || (!run.isFinished && (await store.pendingFiles(id, 1)).length === 0);
	}

	#set(state: SenderState, trouble?: Sender['trouble']): void {
		if (state === this.state && trouble?.message === this.trouble?.message) return;
		this.trouble = trouble;
		this.state = state;
		this.#options.onChange();
	}
}

/** Whether no later record has said since that the run ends, or goes on. */
function samePlace(known: RunState, run: RunState): boolean {
	return known.statePlace?.writer === run.statePlace?.writer && known.statePlace?.n === run.statePlace?.n;
}
