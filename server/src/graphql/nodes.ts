import { type LineObject, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { CONSOLE_FILE, DEFAULT_ENTITY, EVENTS_FILE, HISTORY_FILE } from '../../../src/core/protocol.ts';
import type { Access } from '../access/access.ts';
import { requireRun } from '../access/guards.ts';
import { wandbValue } from '../config-edits.ts';
import type { ProjectRow, RunRow } from '../store/meta-store.ts';
import { stateAt } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';
import { projectArtifacts, runArtifacts } from './artifact-nodes.ts';
import { fileReads } from './file-reads.ts';
import { page } from './page.ts';
import { rowReads } from './row-reads.ts';
import { selectRuns } from './run-filter.ts';
import { eventsTail, historyTail } from './tails.ts';

/** What a request brings beside its document. */
export interface GraphqlContext {
	tracker: Tracker;
	/** Origin under which the client reached us: upload addresses begin with it. */
	origin: string;
	access: Access;
}

interface RunsArgs {
	filters?: string | null;
	order?: string | null;
	first?: number | null;
	after?: string | null;
}

/** The one person that the server knows. */
export const userNode = {
	id: 'local',
	name: 'local',
	username: DEFAULT_ENTITY,
	email: '',
	admin: true,
	flags: '{}',
	entity: DEFAULT_ENTITY,
	apiKeys: { edges: [] },
	teams: { edges: [{ node: entityNode(DEFAULT_ENTITY) }] },
};

export function entityNode(name: string) {
	return { id: name, name, isTeam: false };
}

export function projectNode(project: ProjectRow) {
	const nodeOf = (found: RunRow | undefined, { tracker, access }: GraphqlContext) => {
		if (!found) return null;
		// Who may not look around may ask for a run of their own.
		if (!access.mayRead) requireRun(access, tracker.meta, found);
		return runNode(found, tracker);
	};
	const run = ({ name }: { name: string }, context: GraphqlContext) => nodeOf(context.tracker.meta.run(project.entity, project.name, name), context);
	return {
		id: String(project.id),
		internalId: String(project.id),
		name: project.name,
		entityName: project.entity,
		entity: entityNode(project.entity),
		createdAt: new Date(project.createdMs).toISOString(),
		run,
		// Who says that the run may be missing means to make it then, which a deleted one forbids.
		bucket: (args: { name: string; missingOk?: boolean | null }, context: GraphqlContext) =>
			args.missingOk ? nodeOf(context.tracker.findRun(project.entity, project.name, args.name), context) : run(args, context),
		runs: ({ filters, order, ...place }: RunsArgs, { tracker }: GraphqlContext) =>
			page(
				selectRuns(tracker, tracker.meta.runs(project), filters, order),
				place,
				(row) => String(row.id),
				(row) => runNode(row, tracker),
			),
		runCount: ({ filters }: { filters?: string | null }, { tracker }: GraphqlContext) =>
			selectRuns(tracker, tracker.meta.runs(project), filters, null).length,
		...projectArtifacts(project),
		user: userNode,
		isBenchmark: false,
		readOnly: false,
		totalSweeps: 0,
		allViews: { pageInfo: { endCursor: null, hasNextPage: false }, edges: [] },
	};
}

export function runNode(run: RunRow, tracker: Tracker) {
	return {
		id: String(run.id),
		name: run.name,
		displayName: run.displayName,
		projectId: String(run.project.id),
		project: () => projectNode(run.project),
		description: run.description,
		notes: run.notes,
		tags: run.tags,
		group: run.group,
		groupName: run.group,
		jobType: run.jobType,
		sweepName: run.sweep,
		commit: run.commit,
		host: run.host,
		state: () => stateAt(run, tracker.nowMs()),
		exitcode: run.exitCode,
		stopped: run.isStopped,
		createdAt: new Date(run.createdMs).toISOString(),
		heartbeatAt: new Date(run.heartbeatMs).toISOString(),
		updatedAt: new Date(run.heartbeatMs).toISOString(),
		user: userNode,
		readOnly: false,
		shouldStop: run.isStopped,
		...rowReads(run, tracker),
		...fileReads(run, tracker),
		...runArtifacts(run, tracker),
		config: run.config,
		// An official client that resumes reads its own members back (`_wandb.runtime`), which the summary as readers see it leaves out.
		summaryMetrics: () => run.sentSummary ?? writeLine(tracker.summary(run)),
		wandbConfig: ({ keys }: { keys?: string[] | null }) => wandbConfig(run.config, keys),
		historyLineCount: () => tracker.history.lineCount(run, HISTORY_FILE),
		eventsLineCount: () => tracker.history.lineCount(run, EVENTS_FILE),
		logLineCount: () => tracker.history.lineCount(run, CONSOLE_FILE),
		historyTail: () => historyTail(run, tracker),
		eventsTail: () => eventsTail(run, tracker),
		tidelog: () => ({
			serverId: tracker.database.serverId,
			gen: run.gen,
			nextStep: tracker.history.counts(run).lastStep + 1,
			isLive: tracker.isLive(run),
			writers: tracker.history.writers(run).flatMap(({ name, hasLines }) => (name !== '' && hasLines ? [name] : [])),
		}),
	};
}

function wandbConfig(config: string, keys: string[] | null | undefined): string {
	const value = wandbValue(parseLine(config) as LineObject);
	return writeLine(keys ? Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key))) : value);
}
