// `await using` needs a type that programs for ES2022 do not load by themselves: the built declarations bring it along.
/// <reference lib="esnext.disposable" preserve="true" />
import type { AgentLink, AgentOptions } from './agent.ts';
import {
	ANY_TEXT,
	BOOLEAN,
	check,
	INTEGER,
	invalid,
	isObject,
	isStep,
	NAME,
	NOT_NEGATIVE,
	oneOf,
	type Rule,
	shown,
	someOf,
	TEXT,
	TEXTS,
} from './checks.ts';
import { type ExtraLeaf, type Flattened, flatten, messageOf } from './core/flatten.ts';
import type { LineValue } from './core/json-line.ts';
import type { Alert, Edit, MetaRecord, RunInfoChange } from './core/meta.ts';
import { SUMMARIES, type Summary } from './core/metrics.ts';
import type { Leaf } from './core/packer.ts';
import { type Counts, isAtLeast } from './core/store.ts';
import { TidelogError } from './errors.ts';
import { type LiveObject, LiveValues } from './live-object.ts';
import type { InitOptions } from './options.ts';
import type { Platform } from './platform/platform.ts';
import { type TfjsCallbacks, type TfjsOptions, tfjsCallbacks } from './tfjs.ts';
import type { Link } from './transport/link.ts';
import type { Connection, RowPlace, RunSpec, WriterHost, WriterReport } from './transport/messages.ts';
import { RowTransport } from './transport/row-transport.ts';

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
	/**
	 * Whether the server said, when it answered last, that it holds as many lines of each stream as it acknowledged here, and these lines (by a hash over
	 * them). Undefined before its first answer, and for W&B servers, which cannot say it.
	 */
	verified: boolean | undefined;
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

export interface MetricOptions {
	/** Metric that this one is drawn against, e.g. `epoch`; the run's step when left out. */
	step?: string;
	/** Whether a row without the step metric takes its last known value; true by default when `step` is given. */
	stepSync?: boolean;
	/** What the run's summary keeps of the metric; the value at the greatest step when left out, nothing for `none`. */
	summary?: Summary | Summary[];
	goal?: 'minimize' | 'maximize';
	/** Not drawn by itself. */
	hidden?: boolean;
	/** Forgets what earlier calls said of this name; otherwise only what is given changes. */
	overwrite?: boolean;
}

export interface AlertOptions {
	title: string;
	text?: string;
	/** `info` by default. */
	level?: Alert['level'];
	/** An alert of the same title is shown again only after this long, milliseconds; 60,000 by default. */
	waitMs?: number;
}

export interface RunEvents {
	/** Something in `run.status` changed; at most ten times a second. */
	status: (status: RunStatus) => void;
	/** Records or values were lost: the same errors as `error`, those of code `data-dropped`. */
	dropped: (error: TidelogError) => void;
	/** See `onError`. */
	error: (error: TidelogError) => void;
	/** Everything logged so far has reached the server; again after each time that something new was pending. */
	synced: (status: RunStatus) => void;
}

/**
 * A run: one execution of a training. Made by `init()`. Nothing here waits for the network, and `log()` never throws because of the
 * world (network, disk, quota); a mistake in the call throws a TidelogError `invalid-argument` where it was made.
 */
export class Run {
	readonly project: string;
	/**
	 * Inputs of the run. `run.config.lr = 0.1`, `run.config.model.layers = 4`, `delete run.config.lr`, `run.config.update({ … })`. After `opened` a resumed run shows what it
	 * held before as well, under what was set since.
	 */
	readonly config: LiveObject;
	/**
	 * Final values set by hand: `run.summary.best = 0.98`. They win over what the rows say until deleted; of two writers that set the same key, the one that
	 * started later wins. Holds only what was set by hand.
	 */
	readonly summary: LiveObject;
	/** Settles once the run is in the local store, and `id` is final. Never rejects: where the store cannot be used, `status.error` says so. */
	readonly opened: Promise<void>;
	readonly #spec: RunSpec;
	readonly #platform: Platform;
	readonly #link: Link | undefined;
	readonly #transport: RowTransport | undefined;
	readonly #config: LiveValues;
	readonly #summary: LiveValues;
	readonly #listeners: { [event in keyof RunEvents]: Set<RunEvents[event]> };
	readonly #told = new Set<string>();
	readonly #startedMonotonicMs: number;
	#id: string;
	#name: string;
	#notes: string | undefined;
	#tags: string[];
	#ending: () => void = () => undefined;
	#lastTimestampMs = 0;
	/** Step of the next row: max(base + relative, least); the base is the writer's to know (core/batch.ts). */
	#relative = 0;
	#least = 0;
	/** What was said about the run and is not yet a record. */
	#said: MetaRecord = {};
	#dropped = 0;
	#refusedValues = 0;
	/** Media that have yet to join their rows. */
	#late: Promise<unknown> | undefined;
	#lateCount = 0;
	#isFinished = false;
	#report: WriterReport;
	#wasSynced = true;
	#reportWaiters = new Set<() => void>();

	/** Use `init()`. Without a link the run is disabled. */
	constructor(spec: RunSpec, platform: Platform, link: Link | undefined, { name, notes, tags, group, jobType, config, onError }: InitOptions) {
		const { clock } = platform;
		this.#id = spec.run;
		this.#name = name ?? spec.run;
		this.#notes = notes;
		this.#tags = tags ?? [];
		this.project = spec.project;
		this.#spec = spec;
		this.#platform = platform;
		this.#link = link;
		this.#startedMonotonicMs = clock.monotonicMs();
		this.#listeners = { status: new Set(), dropped: new Set(), error: new Set(onError ? [onError] : []), synced: new Set() };
		this.#report = {
			stored: {},
			acknowledged: {},
			pendingFiles: 0,
			isFinishSent: true,
			isVerified: undefined,
			connection: spec.server === undefined || !link ? 'local' : 'idle',
			droppedValues: 0,
		};
		this.#config = new LiveValues('config', (edit) => this.#edited('config', edit));
		this.#summary = new LiveValues('summary', (edit) => this.#edited('summary', edit));
		this.config = this.#config.proxy;
		this.summary = this.#summary.proxy;
		this.#config.update(config ?? {});
		if (!link) {
			this.opened = Promise.resolve();
			return;
		}
		const transport = new RowTransport(spec, link, clock, (report) => this.#received(report));
		this.#transport = transport;
		transport.beforeSend = () => this.#record();
		this.#say({ info: { name, notes, tags, group, jobType }, ...(spec.resume === 'never' && !spec.branch ? {} : { resumed: true as const }) });
		transport.send();
		this.opened = this.#open(transport);
		const isWaiting = () => !transport.isStored(transport.counts);
		const onRestart = (message: string) => {
			this.#tell('writer-restarted', message);
			void this.#open(transport);
		};
		void link.writer.then((writer) => writer.join(isWaiting, onRestart));
		const endLeaving = platform.onVisibility((visibility) => {
			transport.isHidden = visibility !== 'visible';
			if (visibility === 'hidden') transport.send();
			else if (visibility === 'leaving') platform.lastWords?.speak(spec, transport.unconfirmed());
		});
		this.#ending = () => {
			endLeaving();
			transport.close();
			void link.writer.then((writer) => {
				writer.leave(isWaiting, onRestart);
				return writer.call((host) => host.close(spec.writer));
			});
		};
	}

	/** Names the run for ever. With `resume: 'auto'` final once `opened` has settled. */
	get id(): string {
		return this.#id;
	}

	/** For people; can be changed at any time. A run that was given none gets one of its own (`quiet-reef-417`): known once `opened` has settled, the id before. */
	get name(): string {
		return this.#name;
	}

	set name(name: string) {
		this.#inform('name', name, TEXT);
		this.#name = name;
	}

	/** Markdown. Can be changed at any time. */
	get notes(): string {
		return this.#notes ?? '';
	}

	set notes(notes: string) {
		this.#inform('notes', notes, ANY_TEXT);
		this.#notes = notes;
	}

	/** Can be changed at any time by assigning a new list. */
	get tags(): readonly string[] {
		return this.#tags;
	}

	set tags(tags: readonly string[]) {
		this.#inform('tags', tags, TEXTS);
		this.#tags = [...tags];
	}

	/**
	 * Logs values: `run.log({ loss: 0.3, 'val/acc': 0.9 })`. Costs the caller a few microseconds: numbers are copied, pictures are
	 * copied, everything else happens in a worker.
	 *
	 * Each call is one record. Without `step` it begins a new row; with `step` it joins that row, however late; a later value for the
	 * same key and row wins. Nested objects become dotted keys (`{ a: { b: 1 } }` is `a.b`). NaN, infinities, −0 and bigints are kept as they are;
	 * what becomes of every other kind of value stands in docs/values.md. Values that cannot be kept are left out, counted in `status.droppedValues` and told to
	 * `onError` once a reason.
	 *
	 * @throws TidelogError `invalid-argument` when `data` is no object, `step` is no whole number from 0 to 2^53 − 1, or the run was finished.
	 */
	log(data: Record<string, unknown>, options?: LogOptions): void {
		if (!isObject(data)) throw invalid(`log(): values must be an object such as { loss: 0.3 }, but were ${shown(data)}; this call was not logged.`);
		this.#mustBeOpen();
		if (options) check('log(), which logged nothing', options, LOG_RULES);
		const step = options?.step;
		const transport = this.#transport;
		if (!transport) return;
		if (step !== undefined) this.#least = Math.max(this.#least, step);
		if (transport.isFull()) this.#drop();
		else {
			const clock = this.#platform.clock;
			const nowMs = clock.nowMs();
			const timestampMs = nowMs > this.#lastTimestampMs ? nowMs : this.#lastTimestampMs;
			const runtimeS = this.#runtimeS;
			const relative = step === undefined ? this.#relative : Number.NEGATIVE_INFINITY;
			const least = step ?? this.#least;
			if (!this.#addSame(transport, data, relative, least, timestampMs, runtimeS))
				transport.add(this.#leaves(data, { relative, least }), relative, least, timestampMs, runtimeS);
			this.#lastTimestampMs = timestampMs;
		}
		if (options?.commit === false) return;
		if (step === undefined) {
			this.#relative++;
			this.#least++;
		} else if (step >= this.#least) this.#least = step + 1;
	}

	/**
	 * Adds values of the machine to the run: events, which have a time and no step. `system.` is put before each key, as W&B has it (`gpu.0.temp` is
	 * `system.gpu.0.temp`). Values that are no finite numbers are left out: what could not be read is no 0. `timestampMs`: when they were read, milliseconds since the epoch; now by default.
	 * While 64 MB of records wait for the local store, they are left out.
	 * @throws TidelogError `invalid-argument` when the run was finished.
	 */
	logSystem(values: Record<string, number>, timestampMs = this.#platform.clock.nowMs()): void {
		this.#mustBeOpen();
		const leaves = Object.entries(values).flatMap(([key, value]) => (Number.isFinite(value) ? { key: `system.${key}`, value } : []));
		if (!leaves[0] || this.#transport?.isFull()) return;
		this.#transport?.addTo('events', leaves, timestampMs, this.#runtimeS + (timestampMs - this.#platform.clock.nowMs()) / 1000);
		this.#transport?.sendSoon();
	}

	/**
	 * Takes samples of this machine from a companion agent (`tidelog-agent`) into the run, until the run is finished: GPU, CPU, memory, disk, network, with the
	 * agent's clock corrected. Call it in a page, in answer to a click: browsers may ask the user before a page may talk to its own machine. Reconnects by itself. See docs/agent.md.
	 * @throws TidelogError `unsupported-runtime` outside of pages and workers.
	 */
	connectAgent(options?: AgentOptions): Promise<AgentLink> {
		return this.#platform.connectAgent(this, options);
	}

	/**
	 * Says how a metric is to be read: against which other metric it is drawn, what the summary keeps of it, whether less is better. `name` is a dotted key, or ends in
	 * `*` for all that begin alike (`val/*`). Written into the run's config as W&B encodes it (client 0.30, `_wandb.value.m`), so that its pages obey as well.
	 * @throws TidelogError `invalid-argument`; nothing is defined then.
	 */
	defineMetric(name: string, options: MetricOptions = {}): void {
		check('defineMetric()', { name, ...options }, METRIC_RULES);
		this.#record();
		const { summary } = options;
		this.#say({ metric: { name, ...options, summary: typeof summary === 'string' ? [summary] : summary } });
		this.#record();
	}

	/** Tells people who look at the run that something happened. The server shows it; stored and sent like a record, so it arrives once, if late. */
	alert(options: AlertOptions): void {
		check('alert()', { ...options, title: options.title ?? null }, ALERT_RULES);
		const { title, text = '', level = 'info', waitMs = 60_000 } = options;
		this.#record();
		this.#say({ alert: { title, text, level, waitMs } });
		this.#transport?.send();
	}

	/** Calls `listener` for each event of the kind, on this thread. Returns what ends it. An error in a listener is shown in the console and goes no further. */
	on<Event extends keyof RunEvents>(event: Event, listener: RunEvents[Event]): () => void {
		const listeners = this.#listeners[event];
		if (!listeners) throw invalid(`on(): there is no event ${shown(event)}. Known are ${Object.keys(this.#listeners).join(', ')}.`);
		listeners.add(listener);
		return () => void listeners.delete(listener);
	}

	/** A fresh copy of where everything is; reading it is cheap. */
	get status(): RunStatus {
		const { n, stored } = this.#transport?.history ?? { n: 0, stored: 0 };
		const { acknowledged, pendingFiles, connection, trouble, droppedValues, isVerified } = this.#report;
		const synced = acknowledged.history ?? 0;
		return {
			accepted: n + this.#dropped,
			durable: stored,
			synced,
			pending: { memory: n - stored, disk: stored - synced, files: pendingFiles + this.#lateCount },
			dropped: this.#dropped,
			droppedValues: this.#refusedValues + droppedValues,
			verified: isVerified,
			connection,
			error: trouble?.message,
		};
	}

	/** Page of the run in the server's dashboard; undefined until the server has taken the run, and without a server. */
	get url(): string | undefined {
		return this.#report.url;
	}

	/** Resolves once everything logged so far, config and summary included, is on this device's disk, safe from a crash and a power cut. Says nothing about the server. */
	async flush(): Promise<void> {
		const transport = this.#transport;
		if (!transport) return;
		await this.#settled(transport);
		await this.#platform.hold(this.#flushed(transport, transport.counts));
	}

	/**
	 * Resolves once the server has acknowledged everything logged so far, files and config included. Waits as long as it takes: put a
	 * time limit around it where that matters. `status` says what it waits for.
	 * @throws TidelogError `invalid-argument` when the run has no server.
	 */
	async synced(): Promise<void> {
		const transport = this.#transport;
		if (!transport) return;
		if (this.#spec.server === undefined) throw invalid('synced(): this run has no `server`; wait for flush().');
		await this.#settled(transport);
		const upTo = transport.counts;
		await this.#platform.hold(this.#flushed(transport, upTo).then(() => this.#reported(() => this.#isSynced(upTo))));
	}

	/** Stops sending: records go on being stored on this device. */
	pauseSync(): void {
		this.#setPaused(true);
	}

	resumeSync(): void {
		this.#setPaused(false);
	}

	/**
	 * Sends the run under another id, from its first record on: after the server refused it (`run-exists`, `run-missing`), or deleted it. The id on this device stays.
	 * Resolves once the change is in the local store.
	 */
	async sendAs(id: string): Promise<void> {
		check('sendAs()', { id }, { id: NAME });
		await this.#call((host) => host.sendAs(this.#spec.writer, id));
	}

	/**
	 * Ends the run. Settles within `timeoutMs` whatever the network does, and says whether everything arrived; what did not is sent later.
	 * A second call gives the same as the first would now. After it, `log()` throws.
	 */
	async finish(options: FinishOptions = {}): Promise<FinishResult> {
		check('finish()', options, FINISH_RULES);
		const { exitCode = 0, timeoutMs = 30_000 } = options;
		const transport = this.#transport;
		const late = this.#platform.clock.sleep(timeoutMs);
		if (transport && this.#lateCount > 0) await this.#platform.hold(Promise.race([this.#settled(transport), late]));
		if (!this.#isFinished) {
			// The end must not be in the store before the last rows are: it would be sent before them.
			transport?.send();
			this.#say({ finish: { exitCode } });
		}
		this.#isFinished = true;
		if (!transport) return { isSynced: false, status: this.status };
		transport.send();
		const upTo = transport.counts;
		const isOver = () => this.#spec.server === undefined || this.#isSynced(upTo);
		// What comes after the time limit is still told, by `status`. A store that refuses says so there as well: it is no reason to throw.
		const finished = this.#flushed(transport, upTo)
			.then(() => this.#reported(isOver))
			.then(this.#ending, () => undefined);
		await this.#platform.hold(Promise.race([finished, late]));
		return { isSynced: this.#spec.server !== undefined && this.#isSynced(upTo), status: this.status };
	}

	/** `await using run = init(…)` finishes the run at the end of its block. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.finish();
	}

	/** Whether `finish()` was called. */
	get isFinished(): boolean {
		return this.#isFinished;
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

	async #open(transport: RowTransport): Promise<void> {
		try {
			const opened = await this.#platform.hold(transport.connect());
			// The writer died meanwhile; its successor opens the run.
			if (!opened) return;
			this.#spec.run = this.#id = opened.run;
			this.#name = opened.name;
			this.#notes ??= opened.notes;
			if (this.#tags.length === 0) this.#tags = opened.tags ?? [];
			this.#config.underlay(opened.config);
			this.#summary.underlay(opened.summary);
			this.#platform.lastWords?.prepare();
		} catch (error) {
			this.#received({ trouble: { code: 'store-unavailable', message: String(error) } });
		}
	}

	#edited(kind: 'config' | 'summary', edit: Edit): void {
		// Of several changes at one path between two records, only the last says something.
		const name = JSON.stringify(edit[0]);
		const others = (this.#said[kind] ?? []).filter(([path]) => JSON.stringify(path) !== name);
		this.#say({ [kind]: [...others, edit] });
	}

	#inform(key: keyof RunInfoChange, value: unknown, rule: Rule): void {
		check('run', { [key]: value }, { [key]: rule });
		this.#say({ info: { ...this.#said.info, [key]: value } });
	}

	/** Seconds since the run was opened here. */
	get #runtimeS(): number {
		return (this.#platform.clock.monotonicMs() - this.#startedMonotonicMs) / 1000;
	}

	#mustBeOpen(): void {
		if (this.#isFinished) throw invalid(`Run ${this.id} was finished; this call was not logged.`);
	}

	/** Notes what the next meta record says, and has it sent soon. */
	#say(said: MetaRecord): void {
		this.#mustBeOpen();
		Object.assign(this.#said, said);
		this.#transport?.sendSoon();
	}

	/** Makes a record of what was said. */
	#record(): void {
		const said = Object.entries(this.#said).map(([key, value]) => ({ key, value: value as LineValue }));
		if (said.length === 0 || !this.#transport) return;
		this.#said = {};
		this.#transport.addTo('meta', said, Math.max(this.#platform.clock.nowMs(), this.#lastTimestampMs), this.#runtimeS);
	}

	#addSame(transport: RowTransport, data: Record<string, unknown>, relative: number, least: number, timestampMs: number, runtimeS: number): boolean {
		try {
			return transport.addSame(data, relative, least, timestampMs, runtimeS);
		} catch {
			// A getter or proxy threw; the slow path reads value by value and says which.
			return false;
		}
	}

	#leaves(data: Record<string, unknown>, place: RowPlace): Leaf<ExtraLeaf>[] {
		const { leaves, late, edits, refused } = flatten(data, this.#hasNoRoom, this.#platform.encodesApart);
		this.#refusedValues += refused.length;
		// Of a hundred thousand, the first say what is wrong.
		for (const { key, reason } of refused.slice(0, 10)) this.#refused(key, reason, place);
		for (const edit of edits) {
			// Names of classes come with each picture, and are said once a change.
			const name = JSON.stringify(edit);
			if (this.#told.has(name)) continue;
			this.#told.add(name);
			this.#edited('config', edit);
		}
		for (const one of late) {
			this.#lateCount++;
			this.#late = Promise.all([this.#late, this.#join(one, place)]);
		}
		return leaves;
	}

	/** Adds a value to its row when it is encoded; the record says the moment of `log()`. */
	async #join({ key, leaf }: Flattened['late'][number], place: RowPlace): Promise<void> {
		const runtimeS = this.#runtimeS;
		try {
			const items = await Promise.all(leaf.items);
			const value = await this.#call((host) => host.encode(this.#spec.writer, key, place, { ...leaf, items }));
			this.#transport?.add([{ key, value: value as LineValue }], place.relative, place.least, this.#lastTimestampMs, runtimeS);
		} catch (error) {
			this.#refusedValues++;
			this.#refused(key, messageOf(error), place);
		}
		this.#lateCount--;
	}

	#refused(key: string, reason: string, { relative, least }: RowPlace): void {
		const step = Math.max(relative, least);
		const message = `log(): "${key.slice(0, 200)}" at step ${step} was left out: ${reason}. The rest was logged.`;
		this.#tell('data-dropped', message, key + reason);
	}

	/** Sends what there is, and waits for the media that have yet to join it. */
	async #settled(transport: RowTransport): Promise<void> {
		for (transport.send(); this.#lateCount > 0; transport.send()) await this.#platform.hold(this.#late as Promise<unknown>);
	}

	/** Media stop before rows do. */
	readonly #hasNoRoom = (): boolean => this.#lateCount >= MAX_LATE || !!this.#transport?.isFull(0.9);

	#drop(): void {
		this.#dropped++;
		this.#tell('data-dropped', 'log(): 64 MB of records wait for the local store; new ones are dropped, see status.dropped.');
	}

	#setPaused(isPaused: boolean): void {
		void this.#call((host) => host.setPaused(this.#spec.writer, isPaused));
	}

	async #call<T>(use: (host: WriterHost) => Promise<T>): Promise<T | undefined> {
		return (await this.#link?.writer)?.call(use);
	}

	async #flushed(transport: RowTransport, upTo: Counts): Promise<void> {
		await this.#call((host) => host.flush(this.#spec.writer, upTo));
		await this.#reported(() => transport.isStored(upTo));
	}

	/** @param name What is told once under it. */
	#tell(code: TidelogError['code'], message: string, name = message): void {
		if (this.#told.has(name)) return;
		// A message with a changing part must not fill the memory of a long run.
		if (this.#told.size < 1_000) this.#told.add(name);
		const error = new TidelogError(code, message);
		if (code === 'data-dropped') this.#emit('dropped', error);
		if (this.#listeners.error.size > 0) this.#emit('error', error);
		else console.warn(`[tidelog] ${message}`);
	}

	#emit<Event extends keyof RunEvents>(event: Event, argument: Parameters<RunEvents[Event]>[0]): void {
		for (const listener of this.#listeners[event]) {
			try {
				(listener as (argument: unknown) => void)(argument);
			} catch (thrown) {
				// The user's handler must not break the user's training; their console still shows its error.
				console.error(thrown);
			}
		}
	}

	#received({ notices = [], ...report }: Partial<WriterReport>): void {
		Object.assign(this.#report, report);
		const { connection, trouble } = this.#report;
		// A server that is away is no error: it is what this library is for. `status` shows it.
		if (trouble && connection !== 'offline') notices.push(trouble);
		for (const { code, message } of notices) this.#tell(code, message);
		for (const check of [...this.#reportWaiters]) check();
		if (report.connection === undefined) return;
		const isSynced = this.#spec.server !== undefined && this.#transport !== undefined && this.#isSynced(this.#transport.counts);
		if (this.#listeners.status.size > 0) this.#emit('status', this.status);
		if (isSynced && !this.#wasSynced) this.#emit('synced', this.status);
		this.#wasSynced = isSynced;
	}

	#isSynced(upTo: Counts): boolean {
		const { acknowledged, pendingFiles, isFinishSent } = this.#report;
		return isAtLeast(acknowledged, upTo) && pendingFiles + this.#lateCount === 0 && (isFinishSent || !this.#isFinished);
	}

	/** Resolves once `condition` holds, looked at after each report. */
	#reported(condition: () => boolean): Promise<void> {
		if (condition()) return Promise.resolve();
		return new Promise((resolve) => {
			const check = () => {
				if (condition() && this.#reportWaiters.delete(check)) resolve();
			};
			this.#reportWaiters.add(check);
		});
	}
}

/** Most media that wait to join their rows. */
const MAX_LATE = 100;
const METRIC_RULES: Record<'name' | keyof MetricOptions, Rule> = {
	name: [(value) => typeof value === 'string' && /^[^*]+\*?$|^\*$/.test(value), 'a key, or end in its only *, such as val/*'],
	step: [(value) => typeof value === 'string' && /^[^*]+$/.test(value), 'the key of a metric'],
	stepSync: BOOLEAN,
	summary: someOf(...SUMMARIES),
	goal: oneOf('minimize', 'maximize'),
	hidden: BOOLEAN,
	overwrite: BOOLEAN,
};
const ALERT_RULES: Record<keyof AlertOptions, Rule> = { title: TEXT, text: ANY_TEXT, level: oneOf('info', 'warn', 'error'), waitMs: NOT_NEGATIVE };
const FINISH_RULES: Record<keyof FinishOptions, Rule> = { exitCode: INTEGER, timeoutMs: NOT_NEGATIVE };
const STEP: Rule = [isStep, 'a whole number from 0 to 9,007,199,254,740,991 (log fractions as a metric of their own, `epoch: 2.5`)'];
const LOG_RULES: Record<keyof LogOptions, Rule> = { step: STEP, commit: BOOLEAN };
