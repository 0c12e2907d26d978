import type { LineValue } from './json-line.ts';
import type { MetricDefinition } from './metrics.ts';

/**
 * Everything a dashboard asks for. One implementation asks a server over HTTP, another reads the local store; a dashboard cannot
 * tell them apart. Moments are milliseconds since the epoch.
 */
export interface Query {
	/** Projects, newest activity first. */
	projects(signal?: AbortSignal): Promise<ProjectInfo[]>;
	/** Runs of a project, newest first. */
	runs(project: string, signal?: AbortSignal): Promise<RunInfo[]>;
	/** One run with config and summary, or `undefined` when there is none. */
	run(project: string, runId: string, signal?: AbortSignal): Promise<RunDetail | undefined>;
	/** Metrics of the given runs (all runs of the project when left out), by name. */
	metrics(project: string, runIds?: readonly string[], signal?: AbortSignal): Promise<MetricInfo[]>;
	/** One series for each run and key that has points; the others are left out. */
	chart(request: ChartRequest, signal?: AbortSignal): Promise<Series[]>;
	/** Steps at which a media key has a value, ascending. */
	media(project: string, runId: string, key: string, signal?: AbortSignal): Promise<MediaPoint[]>;
	/** Where a file of a run can be loaded from (an `<img src>`). */
	fileUrl(project: string, runId: string, path: string): string;
	/** Calls back after each change in the project, changes of at least 100 ms joined. Returns what ends it. */
	subscribe(project: string, listener: (event: LiveEvent) => void): () => void;
}

export interface ProjectInfo {
	name: string;
	runs: number;
	running: number;
	createdMs: number;
	updatedMs: number;
}

/** Computed by the reader's side: `crashed` = said nothing for five minutes without having finished. */
export type RunState = 'running' | 'finished' | 'failed' | 'crashed';

export interface RunInfo {
	id: string;
	name: string;
	project: string;
	state: RunState;
	/** Place in the run palette, 0 … ; given by the server when the run is made and kept for life. */
	colour: number;
	createdMs: number;
	/** Last sign of life. */
	heartbeatMs: number;
	finishedMs?: number;
	exitCode?: number;
	group?: string;
	jobType?: string;
	tags: string[];
	notes: string;
	host?: string;
	/** Greatest step, −1 before the first record. */
	lastStep: number;
	/** History records that the server holds. */
	records: number;
	/** History records that its writers have stored on their devices, as far as they have told: `stored − records` wait there. */
	stored: number;
	/** Numbers of the summary, for sorting and for the run list. */
	summary: Record<string, LineValue>;
}

export interface RunDetail extends RunInfo {
	/** Config as logged, unwrapped of W&B's `{value}`; `_wandb` left out. */
	config: Record<string, LineValue>;
	/** Files that the server has, and files that rows name and that have not arrived. */
	files: FileInfo[];
	/** Records whose value a later record on the same step and key hides. */
	hiddenPoints: number;
	/** How metrics are to be read, as they were defined. */
	metrics: MetricDefinition[];
	/** Oldest first. */
	alerts: AlertInfo[];
	/** Generation: how often the run was rewound. */
	gen: number;
}

export interface AlertInfo {
	title: string;
	text: string;
	level: 'info' | 'warn' | 'error';
	timeMs: number;
}

export interface FileInfo {
	path: string;
	sizeBytes: number;
	/** Missing while the bytes are still on the device that logged them. */
	uploadedMs?: number;
}

export interface MetricInfo {
	key: string;
	/** `number`: has a chart. `media`: objects with `_type`; `type` names the first seen. `other`: text, booleans, lists. */
	kind: 'number' | 'media' | 'other';
	type?: string;
	/** How many of the runs asked for have it. */
	runs: number;
}

export interface ChartRequest {
	project: string;
	runIds: readonly string[];
	keys: readonly string[];
	/**
	 * `step` by default; `runtime` in seconds since the run began; `time` in milliseconds since the epoch; any other name is a metric: a point lies at the
	 * finite value that the metric has on the point's step, and a point on a step without one is left out.
	 */
	x?: string;
	/** Inclusive range of x; all by default. */
	range?: readonly [number, number];
	/** Most buckets a series, 10 … 10,000; 1,000 by default. A series with fewer points comes point by point. */
	buckets?: number;
}

/**
 * A series cut into buckets of equal width in x. All arrays are of one length, ordered by x; empty buckets are left out.
 * Non-finite values are counted, and never part of `min`, `max`, `mean`; `first` and `last` are of the finite ones.
 * A bucket without a finite value has NaN in those five, and in `argMin` and `argMax`.
 */
export interface Series {
	runId: string;
	key: string;
	/** Points behind it, non-finite ones included. */
	points: number;
	/** x of the first, and of the last point in each bucket. */
	firstX: Float64Array;
	x: Float64Array;
	min: Float64Array;
	max: Float64Array;
	mean: Float64Array;
	first: Float64Array;
	last: Float64Array;
	/** x of the first of the smallest, and of the largest values. */
	argMin: Float64Array;
	argMax: Float64Array;
	/** Points in each bucket, and those of them that are not finite. */
	count: Uint32Array;
	nonFinite: Uint32Array;
	/** The first 100 values of the series that are not finite. */
	nonFiniteAt: { x: number; value: number }[];
}

export interface MediaPoint {
	step: number;
	timeMs: number;
	/** The object as logged, by W&B's shapes: `_type`, `path`, `sha256`, `size`, `caption` …, or a list form. */
	value: LineValue;
	/** Paths in the run that the value names, and whether the bytes are there. */
	files: { path: string; isUploaded: boolean }[];
}

export type LiveEvent =
	/** These runs changed; each comes whole. `records` may have grown: charts of these runs have new points. */
	| { type: 'runs'; runs: RunInfo[]; deleted: string[] }
	/** The connection to the source is up or down. */
	| { type: 'connection'; isConnected: boolean };
