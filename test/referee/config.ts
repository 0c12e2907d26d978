import { isObject, type JsonObject, readObject } from './json-reader.ts';
import { judgeMetricDefinitions } from './metric-definitions.ts';
import { quote, refuse, Violation } from './violation.ts';

export interface RunConfig {
	/** As it was sent. */
	text: string;
	/** What users gave, without the wrapping. */
	values: JsonObject;
	/** `_wandb.value`. */
	wandb: JsonObject;
}

export interface BranchPoint {
	runId: string;
	step: number;
}

export const NO_CONFIG: RunConfig = { text: '{}', values: {}, wandb: {} };

/** Judges a whole config, as each upsert that has one must send it (wandb 0.30, core/internal/runconfig). */
export function judgeConfig(text: string, rules: { mayHaveGlobs: boolean }): RunConfig {
	try {
		const { value: wrapped } = readObject(text, { bareNumbers: false });
		const values: JsonObject = {};
		for (const [key, entry] of Object.entries(wrapped)) {
			if (!isObject(entry) || !('value' in entry)) refuse(`has ${JSON.stringify(key)} without {"value": …} around it`);
			// The public API writes a description beside the value.
			for (const member of Object.keys(entry))
				if (member !== 'value' && member !== 'desc') refuse(`has ${JSON.stringify(key)} with the unknown member ${JSON.stringify(member)}`);
			Object.defineProperty(values, key, { value: entry.value, enumerable: true, configurable: true, writable: true });
		}
		const { _wandb: wandb, ...own } = values;
		// Each config replaces the last, so that one without it would make the run look as if it had never started.
		if (!isObject(wandb) || !isObject(wandb.t)) refuse('has no object under _wandb.value.t, so that nobody can resume the run');
		judgeWandb(wandb, rules.mayHaveGlobs);
		return { text, values: own, wandb };
	} catch (error) {
		if (error instanceof Violation) refuse(`config ${error.message}: ${quote(text)}`);
		throw error;
	}
}

function judgeWandb(wandb: JsonObject, mayHaveGlobs: boolean): void {
	for (const key of Object.keys(wandb.t as JsonObject))
		if (!/^[1-9]\d*$/.test(key)) refuse(`has ${JSON.stringify(key)} in _wandb.value.t, which is no field number`);
	if ('cli_version' in wandb && typeof wandb.cli_version !== 'string') refuse('has a _wandb.value.cli_version that is no string');
	if ('m' in wandb) {
		try {
			judgeMetricDefinitions(wandb.m ?? null, mayHaveGlobs);
		} catch (error) {
			if (error instanceof Violation) refuse(`has a malformed _wandb.value.m: ${error.message}`);
			throw error;
		}
	}
	branchPointOf(wandb);
}

/** Where a fork leaves its parent (wandb 0.30, core/internal/runbranch). */
export function branchPointOf(wandb: JsonObject): BranchPoint | undefined {
	if (!('branch_point' in wandb)) return undefined;
	const point = wandb.branch_point;
	if (isObject(point) && typeof point.run_id === 'string' && typeof point.step === 'number' && Number.isInteger(point.step) && point.step >= 0)
		return { runId: point.run_id, step: point.step };
	refuse('has a _wandb.value.branch_point that is not {"run_id": text, "step": whole number}');
}
