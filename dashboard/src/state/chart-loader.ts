import { effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { ChartRequest, Query, RunInfo, Series } from '../../../src/core/query.ts';
import type { XAxis } from './view.ts';

/** The series of one metric, kept up to date while somebody looks. */
export interface Feed {
	readonly key: string;
	readonly series: ReadonlySignal<ReadonlyMap<string, Series>>;
	/** Whether any answer has come since the feed was opened or x changed. */
	readonly hasAnswer: ReadonlySignal<boolean>;
	readonly error: ReadonlySignal<string | undefined>;
	/** Greatest step of each run when its series was asked for: charts of one run end at the same place, whatever they hold. */
	readonly lastSteps: ReadonlyMap<string, number>;
	/** Asks again after an error. */
	retry(): void;
	close(): void;
}

export interface LoaderSource {
	/** Runs whose lines are drawn. */
	runs: ReadonlySignal<readonly RunInfo[]>;
	x: ReadonlySignal<XAxis>;
	zoom: ReadonlySignal<readonly [number, number] | undefined>;
	isOnline: ReadonlySignal<boolean>;
}

interface OpenFeed extends Feed {
	readonly series: Signal<ReadonlyMap<string, Series>>;
	readonly hasAnswer: Signal<boolean>;
	readonly error: Signal<string | undefined>;
	readonly buckets: number;
	readonly lastSteps: Map<string, number>;
	/** What each run's series was when it was asked for. */
	readonly versions: Map<string, string>;
}

/** Least time between two live updates. */
const LIVE_MS = 500;
const RETRY_MS = 4000;
/** Keys in one request: several small answers draw sooner than one large one. */
const KEYS_A_REQUEST = 6;

/**
 * Fetches what charts on screen need, and only that: of each open feed the runs that have changed since it was last answered. Feeds
 * that lack the same runs share a request. One round is in flight at a time; live rounds are at least 500 ms apart, and none is made
 * while the tab is hidden.
 */
export class ChartLoader {
	readonly #query: Query;
	readonly #project: string;
	readonly #source: LoaderSource;
	readonly #feeds = new Set<OpenFeed>();
	readonly #stopEffect: () => void;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#dueAt = Infinity;
	#lastRoundAt = -Infinity;
	#isBusy = false;
	#isStopped = false;
	#shownIds = '';

	constructor(query: Query, project: string, source: LoaderSource) {
		this.#query = query;
		this.#project = project;
		this.#source = source;
		this.#stopEffect = effect(() => this.#onChange());
		document.addEventListener('visibilitychange', this.#onVisible);
	}

	/** Opens a feed; its first answer is asked for in this turn of the loop. */
	open(key: string, buckets: number): Feed {
		const feed: OpenFeed = {
			key,
			buckets,
			series: signal<ReadonlyMap<string, Series>>(new Map()),
			hasAnswer: signal(false),
			error: signal<string | undefined>(undefined),
			lastSteps: new Map(),
			versions: new Map(),
			retry: () => {
				feed.error.value = undefined;
				feed.versions.clear();
				this.#schedule(0);
			},
			close: () => {
				this.#feeds.delete(feed);
			},
		};
		this.#feeds.add(feed);
		this.#schedule(0);
		return feed;
	}

	stop(): void {
		this.#isStopped = true;
		this.#stopEffect();
		clearTimeout(this.#timer);
		document.removeEventListener('visibilitychange', this.#onVisible);
	}

	readonly #onVisible = (): void => {
		if (!document.hidden) this.#schedule(0);
	};

	/** A line that was switched on, another x or another range is waited for by a person; new points are not. */
	#onChange(): void {
		const { runs, x, zoom, isOnline } = this.#source;
		const shown = `${runs.value.map((run) => run.id).join()}|${x.value}|${zoom.value?.join()}|${isOnline.value}`;
		const isAsked = shown !== this.#shownIds;
		this.#shownIds = shown;
		this.#schedule(isAsked ? 0 : Math.max(0, this.#lastRoundAt + LIVE_MS - performance.now()));
	}

	#schedule(delayMs: number): void {
		if (this.#isStopped) return;
		const due = performance.now() + delayMs;
		if (this.#timer !== undefined && this.#dueAt <= due) return;
		clearTimeout(this.#timer);
		this.#dueAt = due;
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			this.#dueAt = Infinity;
			void this.#round();
		}, delayMs);
	}

	#version(run: RunInfo): string {
		const { x, zoom } = this.#source;
		return `${run.records}|${x.peek()}|${zoom.peek()?.join() ?? ''}`;
	}

	async #round(): Promise<void> {
		if (this.#isBusy || document.hidden || !this.#source.isOnline.peek()) return;
		const requests = this.#requests();
		if (requests.length === 0) return;
		this.#isBusy = true;
		this.#lastRoundAt = performance.now();
		const results = await Promise.all(requests.map((request) => this.#send(request)));
		this.#isBusy = false;
		if (results.includes(false)) this.#schedule(RETRY_MS);
		else this.#onChange();
	}

	#requests(): { feeds: OpenFeed[]; runs: RunInfo[] }[] {
		const groups = new Map<string, { feeds: OpenFeed[]; runs: RunInfo[] }>();
		const shown = this.#source.runs.peek();
		for (const feed of this.#feeds) {
			const stale = shown.filter((run) => feed.versions.get(run.id) !== this.#version(run));
			if (stale.length === 0) {
				if (!feed.hasAnswer.peek()) feed.hasAnswer.value = true;
				continue;
			}
			const signature = `${feed.buckets}|${stale.map((run) => run.id).join()}`;
			const group = groups.get(signature);
			if (group && group.feeds.length < KEYS_A_REQUEST) group.feeds.push(feed);
			else groups.set(group ? `${signature}|${groups.size}` : signature, { feeds: [feed], runs: stale });
		}
		return [...groups.values()];
	}

	/** Whether it was answered. */
	async #send({ feeds, runs }: { feeds: OpenFeed[]; runs: RunInfo[] }): Promise<boolean> {
		const x = this.#source.x.peek();
		const zoom = this.#source.zoom.peek();
		const versions = runs.map((run) => [run.id, this.#version(run), run.lastStep] as const);
		const request: ChartRequest = {
			project: this.#project,
			runIds: runs.map((run) => run.id),
			keys: feeds.map((feed) => feed.key),
			x,
			buckets: feeds[0]?.buckets ?? 400,
		};
		if (zoom) {
			// A little more than is shown, so that lines run out of the picture instead of ending at its edge.
			const margin = (zoom[1] - zoom[0]) * 0.1;
			request.range = [zoom[0] - margin, zoom[1] + margin];
		}
		let answer: Series[];
		try {
			answer = await this.#query.chart(request);
		} catch (error) {
			for (const feed of feeds) feed.error.value = error instanceof Error ? error.message : String(error);
			return false;
		}
		// The person has gone on to another x meanwhile: these values have no place on it.
		if (x !== this.#source.x.peek()) return true;
		for (const feed of feeds) {
			const next = new Map(feed.series.peek());
			// Series of another x have no place beside these ones.
			for (const id of next.keys()) if (!feed.versions.get(id)?.includes(`|${x}|`)) next.delete(id);
			for (const [id, version, lastStep] of versions) {
				next.delete(id);
				feed.versions.set(id, version);
				feed.lastSteps.set(id, lastStep);
			}
			for (const one of answer) if (one.key === feed.key) next.set(one.runId, one);
			feed.error.value = undefined;
			feed.series.value = next;
			feed.hasAnswer.value = true;
		}
		return true;
	}
}
