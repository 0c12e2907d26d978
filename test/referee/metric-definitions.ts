import { isObject, type JsonValue } from './json-reader.ts';
import { refuse } from './violation.ts';

/** Field numbers of one definition (wandb 0.30, wandb/proto/wandb_internal.proto, MetricRecord). */
const NAME = '1';
const GLOB_NAME = '2';
const STEP_NAME = '4';
const STEP_INDEX = '5';
const OPTIONS = '6';
const SUMMARY = '7';
const GOAL = '8';

/** Judges config `_wandb.value.m`: the metric definitions (wandb 0.30, core/internal/runmetric). */
export function judgeMetricDefinitions(definitions: JsonValue, mayHaveGlobs: boolean): void {
	if (!Array.isArray(definitions)) refuse('is no list');
	const names = new Set<string>();
	for (const [index, definition] of definitions.entries()) {
		const at = `element ${index + 1}`;
		if (!isObject(definition)) refuse(`${at} is no object`);
		const { [NAME]: name, [GLOB_NAME]: glob } = definition;
		if ((name === undefined) === (glob === undefined)) refuse(`${at} needs either "1" (name) or "2" (glob name)`);
		const key = name ?? glob;
		if (typeof key !== 'string' || key === '') refuse(`${at} has a name that is no text`);
		if (name !== undefined && key.includes('*')) refuse(`${at} has the name ${key}: a glob is spelled out, or goes into "2"`);
		if (glob !== undefined && !mayHaveGlobs) refuse(`${at} has a glob name, which this server did not offer (EXPAND_DEFINED_METRIC_GLOBS)`);
		if (glob !== undefined && !/^[^*]*\*$/.test(key)) refuse(`${at} has the glob ${key}; the * is the last character and the only one`);
		if (names.has(key)) refuse(`${at} defines ${key} a second time`);
		names.add(key);
		for (const [field, value] of Object.entries(definition)) judgeField(at, field, value, definitions);
	}
}

function judgeField(at: string, field: string, value: JsonValue, definitions: readonly JsonValue[]): void {
	switch (field) {
		case NAME:
		case GLOB_NAME:
			return;
		case STEP_NAME:
			if (typeof value !== 'string') refuse(`${at} has "4" (step metric name) that is no text`);
			return;
		case STEP_INDEX: {
			const target = typeof value === 'number' && Number.isInteger(value) ? definitions[value - 1] : undefined;
			if (target === undefined) refuse(`${at} has "5" (step metric) ${String(value)}, which is no index from 1 to ${definitions.length}`);
			if (!isObject(target) || !(NAME in target)) refuse(`${at} has "5" (step metric) ${String(value)}, where there is no metric with a name`);
			return;
		}
		case OPTIONS:
			judgeFlags(`${at} has "6" (options)`, value, 3);
			return;
		case SUMMARY:
			judgeFlags(`${at} has "7" (summary)`, value, 8);
			return;
		case GOAL:
			if (value !== 1 && value !== 2) refuse(`${at} has "8" (goal) ${String(value)}, which is neither 1 nor 2`);
			return;
		default:
			refuse(`${at} has the unknown field ${JSON.stringify(field)}`);
	}
}

/** A message of booleans only is written as the sorted list of those that are true (wandb 0.30, core/internal/corelib). */
function judgeFlags(what: string, value: JsonValue, last: number): void {
	if (!Array.isArray(value)) refuse(`${what} that is no list of numbers`);
	for (const [index, flag] of value.entries()) {
		if (typeof flag !== 'number' || !Number.isInteger(flag) || flag < 1 || flag > last) refuse(`${what} with ${String(flag)}, not from 1 to ${last}`);
		if (index > 0 && flag <= (value[index - 1] as number)) refuse(`${what} not sorted, or with a number twice`);
	}
}
