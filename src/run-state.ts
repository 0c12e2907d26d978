import { randomName } from './core/random-name.ts';
import { nextStepOf, type Refusal, type RunState, type Store, type WriterState } from './core/store.ts';
import type { Clock } from './platform/clock.ts';
import type { RunSpec } from './transport/messages.ts';

/** A run that is begun on this device. Under another key than the id that was asked for, it is one that must not be sent under that id. */
export function newRun(spec: RunSpec, id: string, { nowMs, random }: Clock): RunState {
	return {
		id,
		sentAs: spec.sentAs,
		project: spec.project,
		entity: spec.entity,
		server: spec.server,
		createdMs: nowMs(),
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

/**
 * Says where writers begin, as far as this device knows: each after all that the ones before it have stored, the first at 0 or after the step that the run continues
 * from. Stays open for a run that the server may have rows of: it is asked at first contact. (A process may have ended before its writer was told.)
 */
export async function settleBases(store: Store, run: RunState): Promise<WriterState[]> {
	const mayBeThere = run.server !== undefined && run.isIdGiven && run.resume !== 'never' && !run.contact;
	let base: number | undefined = run.branch ? run.branch.step + 1 : mayBeThere ? undefined : 0;
	let runtimeBaseS = 0;
	const settled: WriterState[] = [];
	for (const known of await store.writers(run.id)) {
		let state = known;
		if (state.base === undefined && base !== undefined) {
			const here = { base, runtimeBaseS };
			state = await store.updateWriter(run.id, state.writer, (now) =>
				(now ?? known).base === undefined ? { ...(now ?? known), ...here } : (now ?? known),
			);
		}
		const next = nextStepOf(state);
		// What the server numbers says nothing of the steps of others.
		if (state.base !== null) base = next === undefined ? undefined : Math.max(base ?? 0, next);
		runtimeBaseS = Math.max(runtimeBaseS, state.runtimeBaseS + state.next.runtimeS);
		settled.push(state);
	}
	return settled;
}
