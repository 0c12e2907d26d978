import { randomName } from './core/random-name.ts';
import type { Refusal, RunState, WriterState } from './core/store.ts';
import type { Clock } from './platform/clock.ts';
import { randomId } from './platform/ids.ts';
import type { RunSpec } from './transport/messages.ts';

/** A run that is begun on this device. Under another key than the id that was asked for, it is one that must not be sent under that id. */
export function newRun(spec: RunSpec, id: string, { nowMs, random }: Clock, runKey = randomId(32)): RunState {
	return {
		id,
		sentAs: spec.sentAs,
		project: spec.project,
		entity: spec.entity,
		server: spec.server,
		createdMs: nowMs(),
		runKey,
		folded: {},
		name: randomName(random),
		config: [],
		summary: [],
		metrics: [],
		isFinished: false,
		exitCode: 0,
		resume: spec.resume,
		isIdGiven: spec.isIdGiven,
		branch: spec.branch,
		refusal: id === spec.sentAs ? undefined : isTaken(spec.sentAs),
		isFinishSent: false,
	};
}

function isTaken(id: string): Refusal {
	return {
		code: 'run-exists',
		reason: `This device has a run "${id}" already, and resume is "never": the new one is kept apart from it, under another id, and is not sent. Send it with run.sendAs(id), or init() with resume: "allow" to go on with that run.`,
	};
}

/** A writer that has stored nothing, and of which nobody has said yet where it begins. */
export function newWriter(run: string, writer: string, startedMs: number): WriterState {
	return {
		run,
		writer,
		startedMs,
		base: undefined,
		runtimeBaseS: 0,
		next: { relative: 0, least: 0, runtimeS: 0 },
		stored: {},
		bytes: 0,
		acknowledged: {},
		hashes: {},
		isVerified: undefined,
	};
}
