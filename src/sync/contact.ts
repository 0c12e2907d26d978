import type { LineObject } from '../core/json-line.ts';
import type { FoundRun, Outcome, Remote, RemoteFeatures } from '../core/remote.ts';
import type { Refusal, RunState, ServerContact, Store, WriterState } from '../core/store.ts';
import { VERSION } from '../core/version.ts';
import type { RowsModule } from './sender.ts';
import { settleBases } from './settle-bases.ts';

/**
 * First contact of a run with its server, before anything is sent: is the run there, may it be, at which step do its new writers begin, does it
 * continue another. What comes of it is kept in the store, so that it is asked once.
 */
export async function makeContact(
	store: Store,
	remote: Remote,
	features: RemoteFeatures,
	/** For a W&B server. */
	rows: RowsModule | undefined,
	run: RunState,
	signal: AbortSignal,
): Promise<Outcome<ServerContact | Refusal>> {
	const writers = await store.writers(run.id);
	// A random id is nobody else's: most runs are spared the question.
	const mayBeThere = run.isIdGiven || run.resume !== 'never';
	const asked: Outcome<FoundRun | undefined> =
		run.branch?.kind === 'rewind'
			? await remote.rewind(run, run.branch.step, features, signal)
			: mayBeThere
				? await remote.find(run, features, signal)
				: { kind: 'accepted', answer: undefined };
	if (asked.kind !== 'accepted') return asked;
	const found = asked.answer;
	// A first answer that was lost made the run, and named this device's writers in it.
	const isOurs = found !== undefined && writers.some(({ writer }) => found.writers.includes(writer));
	const refusal = found && !isOurs && run.resume === 'never' ? exists(run) : !found && run.resume === 'must' ? missing(run) : undefined;
	if (refusal) return { kind: 'accepted', answer: refusal };

	const isNew = found === undefined || isOurs;
	// Our own server folds what is said about a run out of the records. To a W&B server the rows' sender sends it whole, before the first row.
	const change = {
		withInfo: isNew,
		...(isNew ? { config: firstConfig(run, writers) } : {}),
		...(found && !features.takesRecords ? { storageId: found.storageId } : {}),
	};
	const made = await remote.upsertRun(run, change, features, signal);
	if (made.kind !== 'accepted') return made;
	const { entity, project, url, serverId, gen, historyLines } = made.answer;

	const isShared = features.takesRecords && found?.isLive === true && !isOurs;
	const nextStep = run.branch ? run.branch.step + 1 : (found?.nextStep ?? 0);
	await settleBases(store, run, { base: isShared ? null : nextStep, runtimeBaseS: found?.runtimeS ?? 0 });
	const contact: ServerContact = { serverId, entity, project, gen: found?.gen ?? gen, url };
	const assembler = rows?.beginRows(found, nextStep, historyLines);
	await store.updateRun(run.id, (known) => ({ ...(known ?? run), contact, assembler }));
	return { kind: 'accepted', answer: contact };
}

/** What marks the run as begun, by whom, and where it came from. */
function firstConfig({ branch }: RunState, writers: readonly WriterState[]): LineObject {
	const value: LineObject = { t: { 5: VERSION }, e: Object.fromEntries(writers.map(({ writer }) => [writer, {}])), cli_version: VERSION };
	if (branch?.kind === 'fork') value.branch_point = { run_id: branch.run, step: branch.step };
	return { _wandb: { value } };
}

function exists(run: RunState): Refusal {
	return {
		code: 'run-exists',
		reason: `${run.server} has a run "${run.sentAs}" in ${run.project} already, and resume is "never": nothing was sent, the run stays on this device. Send it as another one with run.sendAs(id), or init() with resume: "allow" to go on with that run.`,
	};
}

function missing(run: RunState): Refusal {
	return {
		code: 'run-missing',
		reason: `${run.server} has no run "${run.sentAs}" in ${run.project}, and resume is "must": nothing was sent, the run stays on this device. Send it as a new one with run.sendAs(id).`,
	};
}
