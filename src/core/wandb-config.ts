import { mapNumbers, ROW_STEP } from './assembler.ts';
import type { LineObject, LineValue } from './json-line.ts';
import { foldEdits } from './meta.ts';
import { addDefinition, definitionOf, encodeDefinitions } from './metrics.ts';
import type { BranchPoint, RunState } from './store.ts';

export interface WandbConfigParts {
	/** Metrics logged so far, and those of them that went out under another `_step` than their own (assembler.ts). */
	keys?: readonly string[];
	lateKeys?: readonly string[];
	takesGlobs: boolean;
	/** Writers of the run, by which this device knows it again. */
	writers: readonly string[];
	/** Of this library. */
	version: string;
	platform: string;
	branch?: BranchPoint | undefined;
	/** Config that the server had already, unwrapped: each config replaces the last there, so what is not sent again is gone. */
	base?: LineObject | undefined;
}

/**
 * The config of a run as W&B's client sends it (wandb 0.30, core/internal/runconfig): each key wrapped, and what the client says of itself under `_wandb`. `t` is
 * telemetry by field number (wandb_telemetry.proto: 5 version, 13 platform), without which nobody can resume the run. JSON has no NaN and no
 * infinities; they become null.
 */
export function wandbConfig(
	run: Pick<RunState, 'config' | 'metrics'>,
	{ keys = [], lateKeys = [], takesGlobs, writers, version, platform, branch, base }: WandbConfigParts,
): LineObject {
	const config = mapNumbers(foldEdits(run.config, base), (number) => (Number.isFinite(number) ? number : null));
	for (const key of Object.keys(config)) config[key] = { value: config[key] as LineValue };

	const definitions = new Map(addDefinition(run.metrics, { name: ROW_STEP, hidden: true }).map((definition) => [definition.name, definition]));
	for (const name of lateKeys) {
		const known = definitionOf(run.metrics, name);
		if (known?.step === undefined) definitions.set(name, { ...known, name, step: ROW_STEP });
	}
	const others = takesGlobs ? undefined : keys.filter((key) => !definitions.has(key));

	const value: LineObject = {
		...(config._wandb as { value?: LineObject } | undefined)?.value,
		t: { 5: version, 13: platform },
		m: encodeDefinitions([...definitions.values()], others),
		e: Object.fromEntries(writers.map((writer) => [writer, {}])),
		cli_version: version,
	};
	if (branch) value.branch_point = { run_id: branch.run, step: branch.step };
	config._wandb = { value };
	return config;
}
