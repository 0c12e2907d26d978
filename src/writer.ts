import type { LineValue } from './core/json-line.ts';
import type { RunState, Store } from './core/store.ts';
import { isPending } from './core/store.ts';
import type { Clock } from './platform/clock.ts';
import { MemoryStore } from './platform/memory-store.ts';
import { WandbRemote } from './remote/wandb.ts';
import { RunWriter } from './run-writer.ts';
import { Sender } from './sync/sender.ts';
import type { Connection, RowMessage, RunSpec, WriterHost, WriterReport } from './transport/messages.ts';

/** What the writer needs of the runtime it runs in. */
export interface WriterPlatform {
	clock: Clock;
	/** @throws when the runtime's store cannot be used (site data blocked, private mode). */
	openStore(): Promise<Store>;
	/** Runs `use` while no other context holds `name`; waits as long as it takes, rejects when `signal` aborts. */
	exclusively(name: string, signal: AbortSignal, use: () => Promise<void>): Promise<void>;
	/** Tells other contexts of this origin that a run changed in the store. */
	announce(run: string): void;
	/** Calls back when another context announced a change. */
	onAnnounced(listener: (run: string) => void): void;
	/** Calls back when the runtime believes the network to be back. A hint only. */
	onOnline(listener: () => void): void;
}

const REPORT_GAP_MS = 100;

interface OpenRun {
	spec: RunSpec;
	store: Store;
	writer: RunWriter;
	port: MessagePort;
	sender: Sender | undefined;
	isFinished: boolean;
	isPaused: boolean;
	isReporting: boolean;
	isReportDue: boolean;
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
	#storeError: string | undefined;

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

	async open(spec: RunSpec, port: MessagePort): Promise<void> {
		// Calls for this run may come before it is open; they wait for it.
		const opening = this.#openRun(spec, port);
		this.#opening.set(spec.writer, opening);
		await opening;
	}

	async #openRun(spec: RunSpec, port: MessagePort): Promise<OpenRun> {
		const store = await this.#storeFor(spec);
		const known = (await store.writers(spec.run)).find((writer) => writer.writer === spec.writer);
		await this.#update({ spec, store });
		const state = known ?? { run: spec.run, writer: spec.writer, startedMs: spec.startedMs, stored: 0, acknowledged: 0, nextStep: 0 };
		if (!known) await store.append({ state, stream: 'history', chunks: [], files: [] }, 'relaxed');
		const open: OpenRun = {
			spec,
			store,
			port,
			writer: new RunWriter(store, this.#platform.clock, state, () => {
				this.#platform.announce(spec.run);
				this.#changed(spec.run);
			}),
			sender: undefined,
			isFinished: false,
			isPaused: false,
			isReporting: false,
			isReportDue: false,
		};
		this.#open.set(spec.writer, open);
		if (spec.server !== undefined) {
			open.sender = this.#send(spec.run, store, spec.server, spec.token);
			void this.#sendLeftovers(store, spec.server, spec.token);
		}
		port.onmessage = (event: MessageEvent<RowMessage>) => open.writer.receive(event.data);
		this.#report(open);
		return open;
	}

	async flush(writer: string, upTo: number): Promise<void> {
		const open = await this.#opened(writer);
		await open.writer.whenStored(upTo);
		await this.#update(open);
	}

	async setConfig(writer: string, config: Record<string, LineValue>): Promise<void> {
		await this.#change(writer, (run) => ({ ...run, config, metaVersion: run.metaVersion + 1 }));
	}

	async setExplicitSummary(writer: string, values: Record<string, LineValue>): Promise<void> {
		await this.#change(writer, (run) => ({ ...run, explicitSummary: values, metaVersion: run.metaVersion + 1 }));
	}

	async finish(writer: string, upTo: number, exitCode: number): Promise<void> {
		const open = await this.#opened(writer);
		await open.writer.whenStored(upTo);
		open.isFinished = true;
		await this.#change(writer, (run) => ({ ...run, isFinished: true, exitCode }));
	}

	async setPaused(writer: string, isPaused: boolean): Promise<void> {
		const open = await this.#opened(writer);
		open.isPaused = isPaused;
		open.sender?.setPaused(isPaused);
	}

	async ping(): Promise<void> {}

	async #storeFor(spec: RunSpec): Promise<Store> {
		this.#persistent ??= this.#platform.openStore().catch((error: unknown) => {
			this.#storeError = `IndexedDB cannot be used (${error}): records are in memory, and lost if this page closes before they are sent.`;
			return undefined;
		});
		const persistent = spec.store === 'memory' ? undefined : await this.#persistent;
		if (persistent) return persistent;
		this.#memory ??= new MemoryStore();
		return this.#memory;
	}

	/** Runs of pages that closed or crashed before everything was sent: whoever is here sends it. */
	async #sendLeftovers(store: Store, server: string, token: string | undefined): Promise<void> {
		for (const run of await store.runs()) {
			if (run.server !== server || this.#senders.has(run.id)) continue;
			await store.recoverWriters(run.id);
			const pending = isPending(run, await store.writers(run.id), (await store.pendingFiles(run.id, 1)).length);
			if (pending) this.#send(run.id, store, server, token);
		}
	}

	/** Queues for the sending of a run that another tab announced: when that tab goes, the run's records are sent from here. */
	async #standBy(runId: string): Promise<void> {
		if (this.#senders.has(runId)) return;
		const run = await (await this.#persistent)?.run(runId);
		const helper = [...this.#open.values()].find(
			({ spec, store }) => store.kind !== 'memory' && spec.server !== undefined && spec.server === run?.server,
		);
		if (run && helper?.spec.server !== undefined) this.#send(runId, helper.store, helper.spec.server, helper.spec.token);
	}

	#send(run: string, store: Store, server: string, token: string | undefined): Sender {
		const known = this.#senders.get(run);
		if (known) return known;
		const sender = new Sender({
			run,
			store,
			clock: this.#platform.clock,
			remote: new WandbRemote(server, token),
			exclusively: (name, signal, use) => this.#platform.exclusively(`tidelog:send:${name}`, signal, use),
			isLive: () => this.#openRuns(run).some((open) => !open.isFinished),
			onChange: () => {
				this.#platform.announce(run);
				for (const open of this.#openRuns(run)) this.#report(open);
			},
		});
		this.#senders.set(run, sender);
		void sender.run().then(() => {
			this.#senders.delete(run);
			for (const open of this.#openRuns(run)) this.#report(open);
		});
		return sender;
	}

	#openRuns(run: string): OpenRun[] {
		return [...this.#open.values()].filter((open) => open.spec.run === run);
	}

	#changed(run: string): void {
		this.#senders.get(run)?.wake();
		for (const open of this.#openRuns(run)) this.#report(open);
	}

	/** Strict: it takes the relaxed transactions before it to the disk as well. */
	async #update({ spec, store }: Pick<OpenRun, 'spec' | 'store'>, change = (run: RunState) => run): Promise<void> {
		await store.updateRun(spec.run, (run) => change(run ?? newRun(spec, this.#platform.clock.nowMs())), 'strict');
	}

	async #change(writer: string, change: (run: RunState) => RunState): Promise<void> {
		const open = await this.#opened(writer);
		await this.#update(open, change);
		this.#changed(open.spec.run);
	}

	async #opened(writer: string): Promise<OpenRun> {
		const opening = this.#opening.get(writer);
		if (!opening) throw new Error(`Writer ${writer} is not open.`);
		return opening;
	}

	/** Tells `stored` at once, since the caller holds every record until then; the rest costs reads and is told every 100 ms at most. */
	#report(open: OpenRun): void {
		open.port.postMessage({ stored: open.writer.stored } satisfies Partial<WriterReport>);
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
				open.port.postMessage({ error: `The local store cannot be read (${String(error)}).` } satisfies Partial<WriterReport>);
			}
			await this.#platform.clock.sleep(REPORT_GAP_MS);
		}
		open.isReporting = false;
	}

	async #reportOf({ spec, store, writer, sender, isPaused, isFinished }: OpenRun): Promise<WriterReport> {
		const [run, writers, files] = await Promise.all([store.run(spec.run), store.writers(spec.run), store.pendingFiles(spec.run, 1000)]);
		const connection: Connection = spec.server === undefined ? 'local' : isPaused ? 'paused' : (sender?.state ?? 'idle');
		return {
			stored: writer.stored,
			acknowledged: writers.find((state) => state.writer === spec.writer)?.acknowledged ?? 0,
			pendingFiles: files.length,
			isMetaSent: run !== undefined && run.metaSent >= run.metaVersion && (!isFinished || run.isFinishSent),
			isStorePersistent: store.kind !== 'memory',
			connection,
			url: run?.url,
			error: writer.storeError ?? sender?.error ?? (spec.store === 'persistent' ? this.#storeError : undefined) ?? writer.dropReason,
			droppedValues: writer.droppedValues,
		};
	}
}

function newRun(spec: RunSpec, nowMs: number): RunState {
	return {
		id: spec.run,
		name: spec.name,
		project: spec.project,
		entity: spec.entity,
		server: spec.server,
		createdMs: nowMs,
		config: spec.config,
		explicitSummary: {},
		metaVersion: 1,
		metaSent: 0,
		isFinished: false,
		exitCode: 0,
		isFinishSent: false,
	};
}
