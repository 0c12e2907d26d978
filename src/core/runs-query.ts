import type { LineValue } from './json-line.ts';
import type { RunInfo } from './query.ts';

/**
 * What to look for among the runs of a project. A key is `config.` or `summary.` and a dotted name (`config.optimizer.lr`), or one of
 * {@link RUN_FIELDS}. Lists and objects count as their JSON text; of any text, the first 1,000 characters are looked at.
 */
export interface RunsQuery {
	filter?: RunFilter;
	/** Words that must all stand in the id, name, tags or notes of a run, whatever their case (of ASCII letters). */
	search?: string;
	/** The first decides; runs without a value come last either way. The newest first when left out and between equals. */
	sort?: readonly RunSort[];
	/** Runs or groups in the answer, 1 … 1,000; 50 by default. */
	limit?: number;
	/** `next` of the answer before, to the same query. */
	cursor?: string;
}

/**
 * Numbers compare with numbers and text with text: a number is never less or more than a text. `!=` is true of a run that lacks the key;
 * `= null` finds those. On `tags` a comparison is true when it is true of one tag, and `!=` when no tag is equal.
 * `contains` ignores case (of ASCII letters). `regex` is JavaScript's, finds anywhere, and knows `(?i:…)`.
 */
export type RunFilter = { and: readonly RunFilter[] } | { or: readonly RunFilter[] } | RunComparison;

export interface RunComparison {
	key: string;
	op: '=' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'contains' | 'regex';
	/** A list for `in`, text for `contains` and `regex`. */
	value: RunValue | readonly RunValue[];
}

export type RunValue = number | string | boolean | null;

export interface RunSort {
	key: string;
	isDescending?: boolean;
}

export interface RunsPage {
	runs: FoundRun[];
	/** How many runs the filter and search leave. */
	total: number;
	/** Missing on the last page. */
	next?: string;
}

export interface FoundRun extends RunInfo {
	/** As logged, nested. */
	config: Record<string, LineValue>;
}

/** The same search, told by group. `sort` takes names of `by`, of `aggregates` (`mean(summary.loss)`) and `runs`; most runs first when left out. */
export interface RunGroupsQuery extends RunsQuery {
	/** 1 … 8 keys. */
	by: readonly string[];
	aggregates?: readonly RunAggregate[];
}

/** `count`: runs that have the key. `min`, `max`, `mean`: of finite numbers. `last`: of the newest run that has it. */
export interface RunAggregate {
	key: string;
	fn: 'count' | 'min' | 'max' | 'mean' | 'last';
}

export interface RunGroupsPage {
	groups: RunGroup[];
	/** How many groups there are. */
	total: number;
	next?: string;
}

export interface RunGroup {
	/** In the order of `by`; `null` where the runs lack the key. Booleans come as text. */
	values: (number | string | null)[];
	runs: number;
	/** In the order of `aggregates`; `null` where no run has such a value. */
	aggregates: (number | string | null)[];
}

/** What can be asked of every run besides config and summary. `…Ms`: milliseconds since the epoch. */
export const RUN_FIELDS = [
	'id',
	'name',
	'state',
	'group',
	'jobType',
	'host',
	'program',
	'commit',
	'sweep',
	'notes',
	'tags',
	'createdMs',
	'heartbeatMs',
	'finishedMs',
	'exitCode',
] as const;
