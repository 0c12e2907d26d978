import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { isInternalKey } from '../../../src/core/keys.ts';
import type { MetricInfo, Query, RunInfo } from '../../../src/core/query.ts';
import { replaceSearch, search } from '../router.ts';
import { ChartLoader } from './chart-loader.ts';
import { LiveProject } from './live-project.ts';
import { nameFilter, parseView, type RunOrder, type View, writeView } from './view.ts';

/** Runs drawn when nobody has chosen any: past this, lines hide each other more than they show. */
const SHOWN_AT_FIRST = 12;

/** A view and the charts that follow it; a workspace has one over many runs, a run's page one over one run. */
export class ViewState {
	readonly view: Signal<View>;
	/** Run under the pointer or chosen with the keys: its lines are thicker. */
	readonly focused = signal<string | undefined>(undefined);
	/** x under the pointer, in all charts of this view. */
	readonly crosshair = signal<{ x: number; source: string } | undefined>(undefined);
	/** Metrics whose panel takes the whole row. */
	readonly expanded = signal<ReadonlySet<string>>(new Set());
	readonly runs: ReadonlySignal<readonly RunInfo[]>;
	readonly loader: ChartLoader;

	constructor(query: Query, live: LiveProject, runs: (view: View) => readonly RunInfo[]) {
		this.view = signal(parseView(search.peek()));
		this.runs = computed(() => runs(this.view.value));
		this.loader = new ChartLoader(query, live.project, {
			runs: this.runs,
			x: computed(() => this.view.value.x),
			zoom: computed(() => this.view.value.zoom),
			isOnline: computed(() => live.state.value !== 'offline'),
		});
	}

	set(patch: Partial<View>): void {
		this.view.value = { ...this.view.peek(), ...patch };
	}

	/** Keeps the address and the view the same while the page is open. Returns what ends it. */
	attach(): () => void {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let written = writeView(this.view.peek());
		if (search.peek() === '') replaceSearch(written);
		const stopReading = effect(() => {
			const text = search.value;
			if (text === written) return;
			written = text;
			this.view.value = parseView(text);
		});
		const stopWriting = effect(() => {
			const text = writeView(this.view.value);
			clearTimeout(timer);
			// A slider moves many times a second, and browsers refuse that many new addresses.
			if (text !== written) {
				timer = setTimeout(() => {
					written = text;
					replaceSearch(text);
				}, 250);
			}
		});
		return () => {
			clearTimeout(timer);
			stopReading();
			stopWriting();
		};
	}

	stop(): void {
		this.loader.stop();
	}
}

/** Everything the pages of one project share, so that going from the workspace to a run and back loads nothing twice. */
export class ProjectState {
	readonly entity: string;
	readonly project: string;
	readonly query: Query;
	readonly live: LiveProject;
	readonly metrics = signal<readonly MetricInfo[] | undefined>(undefined);
	readonly metricsError = signal<string | undefined>(undefined);
	readonly workspace: ViewState;
	/** Ids in the order of the list. It is made anew when a person sorts or searches and when runs come, never by a new value. */
	readonly listed: ReadonlySignal<readonly string[]>;
	readonly #atFirst = new Set<string>();
	#hasFirst = false;
	readonly #stops: (() => void)[] = [];
	#metricsTimer: ReturnType<typeof setTimeout> | undefined;
	#knownKeys = new Set<string>();

	constructor(query: Query, entity: string, project: string) {
		this.query = query;
		this.entity = entity;
		this.project = project;
		this.live = new LiveProject(query, project);
		const filters = computed(() => this.workspace.view.value.runSearch);
		const ordering = computed(() => `${this.workspace.view.value.order}|${this.sortKey.value}`);
		this.workspace = new ViewState(query, this.live, (view) => {
			const matches = nameFilter(view.runSearch);
			return this.live.all().filter((run) => this.isShown(run.id, view) && matches(run.name));
		});
		this.listed = computed(() => {
			const matches = nameFilter(filters.value);
			const [order = 'new'] = ordering.value.split('|');
			const runs = this.live.ids.value.flatMap((id) => this.live.run(id)?.peek() ?? []).filter((run) => matches(run.name));
			return sortRuns(runs, order as RunOrder, this.sortKey.value).map((run) => run.id);
		});
	}

	/** Metric beside each run: the chosen one, else the one that says most about a run. */
	readonly sortKey: ReadonlySignal<string> = computed(() => this.workspace.view.value.metric || primaryMetric(this.metrics.value ?? []));

	start(): void {
		this.live.start();
		this.#stops.push(
			effect(() => {
				if (!this.live.hasLoaded.value) return;
				this.#chooseFirst();
			}),
			effect(() => {
				if (!this.live.hasLoaded.value || this.live.state.value === 'offline') return;
				const isNew = this.live.all().some((run) => Object.keys(run.summary).some((key) => !isInternalKey(key) && !this.#knownKeys.has(key)));
				if (isNew || !this.metrics.peek()) this.#loadMetrics();
			}),
		);
	}

	stop(): void {
		for (const stop of this.#stops.splice(0)) stop();
		clearTimeout(this.#metricsTimer);
		this.live.stop();
		this.workspace.stop();
	}

	isShown(id: string, view: View = this.workspace.view.value): boolean {
		if (view.hidden.includes(id)) return false;
		return view.shown.includes(id) || this.#isShownAtFirst(id);
	}

	setShown(id: string, isShown: boolean): void {
		const view = this.workspace.view.peek();
		const isDefault = this.#isShownAtFirst(id);
		this.workspace.set({
			hidden: isShown || !isDefault ? view.hidden.filter((other) => other !== id) : [...view.hidden, id],
			shown: !isShown || isDefault ? view.shown.filter((other) => other !== id) : [...view.shown, id],
		});
	}

	/** Shows or hides all runs in the list. */
	setAllShown(isShown: boolean): void {
		const ids = this.listed.peek();
		this.workspace.set({
			hidden: isShown ? [] : ids.filter((id) => this.#isShownAtFirst(id)),
			shown: isShown ? ids.filter((id) => !this.#isShownAtFirst(id)) : [],
		});
	}

	/** The newest runs when the page was opened, and every run that began since: a line never leaves by itself. */
	#chooseFirst(): void {
		const runs = this.live.all();
		if (!this.#hasFirst && runs.length > 0) {
			this.#hasFirst = true;
			for (const [i, run] of runs.entries()) if (i >= SHOWN_AT_FIRST && run.state !== 'running') this.#atFirst.add(run.id);
		}
	}

	/** `#atFirst` holds the runs that were left out, so that a run that comes later is shown. */
	#isShownAtFirst(id: string): boolean {
		this.#chooseFirst();
		return !this.#atFirst.has(id);
	}

	#loadMetrics(): void {
		clearTimeout(this.#metricsTimer);
		// New keys come in bursts, one call of log() after another.
		this.#metricsTimer = setTimeout(
			() => {
				this.query.metrics(this.project).then(
					(metrics) => {
						this.#knownKeys = new Set(metrics.map((metric) => metric.key));
						for (const run of this.live.all()) for (const key of Object.keys(run.summary)) this.#knownKeys.add(key);
						this.metrics.value = metrics.filter((metric) => !isInternalKey(metric.key));
						this.metricsError.value = undefined;
					},
					(error: unknown) => {
						this.metricsError.value = error instanceof Error ? error.message : String(error);
						this.#metricsTimer = setTimeout(() => this.#loadMetrics(), 4000);
					},
				);
			},
			this.metrics.peek() ? 400 : 0,
		);
	}
}

/** Validation before training, a score before a loss, else the first metric there is. */
export function primaryMetric(metrics: readonly MetricInfo[]): string {
	const keys = metrics.filter((metric) => metric.kind === 'number').map((metric) => metric.key);
	const find = (pattern: RegExp): string | undefined => keys.find((key) => pattern.test(key));
	return find(/^val.*(acc|dice|iou|f1|auc|score)/i) ?? find(/^val.*loss/i) ?? find(/(acc|dice|score)/i) ?? find(/loss/i) ?? keys[0] ?? '';
}

/** Runs without a value, or with one that is not finite, come last in either direction. */
export function sortRuns(runs: readonly RunInfo[], order: RunOrder, key: string): RunInfo[] {
	if (order === 'new') return [...runs];
	const sign = order === 'high' ? -1 : 1;
	const sortValue = (run: RunInfo): number | undefined => {
		const value = run.summary[key];
		return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
	};
	return [...runs].sort((a, b) => {
		const [x, y] = [sortValue(a), sortValue(b)];
		if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
		return sign * (x - y);
	});
}
