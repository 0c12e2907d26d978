import type { MediaLeaf } from './core/flatten.ts';
import type { LineValue } from './core/json-line.ts';
import { foldEdits } from './core/meta.ts';
import { type Counts, isAtLeast, isPending, type RunState, type Store, type WriterState } from './core/store.ts';
import type { TidelogErrorCode } from './errors.ts';
import { MemoryStore } from './platform/memory-store.ts';
import { type HttpTools, WandbRemote } from './remote/wandb.ts';
import { newRun, newWriter } from './run-state.ts';
import { type MediaModule, RunWriter } from './run-writer.ts';
import { pruneStore } from './sync/prune.ts';
import { type RowsModule, Sender, SHARED_STEPS } from './sync/sender.ts';
import { settleBases } from './sync/settle-bases.ts';
import { catchUpMeta } from './sync/stored-records.ts';
import type { Connection, OpenedRun, RecordPort, RowMessage, RowPlace, RunSpec, Trouble, WriterHost, WriterReport } from './transport/messages.ts';

/** What the writer needs of the runtime it runs in. */
export interface WriterPlatform extends HttpTools {
	/** @throws when the runtime's store cannot be used (site data blocked, private mode). */
	openStore(): Promise<Store>;
	/** Runs `use` while no other context holds `name`; waits as long as it takes, rejects when `signal` aborts. */
	exclusively(name: string, signal: AbortSignal, use: () => Promise<void>): Promise<void>;
	/** Holds `name` until this context ends or the result is called; undefined when another context holds it. */
	hold(name: string): Promise<(() => void) | undefined>;
	/** Tells other contexts of this origin that a run changed in the store. */
	announce(run: string): void;
	/** Calls back when another context announced a change. */
	onAnnounced(listener: (run: string) => void): void;
	/** Calls back when the runtime believes the network to be back. A hint only. */
	onOnline(listener: () => void): void;
	randomId(length: number): string;
	/** Code that few runs need. */
	loadRows(): Promise<RowsModule>;
	loadMedia(): Promise<MediaModule>;
	/** Bytes that the runtime lets this origin store; undefined where nobody says. */
	quotaBytes(): Promise<number | undefined>;
	/** Days without a visit after which the runtime deletes what is stored; undefined where it does not. */
	evictsAfterDays: number | undefined;
}

const REPORT_GAP_MS = 100;
const PRUNE_GAP_MS = 60_000;
const LATE_WORDS_MS = 500;
const DAY_MS = 24 * 3_600_000;

interface OpenRun {
	spec: RunSpec;
	/** Key in the store. */
	run: string;
	store: Store;
	writer: RunWriter;
	port: RecordPort;
	sender: Sender | undefined;
	isClosed: boolean;
	isPaused: boolean;
	isReporting: boolean;
	isReportDue: boolean;
	reported: Counts;
	notices: Trouble[];
	letGo: (() => void) | undefined;
}

/** Everything behind the transport: one for each context, in a worker or inline. Holds the runs opened here and sends what others left. */
export class Writer implements WriterHost {
	readonly #platform: WriterPlatform;
	readonly #open = new Map<string, OpenRun>();
	readonly #opening = new Map<string, Promise<OpenRun>>();
	/** Senders by run: of runs opened here, and of those that an earlier page left unsent. */
	readonly #senders = new Map<string, Sender>();
	#persistent: Promise<Store | undefined> | undefined;
	#memory: Store | undefined;
	#storeTrouble: Trouble | undefined;
	#prunedMs = Number.NEGATIVE_INFINITY;

	constructor(platform: WriterPlatform) {
		this.#platform = platform;
		platform.onAnnounced((run) => {
			this.#changed(run);
			void this.#standBy(run);
		});
		platform.onOnline(() => {
			for (const sender of this.#senders.values()) sender.retryNow();
		});
	}

	async open(spec: RunSpec, port: RecordPort): Promise<OpenedRun> {
		// Calls for this run may come before it is open; they wait for it.
		const opening = this.#openRun(spec, port);
		this.#opening.set(spec.writer, opening);
		const { store, run: id } = await opening;
		const run = await catchUpMeta(store, (await store.run(id)) as RunState, await store.writers(id));
		const { name, notes, tags } = run;
		// What this library says there itself is not the user's.
		const { _wandb, ...config } = foldEdits(run.config);
		return { run: id, name, notes, tags, config, summary: foldEdits(run.summary) };
	}

	async flush(writer: string, upTo: Counts): Promise<void> {
		const open = await this.#opened(writer);
		await open.writer.whenStored(upTo);
		// Strict: it takes the relaxed transactions before it to the disk as well.
		await open.store.updateRun(open.run, (run) => run as RunState, 'strict');
	}

	async encode(writer: string, key: string, place: RowPlace, leaf: MediaLeaf): Promise<LineValue> {
		return (await this.#opened(writer)).writer.encode(key, place, leaf);
	}

	async close(writer: string): Promise<void> {
		const open = await this.#opened(writer);
		open.isClosed = true;
		open.letGo?.();
		this.#changed(open.run);
	}

	async setPaused(writer: string, isPaused: boolean): Promise<void> {
		const open = await this.#opened(writer);
		open.isPaused = isPaused;
		open.sender?.setPaused(isPaused);
	}

	async sendAs(writer: string, id: string): Promise<void> {
		const { store, run } = await this.#opened(writer);
		await store.forgetSent(run);
		await store.updateRun(run, (known) => ({ ...(known as RunState), sentAs: id, isIdGiven: true, resume: 'never', refusal: undefined }), 'strict');
		const open = this.#open.get(writer);
		if (open?.spec.server !== undefined) open.sender = this.#send(run, store, open.spec);
		this.#senders.get(run)?.retryNow();
	}

	async ping(): Promise<void> {}

	async #openRun(spec: RunSpec, port: RecordPort): Promise<OpenRun> {
		const store = await this.#storeFor(spec);
		const { run, state, letGo, notices } = await this.#claim(spec, store);
		const open: OpenRun = {
			spec,
			run,
			store,
			port,
			writer: new RunWriter(
				store,
				this.#platform,
				state,
				() => {
					this.#platform.announce(run);
					this.#changed(run);
				},
				(message) => this.#notify(spec.writer, 'data-dropped', message),
			),
			sender: undefined,
			isClosed: false,
			isPaused: spec.isOffline,
			isReporting: false,
			isReportDue: false,
			reported: {},
			notices,
			letGo,
		};
		this.#open.set(spec.writer, open);
		if (spec.server !== undefined) {
			open.sender = this.#send(run, store, spec);
			if (!spec.isOffline) void this.#sendLeftovers(store, spec);
		}
		port.onmessage = ({ data }: { data: RowMessage }) => {
			open.writer.receive(data);
			// A writer that was started anew has to say what it knows, though nothing changed.
			this.#report(open, true);
		};
		this.#report(open, true);
		return open;
	}

	/** Finds or makes the run in the store, and this writer in it; decides what can be decided here of whether it may be opened, and at which step it begins. */
	async #claim(spec: RunSpec, store: Store): Promise<{ run: string; state: WriterState; letGo: (() => void) | undefined; notices: Trouble[] }> {
		const { clock } = this.#platform;
		let id = spec.run;
		if (spec.resume === 'auto' && !spec.isIdGiven) id = (await this.#findUnfinished(spec, store)) ?? id;
		const known = await store.run(id);
		/** Opened by a writer that died, or made by the calling thread (Node). */
		const isOurs = (await store.writers(id)).some(({ writer }) => writer === spec.writer);
		// Kept apart from the run that has the id, and not sent (run-state.ts).
		if (known && !isOurs && spec.resume === 'never' && spec.isIdGiven) id = this.#platform.randomId(12);
		const letGo = await this.#platform.hold(`tidelog:live:${id}`);
		if (letGo) await store.recoverWriters(id);
		const goesOn = (there: RunState): RunState =>
			isOurs ? there : { ...there, server: spec.server ?? there.server, ...(spec.branch ? { branch: spec.branch, contact: undefined } : {}) };
		// A fork copies rows: the server wants to see that they are this device's.
		const key = spec.branch && (await store.run(spec.branch.run))?.runKey;
		const run = await store.updateRun(id, (there) => (there ? goesOn(there) : newRun(spec, id, clock, key)), 'strict');
		const added = { ...newWriter(id, spec.writer, spec.startedMs), base: letGo ? undefined : null };
		await store.updateWriter(id, spec.writer, (there) => there ?? added);
		const writers = await settleBases(store, run);
		const state = writers.find(({ writer }) => writer === spec.writer) ?? added;
		const notices: Trouble[] = run.refusal ? [{ code: run.refusal.code, message: run.refusal.reason }] : [];
		if (!known && spec.resume === 'must' && spec.server === undefined)
			notices.push({
				code: 'run-missing',
				message: `This device has no run "${id}", and resume is "must": it was begun all the same, so that nothing is lost.`,
			});
		if (state.base === null) notices.push({ code: 'shared-steps', message: SHARED_STEPS });
		return { run: id, state, letGo, notices };
	}

	/** The newest run of the project that has not ended and that nobody has open. */
	async #findUnfinished({ project, server }: RunSpec, store: Store): Promise<string | undefined> {
		const runs = (await store.runs()).filter((run) => run.project === project && run.server === server && !run.refusal);
		for (const { id } of runs.sort((a, b) => b.createdMs - a.createdMs)) {
			const letGo = await this.#platform.hold(`tidelog:live:${id}`);
			if (!letGo) continue;
			letGo();
			await store.recoverWriters(id);
			const run = await catchUpMeta(store, (await store.run(id)) as RunState, await store.writers(id));
			if (!run.isFinished) return id;
		}
		return undefined;
	}

	async #storeFor(spec: RunSpec): Promise<Store> {
		if (spec.store !== 'memory') {
			this.#persistent ??= this.#platform.openStore().catch((error: unknown) => {
				this.#storeTrouble = {
					code: 'store-unavailable',
					message: `The local store cannot be used (${error instanceof Error ? error.message : String(error)}): records are in memory, and lost if this page closes before they are sent.`,
				};
				return undefined;
			});
			const persistent = await this.#persistent;
			if (persistent) return persistent;
		}
		this.#memory ??= new MemoryStore();
		return this.#memory;
	}

	/** Runs of pages that closed or crashed before everything was sent: whoever is here sends it. */
	async #sendLeftovers(store: Store, spec: RunSpec): Promise<void> {
		const { clock, evictsAfterDays } = this.#platform;
		for (const run of await store.runs()) {
			if (run.server !== spec.server || !(await this.#hasLeftover(run, store))) continue;
			const days = (clock.nowMs() - run.createdMs) / DAY_MS;
			if (evictsAfterDays !== undefined && days > evictsAfterDays / 2 - 0.5)
				this.#notify(
					spec.writer,
					'unsynced-data-old',
					`Run ${run.id} has waited for ${run.server} for ${Math.floor(days)} days. This browser deletes the data of sites that are not visited for ${evictsAfterDays} days: come back before, or make the server reachable.`,
				);
			this.#send(run.id, store, spec);
		}
	}

	async #hasLeftover(run: RunState, store: Store): Promise<boolean> {
		if (this.#senders.has(run.id)) return false;
		await store.recoverWriters(run.id);
		return isPending(run, await settleBases(store, run), (await store.pendingFiles(run.id, 1)).length);
	}

	/** Queues for the sending of a run that another tab announced: when that tab goes, the run's records are sent from here. */
	async #standBy(runId: string): Promise<void> {
		if (this.#senders.has(runId)) return;
		const run = await (await this.#persistent)?.run(runId);
		const helper = [...this.#open.values()].find(
			({ spec, store }) => store.kind !== 'memory' && spec.server !== undefined && spec.server === run?.server,
		);
		if (run && helper) this.#send(runId, helper.store, helper.spec);
	}

	/** @param spec Of a run that goes to the same server. */
	#send(run: string, store: Store, spec: RunSpec): Sender {
		const { server, token, isOffline } = spec;
		const known = this.#senders.get(run);
		if (known) return known;
		const sender = new Sender({
			run,
			store,
			clock: this.#platform.clock,
			remote: new WandbRemote(server ?? '', token, this.#platform),
			loadRows: () => this.#platform.loadRows(),
			isPaused: isOffline,
			exclusively: (name, signal, use) =>
				this.#platform.exclusively(`tidelog:send:${name}`, signal, async () => {
					// Whoever sent before may have gone with words that nobody has taken in.
					await store.recoverWriters(name);
					await use();
				}),
			isLive: () => this.#openRuns(run).some((open) => !open.isClosed),
			onChange: () => {
				this.#platform.announce(run);
				for (const open of this.#openRuns(run)) this.#report(open);
				if (sender.state === 'idle') void this.#prune(store);
			},
			onNotice: (code, message) => {
				for (const { spec } of this.#openRuns(run)) this.#notify(spec.writer, code, message);
			},
		});
		this.#senders.set(run, sender);
		void sender.run().then(async () => {
			this.#senders.delete(run);
			const open = this.#openRuns(run);
			for (const one of open) this.#report(one);
			if (open.length > 0) return;
			// The locks of a page that goes may be free a moment before its words are here.
			await this.#platform.clock.sleep(LATE_WORDS_MS);
			const state = await store.run(run);
			if (state && (await this.#hasLeftover(state, store))) this.#send(run, store, spec);
		});
		return sender;
	}

	async #prune(store: Store): Promise<void> {
		const { clock } = this.#platform;
		if (store.kind === 'memory' || clock.monotonicMs() - this.#prunedMs < PRUNE_GAP_MS) return;
		this.#prunedMs = clock.monotonicMs();
		const asked = [...this.#open.values()].map(({ spec }) => spec.keepBytes).filter((bytes) => bytes !== undefined);
		const keepBytes = asked.length > 0 ? Math.min(...asked) : undefined;
		// A disk that cannot be tidied now is tidied later; nobody waits for it.
		await pruneStore(store, clock.nowMs(), await this.#platform.quotaBytes(), keepBytes).catch(() => undefined);
	}

	#openRuns(run: string): OpenRun[] {
		return [...this.#open.values()].filter((open) => open.run === run);
	}

	#changed(run: string): void {
		this.#senders.get(run)?.wake();
		for (const open of this.#openRuns(run)) this.#report(open);
	}

	async #opened(writer: string): Promise<OpenRun> {
		const opening = this.#opening.get(writer);
		if (!opening) throw new Error(`Writer ${writer} is not open.`);
		return opening;
	}

	#notify(writer: string, code: TidelogErrorCode, message: string): void {
		const open = this.#open.get(writer);
		if (!open) return;
		open.notices.push({ code, message });
		this.#report(open);
	}

	/** Tells `stored` at once, since the caller holds every record until then; the rest costs reads and is told every 100 ms at most. */
	#report(open: OpenRun, isAsked = false): void {
		const { stored } = open.writer;
		if (isAsked || !isAtLeast(open.reported, stored)) open.port.postMessage({ stored } satisfies Partial<WriterReport>);
		open.reported = stored;
		open.isReportDue = true;
		if (!open.isReporting) void this.#reportWhileDue(open);
	}

	async #reportWhileDue(open: OpenRun): Promise<void> {
		open.isReporting = true;
		while (open.isReportDue) {
			open.isReportDue = false;
			try {
				open.port.postMessage(await this.#reportOf(open));
			} catch (error) {
				const trouble: Trouble = { code: 'store-failed', message: `The local store cannot be read (${String(error)}).` };
				open.port.postMessage({ trouble } satisfies Partial<WriterReport>);
			}
			await this.#platform.clock.sleep(REPORT_GAP_MS);
		}
		open.isReporting = false;
	}

	async #reportOf({ spec, run: id, store, writer, sender, isPaused, notices }: OpenRun): Promise<WriterReport> {
		const [stored, writers, files] = await Promise.all([store.run(id), store.writers(id), store.pendingFiles(id, 1000)]);
		const run = stored && (await catchUpMeta(store, stored, writers));
		const state = writers.find((known) => known.writer === spec.writer);
		const connection: Connection = spec.server === undefined ? 'local' : isPaused ? 'paused' : (sender?.state ?? 'idle');
		const failed: Trouble | undefined = writer.storeError
			? { code: 'store-failed', message: `The local store refused a write (${writer.storeError}): records wait in memory, and it is tried again.` }
			: undefined;
		return {
			// Of one moment: the store may have taken and the sender sent what the writer does not know of yet.
			stored: state?.stored ?? writer.stored,
			acknowledged: state?.acknowledged ?? {},
			pendingFiles: files.length,
			isFinishSent: run === undefined || !run.isFinished || run.isFinishSent,
			isVerified: state?.isVerified,
			connection,
			url: run?.contact?.url,
			trouble: failed ?? sender?.trouble ?? (spec.store === 'persistent' ? this.#storeTrouble : undefined),
			notices: notices.splice(0),
			droppedValues: writer.droppedValues,
		};
	}
}
