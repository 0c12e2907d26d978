import { type LineObject, parseLine, writeLine } from '../../../src/core/json-line.ts';
import { DEFAULT_ENTITY, EVENTS_FILE, FEATURE_GZIP, FEATURE_RECORDS, HISTORY_FILE } from '../../../src/core/protocol.ts';
import type { ProjectRow, RunRow } from '../store/meta-store.ts';
import { stateAt } from '../store/meta-store.ts';
import { RequestError, type Tracker } from '../tracker.ts';

/** What a request brings beside its document. */
export interface GraphqlContext {
	tracker: Tracker;
	/** Origin under which the client reached us: upload addresses begin with it. */
	origin: string;
}

interface UpsertBucketInput {
	id?: string | null;
	name?: string | null;
	groupName?: string | null;
	modelName?: string | null;
	entityName?: string | null;
	description?: string | null;
	displayName?: string | null;
	notes?: string | null;
	config?: string | null;
	commit?: string | null;
	host?: string | null;
	jobProgram?: string | null;
	jobRepo?: string | null;
	jobType?: string | null;
	state?: string | null;
	sweep?: string | null;
	tags?: string[] | null;
	summaryMetrics?: string | null;
	clientMutationId?: string | null;
}

/** Roots for graphql-js's default resolver: a field is a value, or a function of (args, context). */
export const roots = {
	viewer: () => ({
		id: 'local',
		name: 'local',
		username: DEFAULT_ENTITY,
		email: '',
		flags: '{}',
		entity: DEFAULT_ENTITY,
		teams: { edges: [{ node: entityNode(DEFAULT_ENTITY) }] },
	}),
	serverInfo: () => ({
		// Clients before 0.30 compare media features with this version; null breaks them.
		cliVersionInfo: { max_cli_version: '0.99.0' },
		latestLocalVersionInfo: null,
		features: [FEATURE_RECORDS, FEATURE_GZIP].map((name) => ({ name, isEnabled: true })),
	}),
	project: projectNamed,
	model: projectNamed,
	models: ({ entityName }: { entityName?: string | null }, { tracker }: GraphqlContext) => ({
		pageInfo: { endCursor: null, hasNextPage: false },
		edges: tracker.meta.projects(entityName || DEFAULT_ENTITY).map((project) => ({ node: projectNode(project), cursor: String(project.id) })),
	}),
	entity: ({ name }: { name?: string | null }) => (name && name !== DEFAULT_ENTITY ? null : entityNode(DEFAULT_ENTITY)),

	upsertBucket({ input }: { input: UpsertBucketInput }, { tracker }: GraphqlContext) {
		if (!input.id && !input.name) throw new RequestError(400, 'upsertBucket: give name (the run id) or id.');
		const { run, isNew } = tracker.upsertRun({
			storageId: input.id,
			entity: input.entityName,
			project: input.modelName,
			name: input.name,
			displayName: input.displayName,
			config: input.config,
			notes: input.notes,
			tags: input.tags,
			description: input.description,
			group: input.groupName,
			jobType: input.jobType,
			host: input.host,
			program: input.jobProgram,
			repo: input.jobRepo,
			commit: input.commit,
			sweep: input.sweep,
			state: input.state === 'pending' || input.state === 'failed' ? input.state : null,
			summary: input.summaryMetrics,
		});
		return { bucket: runNode(run, tracker), inserted: isNew, clientMutationId: input.clientMutationId };
	},

	createRunFiles(
		{ input }: { input: { entityName: string; projectName: string; runName: string; files: string[] } },
		{ tracker, origin }: GraphqlContext,
	) {
		const run = tracker.runNamed(input.entityName, input.projectName, input.runName);
		return {
			runID: String(run.id),
			uploadHeaders: [],
			files: tracker
				.openUploads(run, input.files)
				.map(({ path, token }) => ({ id: `${run.id}:${path}`, name: path, uploadUrl: `${origin}/uploads/${token}` })),
		};
	},

	stopRun({ input }: { input: { id: string } }, { tracker }: GraphqlContext) {
		const run = tracker.meta.runByStorageId(input.id);
		if (!run) throw new RequestError(404, `There is no run with id ${input.id}.`);
		tracker.meta.setStopped(run, true);
		return { success: true };
	},
};

function projectNamed({ name, entityName }: { name?: string | null; entityName?: string | null }, { tracker }: GraphqlContext) {
	const project = tracker.meta.project(entityName || DEFAULT_ENTITY, name || 'uncategorized');
	return project ? projectNode(project) : null;
}

function entityNode(name: string) {
	return { id: name, name, isTeam: false };
}

function projectNode(project: ProjectRow) {
	const run = ({ name }: { name: string }, { tracker }: GraphqlContext) => {
		const found = tracker.meta.run(project.entity, project.name, name);
		return found ? runNode(found, tracker) : null;
	};
	return {
		id: String(project.id),
		internalId: String(project.id),
		name: project.name,
		entityName: project.entity,
		entity: entityNode(project.entity),
		createdAt: new Date(project.createdMs).toISOString(),
		run,
		bucket: run,
		runs({ first, after }: { first?: number | null; after?: string | null }, { tracker }: GraphqlContext) {
			const all = tracker.meta.runs(project);
			const from = after ? all.findIndex((row) => String(row.id) === after) + 1 : 0;
			const page = all.slice(from, from + (first ?? 50));
			return {
				totalCount: all.length,
				pageInfo: { endCursor: page.length > 0 ? String(page[page.length - 1]?.id) : null, hasNextPage: from + page.length < all.length },
				edges: page.map((row) => ({ node: runNode(row, tracker), cursor: String(row.id) })),
			};
		},
		runCount: (_args: unknown, { tracker }: GraphqlContext) => tracker.meta.runs(project).length,
	};
}

function runNode(run: RunRow, tracker: Tracker) {
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
		config: run.config,
		summaryMetrics: () => writeLine(tracker.history.summary(run)),
		wandbConfig: ({ keys }: { keys?: string[] | null }) => wandbConfig(run.config, keys),
		historyLineCount: () => tracker.history.lineCount(run, HISTORY_FILE),
		eventsLineCount: () => tracker.history.lineCount(run, EVENTS_FILE),
		logLineCount: () => tracker.history.lineCount(run, 'output.log'),
		historyTail: () => tail(tracker.history.lastLine(run, HISTORY_FILE)),
		eventsTail: () => tail(tracker.history.lastLine(run, EVENTS_FILE)),
	};
}

/** JSON text of a list of lines, as resuming clients read it. */
function tail(line: string | undefined): string {
	return JSON.stringify(line === undefined ? [] : [line]);
}

function wandbConfig(config: string, keys: string[] | null | undefined): string {
	const wandb = (parseLine(config) as LineObject)._wandb;
	const value = typeof wandb === 'object' && wandb !== null && !Array.isArray(wandb) && 'value' in wandb ? (wandb.value as LineObject) : {};
	return writeLine(keys ? Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key))) : value);
}
