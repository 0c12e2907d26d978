import type { LineObject, LineValue } from './json-line.ts';

export const SUMMARIES = ['min', 'max', 'mean', 'last', 'first', 'none'] as const;
export type Summary = (typeof SUMMARIES)[number];

/** How a metric, or all whose names begin alike, is to be read: `run.defineMetric('val/*', { step: 'epoch', summary: 'max' })`. */
export interface MetricDefinition {
	/** Dotted key; a `*` as the last character stands for any ending. */
	name: string;
	/** Metric that this one is drawn against, instead of the run's step. */
	step?: string;
	/** Whether a row that lacks the step metric takes its last known value. True by default when `step` is given. */
	stepSync?: boolean;
	/** What the run's summary keeps; the value at the greatest step when left out. */
	summary?: Summary[];
	goal?: 'minimize' | 'maximize';
	/** Not drawn by itself. */
	hidden?: boolean;
	/** Replaces what was defined before; otherwise only the members given here change. */
	overwrite?: boolean;
}

/** Definitions by name, each as the calls so far have made it. */
export function addDefinition(known: readonly MetricDefinition[], { overwrite, ...added }: MetricDefinition): MetricDefinition[] {
	const at = known.findIndex(({ name }) => name === added.name);
	if (at === -1) return [...known, added];
	return known.with(at, overwrite ? added : { ...known[at], ...added });
}

/** The definition that counts for a key: its own, else the glob with the longest beginning. Keys that begin with `_` fit no glob. */
export function definitionOf(definitions: readonly MetricDefinition[], key: string): MetricDefinition | undefined {
	let best: MetricDefinition | undefined;
	for (const definition of definitions) {
		const { name } = definition;
		if (name === key) return definition;
		if (name.endsWith('*') && !key.startsWith('_') && key.startsWith(name.slice(0, -1)) && name.length > (best?.name.length ?? 0)) best = definition;
	}
	return best;
}

/** W&B's numbers of the summary flags (wandb 0.30, MetricRecord in wandb_internal.proto: `best` is 4 and `copy` is 7). */
const SUMMARY_FLAGS: Record<Summary, number> = { min: 1, max: 2, mean: 3, last: 5, none: 6, first: 8 };
const GOALS = { minimize: 1, maximize: 2 };

/**
 * The list `m` of a run's config as W&B's client 0.30 writes it: objects keyed by field number, with step metrics named by their
 * 1-based place in the list. `keys` are the metrics logged so far: a server without EXPAND_DEFINED_METRIC_GLOBS wants a definition for each that
 * fits a glob, and gets no globs; when left out, globs are written.
 */
export function encodeDefinitions(definitions: readonly MetricDefinition[], keys?: readonly string[]): LineObject[] {
	const concrete = keys === undefined ? [...definitions] : definitions.filter(({ name }) => !name.endsWith('*'));
	for (const key of keys ?? []) {
		const definition = definitionOf(definitions, key);
		if (definition && definition.name !== key) concrete.push({ ...definition, name: key });
	}
	const explicit = new Set(definitions.map(({ name }) => name));
	const places = new Map(concrete.map(({ name }, i) => [name, i + 1]));
	for (const { step } of [...concrete]) if (step !== undefined && !places.has(step)) places.set(step, concrete.push({ name: step }));
	return concrete.map(({ name, step, stepSync = step !== undefined, summary = [], goal, hidden }) => {
		const isGlob = name.endsWith('*');
		const item: LineObject = { [isGlob ? 2 : 1]: name };
		if (step !== undefined) item[5] = places.get(step) as number;
		item[6] = [...(stepSync ? [1] : []), ...(hidden ? [2] : []), ...(!isGlob && explicit.has(name) ? [3] : [])];
		item[7] = [...new Set(summary.map((one) => SUMMARY_FLAGS[one]))].sort((a, b) => a - b);
		if (goal) item[8] = GOALS[goal];
		return item;
	});
}

/** The inverse, for what official clients send. Flags that we have no use for (`best`, `copy`) are left out. */
export function decodeDefinitions(list: LineValue | undefined): MetricDefinition[] {
	const items = Array.isArray(list)
		? list.filter((item): item is LineObject => typeof item === 'object' && item !== null && !Array.isArray(item))
		: [];
	const nameOf = (item: LineObject | undefined) => (typeof item?.[1] === 'string' ? item[1] : typeof item?.[2] === 'string' ? item[2] : undefined);
	const has = (flags: LineValue | undefined, flag: number) => Array.isArray(flags) && flags.includes(flag);
	return items.flatMap((item) => {
		const name = nameOf(item);
		if (name === undefined) return [];
		const step = typeof item[4] === 'string' ? item[4] : nameOf(items[Number(item[5] ?? 0) - 1]);
		const summary = SUMMARIES.filter((one) => has(item[7], SUMMARY_FLAGS[one]));
		const definition: MetricDefinition = { name };
		if (step !== undefined) Object.assign(definition, { step, stepSync: has(item[6], 1) });
		if (summary.length > 0) definition.summary = summary;
		if (has(item[6], 2)) definition.hidden = true;
		if (item[8] === 1 || item[8] === 2) definition.goal = item[8] === 1 ? 'minimize' : 'maximize';
		return [definition];
	});
}
