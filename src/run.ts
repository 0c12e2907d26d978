import type { Batch } from './core/batch.ts';
import { type ExtraLeaf, flatten } from './core/flatten.ts';
import type { Leaf } from './core/packer.ts';
import { TidelogError } from './errors.ts';
import { createLiveObject, type LiveObject } from './live-object.ts';
import { Image } from './media/image.ts';
import type { InitOptions } from './options.ts';
import type { Clock } from './platform/clock.ts';
import { type TfjsCallbacks, type TfjsOptions, tfjsCallbacks } from './tfjs.ts';
import type { Connection, RunSpec, WriterReport } from './transport/messages.ts';
import { RowTransport } from './transport/row-transport.ts';
import type { WriterLink } from './transport/writer-link.ts';

/** Where the records of a run are. `accepted = synced + pending.memory + pending.disk + dropped`, always. */
export interface RunStatus {
	/** Records that `log()` has taken. */
	accepted: number;
	/** Records safe in the local store of this device (relaxed: safe from a crash of page or browser; `flush()` for the power cut as well). */
	durable: number;
	/** Records that the server has acknowledged; they are not lost even with this device. */
	synced: number;
	/** Records that still have a way to go. */
	pending: {
		/** On the way to the store: lost if this page dies now. */
		memory: number;
		/** In the store, not yet on the server. */
		disk: number;
		/** Files (images …) not yet on the server. */
		files: number;
	};
	/** Records that are lost, each kind told by `onError` when it began. */
	dropped: number;
	/** Single values left out of records that were kept: functions, cycles, pictures that could not be encoded. */
	droppedValues: number;
	connection: Connection;
	/** What is wrong now, in words, and what it means for the data. */
	error: string | undefined;
}

export interface LogOptions {
	/** Row that the values belong to, a whole number from 0; any order. The run's next step when left out. */
	step?: number;
	/** `false`: the next `log()` without a step joins the same row. */
	commit?: boolean;
}

export interface FinishOptions {
	/** 0 (default): finished; anything else: failed. */
	exitCode?: number;
	/** Longest wait for the server, milliseconds; 30,000 by default. */
	timeoutMs?: number;
}

export interface FinishResult {
	/** Whether everything is on the server. When not, it is sent at the next `init()` with this server on this origin. */
	isSynced: boolean;
	status: RunStatus;
}

/** What a run needs of the context it is in. */
export interface RunPlatform {
	link: WriterLink;
	clock: Clock;
	/** Calls back when the page is hidden, shown or about to go; never in a worker. Returns what ends it. */
	onVisibility(listener: (visibility: 'hidden' | 'visible' | 'leaving') => void): () => void;
	/** Stores what the writer has not confirmed when the page goes and its writer with it. */
	lastWords: { prepare(): void; speak(spec: RunSpec, batches: readonly Batch<ExtraLeaf>[]): void };
}

/**
 * A run: one execution of a training. Made by `init()`. Nothing here waits for the network, and `log()` never throws because of the
 * world (network, disk, quota); a mistake in the call throws a TidelogError `invalid-argument` where it was made.
 */
export class Run {
	/** 8 characters of `[0-9a-z]`, unique. */
	readonly id: string;
	readonly name: string;
	readonly project: string;
	/**
	 * Inputs of the run. `run.config.lr = 0.1`, `delete run.config.lr`, `run.config.update({ … })`. Sent as a whole after each change.
	 */
	readonly config: LiveObject;
	/**
	 * Final values set by hand: `run.summary.best = 0.98`. They win over what the rows say (the value at the greatest step) until deleted.
	 * Holds only what was set by hand.
	 */
	readonly summary: LiveObject;
	readonly #spec: RunSpec;
	readonly #link: WriterLink;
	readonly #clock: Clock;
	readonly #transport: RowTransport;
	readonly #onError: ((error: TidelogError) => void) | undefined;
	readonly #toldErrors = new Set<string>();
	readonly #startedMonotonicMs: number;
	readonly #ending: () => void;
	#lastTimestampMs = 0;
	#nextStep = 0;
	#dropped = 0;
	#refusedValues = 0;
	#isFinished = false;
	#report: WriterReport;
	#changesUnderWay = 0;
	#reportWaiters: (() => void)[] = [];

	/** Use `init()`. */
	constructor(spec: RunSpec, platform: RunPlatform, onError: InitOptions['onError']) {
		const { link, clock, lastWords } = platform;
		this.id = spec.run;
		this.name = spec.name;
		this.project = spec.project;
		this.#spec = spec;
		this.#link = link;
		this.#clock = clock;
		this.#onError = onError;
		this.#startedMonotonicMs = clock.monotonicMs();
		this.#report = {
			stored: 0,
			acknowledged: 0,
			pendingFiles: 0,
			isMetaSent: false,
			isStorePersistent: spec.store === 'persistent',
			connection: spec.server === undefined ? 'local' : 'idle',
			droppedValues: 0,
		};
		this.config = createLiveObject('run.config', spec.config, (values) => {
			this.#tellWriter((host) => host.setConfig(spec.writer, values));
		});
		this.summary = createLiveObject('run.summary', {}, (values) => this.#tellWriter((host) => host.setExplicitSummary(spec.writer, values)));
		this.#transport = new RowTransport(spec, link, clock, (report) => {
			if (report.stored !== undefined) lastWords.prepare();
			this.#received(report);
		});
		const isWaiting = () => this.#transport.n > this.#transport.stored;
		const onRestart = (reason: string) => {
			this.#tell('writer-restarted', `The writer was started again: ${reason}. Records not yet in the store are sent to it again; nothing is lost.`);
			this.#transport.connect();
		};
		link.join(isWaiting, onRestart);
		const endVisibility = platform.onVisibility((visibility) => {
			this.#transport.isHidden = visibility !== 'visible';
			if (visibility === 'hidden') this.#transport.send();
			else if (visibility === 'leaving') lastWords.speak(spec, this.#transport.unconfirmed());
		});
		this.#ending = () => {
			endVisibility();
			link.leave(isWaiting, onRestart);
		};
	}

	/**
	 * Logs values: `run.log({ loss: 0.3, 'val/acc': 0.9 })`. Costs the caller a few microseconds: numbers are copied, pictures are
	 * copied, everything else happens in a worker.
	 *
	 * Each call is one record. Without `step` it begins a new row; with `step` it joins that row, however late; a later value for the
	 * same key and row wins. Nested objects become dotted keys (`{ a: { b: 1 } }` is `a.b`). NaN and infinities are kept as they are.
	 * Values that cannot be kept are left out, counted in `status.droppedValues` and told to `onError` once a reason.
	 *
	 * @throws TidelogError `invalid-argument` when `data` is no object, `step` is no whole number from 0 to 2^53 − 1, or the run was finished.
	 */
	log(data: Record<string, unknown>, options?: LogOptions): void {
		if (typeof data !== 'object' || data === null) {
			throw new TidelogError(
				'invalid-argument',
				`log(): values must come as an object such as { loss: 0.3 }, but were ${String(data)}; this call was not logged.`,
			);
		}
		if (this.#isFinished)
			throw new TidelogError(
				'invalid-argument',
				`log(): run ${this.id} was finished; this call was not logged. Log before finish(), or init() a new run.`,
			);
		const step = options === undefined ? this.#nextStep : this.#checkedStep(options);
		if (this.#transport.isFull) {
			this.#drop();
			return;
		}
		const nowMs = this.#clock.nowMs();
		const timestampMs = nowMs > this.#lastTimestampMs ? nowMs : this.#lastTimestampMs;
		const runtimeS = (this.#clock.monotonicMs() - this.#startedMonotonicMs) / 1000;
		if (!this.#addSame(data, step, timestampMs, runtimeS)) this.#transport.add(this.#leaves(data), step, timestampMs, runtimeS);
		this.#lastTimestampMs = timestampMs;
		if (options?.commit === false) this.#nextStep = Math.max(this.#nextStep, step);
		else if (step >= this.#nextStep) this.#nextStep = step + 1;
	}

	/** A fresh copy of where everything is; reading it is cheap. */
	get status(): RunStatus {
		const { n, stored } = this.#transport;
		const { acknowledged, pendingFiles, connection, error, droppedValues } = this.#report;
		return {
			accepted: n + this.#dropped,
			durable: stored,
			synced: acknowledged,
			pending: { memory: n - stored, disk: stored - acknowledged, files: pendingFiles },
			dropped: this.#dropped,
			droppedValues: this.#refusedValues + droppedValues,
			connection,
			error,
		};
	}

	/** Page of the run in the server's dashboard; undefined until the server has taken the run, and without a server. */
	get url(): string | undefined {
		return this.#report.url;
	}

	/** Resolves once everything logged so far is on this device's disk, safe from a crash and a power cut. Says nothing about the server. */
	async flush(): Promise<void> {
		this.#transport.send();
		const upTo = this.#transport.n;
		await this.#link.call((host) => host.flush(this.#spec.writer, upTo));
		await this.#reported(() => this.#transport.stored >= upTo);
	}

	/**
	 * Resolves once the server has acknowledged everything logged so far, files and config included. Waits as long as it takes: put a
	 * time limit around it where that matters. `status` says what it waits for.
	 * @throws TidelogError `invalid-argument` when the run has no server.
	 */
	async synced(): Promise<void> {
		if (this.#spec.server === undefined) {
			throw new TidelogError(
				'invalid-argument',
				'synced(): this run has no server, so nothing is ever sent. Give init() a `server`, or wait for flush().',
			);
		}
		await this.flush();
		const upTo = this.#transport.n;
		await this.#reported(() => this.#isSynced(upTo));
	}

	/** Stops sending: records go on being stored on this device. */
	pauseSync(): void {
		this.#tellWriter((host) => host.setPaused(this.#spec.writer, true));
	}

	resumeSync(): void {
		this.#tellWriter((host) => host.setPaused(this.#spec.writer, false));
	}

	/**
	 * Ends the run. Settles within `timeoutMs` whatever the network does, and says whether everything arrived; what did not is sent later.
	 * A second call gives the same as the first would now. After it, `log()` throws.
	 */
	async finish({ exitCode = 0, timeoutMs = 30_000 }: FinishOptions = {}): Promise<FinishResult> {
		if (!Number.isInteger(exitCode)) throw new TidelogError('invalid-argument', `finish(): exitCode must be a whole number, but was ${exitCode}.`);
		this.#isFinished = true;
		this.#transport.send();
		const upTo = this.#transport.n;
		const isDone = () => this.#isSynced(upTo) || this.#spec.server === undefined;
		const finished = (async () => {
			await this.#link.call((host) => host.finish(this.#spec.writer, upTo, exitCode));
			await this.flush();
			this.#report.isMetaSent = false;
			await this.#reported(isDone);
		})();
		await Promise.race([finished, this.#clock.sleep(timeoutMs)]);
		const isSynced = this.#spec.server !== undefined && this.#isSynced(upTo);
		if (this.#transport.stored >= upTo) this.#ending();
		return { isSynced, status: this.status };
	}

	/**
	 * Callbacks for TensorFlow.js: `model.fit(x, y, { callbacks: run.tfjs() })`, also for `fitDataset`. Logs `train/<metric>` for each batch (or
	 * each `updateFreq`-th, or none), and for each epoch `epoch`, `epoch/<metric>` and `val/<metric>`. Needs nothing of tfjs itself.
	 *
	 * tfjs 4.22 itself waits for an animation frame between batches, which a hidden page never gets: give `fit` your own
	 * `callbacks: { ...run.tfjs(), nextFrameFunc }`, as the demo does.
	 */
	tfjs(options: TfjsOptions = {}): TfjsCallbacks {
		return tfjsCallbacks((data) => this.log(data), options);
	}

	#checkedStep({ step, commit }: LogOptions): number {
		if (commit !== undefined && typeof commit !== 'boolean') {
			throw new TidelogError('invalid-argument', `log(): commit must be true or false, but was ${String(commit)}; this call was not logged.`);
		}
		if (step === undefined) return this.#nextStep;
		if (!Number.isSafeInteger(step) || step < 0) {
			throw new TidelogError(
				'invalid-argument',
				`log(): step must be a whole number from 0 to 9,007,199,254,740,991, but was ${String(step)}; this call was not logged. Log fractions as a metric of their own (\`epoch: 2.5\`).`,
			);
		}
		return step;
	}

	#addSame(data: Record<string, unknown>, step: number, timestampMs: number, runtimeS: number): boolean {
		try {
			return this.#transport.addSame(data, step, timestampMs, runtimeS);
		} catch {
			// A getter or proxy threw; the slow path reads value by value and says which.
			return false;
		}
	}

	#leaves(data: Record<string, unknown>): Leaf<ExtraLeaf>[] {
		let flattened: ReturnType<typeof flatten>;
		try {
			flattened = flatten(data, mediaType);
		} catch (error) {
			// A proxy that does not even list its keys: the record stands, empty, so that steps stay as the program counts them.
			flattened = { leaves: [], refused: [{ key: '*', reason: String(error) }] };
		}
		for (const { key, reason } of flattened.refused) {
			this.#refusedValues++;
			this.#tell('data-dropped', `log(): the value of "${key}" was left out: ${reason}. The other values of the call were logged.`);
		}
		return flattened.leaves;
	}

	#drop(): void {
		this.#dropped++;
		this.#nextStep++;
		this.#tell(
			'data-dropped',
			'log(): 64 MB of records wait for the local store, which does not keep up or refuses to write; new records are dropped until it does. status.dropped counts them.',
		);
	}

	#tell(code: TidelogError['code'], message: string): void {
		if (this.#toldErrors.has(message)) return;
		this.#toldErrors.add(message);
		const error = new TidelogError(code, message);
		if (this.#onError) {
			try {
				this.#onError(error);
			} catch (thrown) {
				// The user's handler must not break the user's training; their console still shows its error.
				console.error(thrown);
			}
		} else console.warn(`[tidelog] ${message}`);
	}

	#received(report: Partial<WriterReport>): void {
		Object.assign(this.#report, report);
		if ('error' in report && report.error !== undefined) {
			const code = this.#report.connection === 'refused' ? 'server-refused' : 'store-failed';
			// A server that is away is no error: it is what this library is for. `status` shows it.
			if (this.#report.connection !== 'offline') this.#tell(code, report.error);
		}
		for (const check of [...this.#reportWaiters]) check();
	}

	#isSynced(upTo: number): boolean {
		const { acknowledged, pendingFiles, isMetaSent } = this.#report;
		return this.#changesUnderWay === 0 && acknowledged >= upTo && pendingFiles === 0 && isMetaSent;
	}

	/** Resolves once `condition` holds, looked at after each report. */
	#reported(condition: () => boolean): Promise<void> {
		if (condition()) return Promise.resolve();
		return new Promise((resolve) => {
			const check = () => {
				if (!condition()) return;
				this.#reportWaiters = this.#reportWaiters.filter((waiter) => waiter !== check);
				resolve();
			};
			this.#reportWaiters.push(check);
		});
	}

	#tellWriter(use: Parameters<WriterLink['call']>[0]): void {
		this.#changesUnderWay++;
		// The report that stood before the change must not be taken for one about it.
		this.#report.isMetaSent = false;
		this.#link
			.call(use)
			.catch((error: unknown) => this.#tell('store-failed', `A change of this run could not be stored (${String(error)}).`))
			.finally(() => {
				this.#changesUnderWay--;
			});
	}
}

function mediaType(value: object): string | undefined {
	return value instanceof Image ? 'image' : undefined;
}
