import { nextStepOf, type RunState, type Store, type WriterState } from '../core/store.ts';

/**
 * Says where writers begin, as far as this device knows: each after all that the ones before it have stored, the first at 0, after the step that the run continues
 * from, or where the server says. Stays open for a run that the server may have rows of, or whose steps it has numbered: it is asked before more is sent. (A process
 * may have ended before its writer was told.)
 */
export async function settleBases(store: Store, run: RunState, told?: Pick<WriterState, 'base' | 'runtimeBaseS'>): Promise<WriterState[]> {
	const mayBeThere = run.server !== undefined && run.isIdGiven && run.resume !== 'never' && !run.contact;
	let base = told ? told.base : run.branch ? run.branch.step + 1 : mayBeThere ? undefined : 0;
	let runtimeBaseS = told?.runtimeBaseS ?? 0;
	const settled: WriterState[] = [];
	for (const known of await store.writers(run.id)) {
		const here = { base, runtimeBaseS };
		const state =
			known.base === undefined && base !== undefined
				? await store.updateWriter(run.id, known.writer, (now) =>
						(now ?? known).base === undefined ? { ...(now ?? known), ...here } : (now ?? known),
					)
				: known;
		const next = nextStepOf(state);
		if (state.base !== null) base = next === undefined ? undefined : base === null ? null : Math.max(base ?? 0, next);
		// Where the rows lie that the server has numbered, only it knows.
		else if (!told && run.server !== undefined) base = undefined;
		runtimeBaseS = Math.max(runtimeBaseS, state.runtimeBaseS + state.next.runtimeS);
		settled.push(state);
	}
	return settled;
}
