import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { LiveEvent, Query, RunInfo } from '../../../src/core/query.ts';

export type ConnectionState = 'connecting' | 'live' | 'offline';

/** What the top bar says about the way to the server. */
export interface Connection {
	state: Signal<ConnectionState>;
	/** When the server was last known to answer, if it does not now. */
	offlineSinceMs: Signal<number | undefined>;
}

/**
 * The runs of one project as the server knows them now. Each run has a signal of its own, so that a live update of one run
 * touches one row of a list and not the others.
 */
export class LiveProject implements Connection {
	readonly project: string;
	readonly state = signal<ConnectionState>('connecting');
	readonly offlineSinceMs = signal<number | undefined>(undefined);
	/** Whether the first answer has come; an empty list before it means nothing. */
	readonly hasLoaded = signal(false);
	/** Why the first answer did not come. */
	readonly error = signal<string | undefined>(undefined);
	/** Ids, newest run first. Changes only when runs come or go. */
	readonly ids = signal<readonly string[]>([]);
	/** Grows with every change of any run. */
	readonly epoch = signal(0);
	readonly runningCount: ReadonlySignal<number>;
	readonly #query: Query;
	readonly #now: () => number;
	readonly #runs = new Map<string, Signal<RunInfo>>();
	#stop: (() => void) | undefined;
	#retry: ReturnType<typeof setTimeout> | undefined;

	constructor(query: Query, project: string, now: () => number = Date.now) {
		this.#query = query;
		this.#now = now;
		this.project = project;
		this.runningCount = computed(() => this.all().filter((run) => run.state === 'running').length);
	}

	start(): void {
		if (this.#stop) return;
		this.#stop = this.#query.subscribe(this.project, (event) => this.#take(event));
		this.#load();
	}

	stop(): void {
		this.#stop?.();
		this.#stop = undefined;
		clearTimeout(this.#retry);
	}

	/** The run's own signal, or undefined for a run that is not known (yet). */
	run(id: string): ReadonlySignal<RunInfo> | undefined {
		void this.ids.value;
		return this.#runs.get(id);
	}

	/** All runs, newest first; follows every change. */
	all(): RunInfo[] {
		void this.epoch.value;
		return this.ids.value.flatMap((id) => this.#runs.get(id)?.peek() ?? []);
	}

	/** The list is asked for beside the subscription: it answers with an error where a stream only stays silent. */
	#load(): void {
		this.#query.runs(this.project).then(
			(runs) => {
				this.#take({ type: 'connection', isConnected: true });
				this.#merge(runs, []);
			},
			(error: unknown) => {
				this.#take({ type: 'connection', isConnected: false });
				if (!this.hasLoaded.peek()) this.error.value = error instanceof Error ? error.message : String(error);
				clearTimeout(this.#retry);
				if (this.#stop) this.#retry = setTimeout(() => this.#load(), 3000);
			},
		);
	}

	#take(event: LiveEvent): void {
		if (event.type === 'runs') {
			this.#take({ type: 'connection', isConnected: true });
			this.#merge(event.runs, event.deleted);
			return;
		}
		batch(() => {
			if (event.isConnected) {
				this.state.value = 'live';
				this.offlineSinceMs.value = undefined;
			} else if (this.state.peek() !== 'offline') {
				this.state.value = 'offline';
				this.offlineSinceMs.value = this.#now();
			}
		});
	}

	#merge(runs: readonly RunInfo[], deleted: readonly string[]): void {
		batch(() => {
			let isNewList = false;
			for (const id of deleted) isNewList = this.#runs.delete(id) || isNewList;
			for (const run of runs) {
				const known = this.#runs.get(run.id);
				if (known) known.value = run;
				else {
					this.#runs.set(run.id, signal(run));
					isNewList = true;
				}
			}
			if (isNewList) {
				this.ids.value = [...this.#runs.values()]
					.map((run) => run.peek())
					.sort((a, b) => b.createdMs - a.createdMs || (a.id < b.id ? 1 : -1))
					.map((run) => run.id);
			}
			this.hasLoaded.value = true;
			this.error.value = undefined;
			this.epoch.value++;
		});
	}
}
