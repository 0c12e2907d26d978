import { DEFAULT_ENTITY, FEATURE_GZIP, FEATURE_RECORDS } from '../../../src/core/protocol.ts';
import { refuse, requireManage, requireNewRun, requireRun } from '../access/guards.ts';
import { hashRunKey } from '../access/secrets.ts';
import { RequestError } from '../request-error.ts';
import { artifactRoots } from './artifacts.ts';
import { fileEdits } from './file-reads.ts';
import { entityNode, type GraphqlContext, projectNode, runNode, userNode } from './nodes.ts';

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

interface RewindRunInput {
	runName: string;
	entityName?: string | null;
	projectName?: string | null;
	metricName: string;
	metricValue: number;
	clientMutationId?: string | null;
}

interface AlertInput {
	entityName?: string | null;
	projectName: string;
	runName: string;
	title: string;
	text: string;
	severity?: 'INFO' | 'WARN' | 'ERROR' | null;
	/** Milliseconds. */
	waitDuration?: number | null;
}

/** Ours, and those of W&B's that this server has. */
const FEATURES = [
	FEATURE_RECORDS,
	FEATURE_GZIP,
	'TOTAL_COUNT_IN_FILE_CONNECTION',
	'MARK_RUN_FILES_UPLOADED',
	'CLIENT_IDS',
	'LARGE_FILENAMES',
	'PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP',
	'ARTIFACT_COLLECTION_MEMBERSHIP_FILES',
];

/** Roots for graphql-js's default resolver: a field is a value, or a function of (args, context). */
export const roots = {
	viewer: () => userNode,
	users: () => ({ edges: [{ node: userNode }] }),
	...fileEdits,
	...artifactRoots,
	serverInfo: () => ({
		// Clients before 0.30 compare media features with this version; null breaks them.
		cliVersionInfo: { max_cli_version: '0.99.0' },
		latestLocalVersionInfo: null,
		features: FEATURES.map((name) => ({ name, isEnabled: true })),
	}),
	project: projectNamed,
	model: projectNamed,
	models: ({ entityName }: { entityName?: string | null }, { tracker }: GraphqlContext) => ({
		pageInfo: { endCursor: null, hasNextPage: false },
		edges: tracker.meta.projects(entityName || DEFAULT_ENTITY).map((project) => ({ node: projectNode(project), cursor: String(project.id) })),
	}),
	entity: ({ name }: { name?: string | null }) => (name && name !== DEFAULT_ENTITY ? null : entityNode(DEFAULT_ENTITY)),

	upsertBucket({ input }: { input: UpsertBucketInput }, { tracker, access }: GraphqlContext) {
		if (!input.id && !input.name) throw new RequestError(400, 'upsertBucket: give name (the run id) or id.');
		const entity = input.entityName || DEFAULT_ENTITY;
		const project = input.modelName || 'uncategorized';
		const known = input.id ? tracker.meta.runByStorageId(input.id) : tracker.meta.run(entity, project, input.name as string);
		if (known) requireRun(access, tracker.meta, known);
		else requireNewRun(access, entity, project);
		const change = {
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
			keyHash: access.runKey === undefined ? undefined : hashRunKey(access.runKey),
		};
		// A fork copies rows, which its maker then sees.
		const { run, isNew } = tracker.upsertRun(change, (from) => {
			if (!access.mayRead) requireRun(access, tracker.meta, from);
		});
		// `wandb sync` of clients before 0.26 breaks off without serverSettings.
		return {
			bucket: runNode(run, tracker),
			inserted: isNew,
			serverSettings: { serverMessages: [] },
			clientMutationId: input.clientMutationId,
		};
	},

	createRunFiles(
		{ input }: { input: { entityName: string; projectName: string; runName: string; files: string[] } },
		{ tracker, origin, access }: GraphqlContext,
	) {
		const run = tracker.runNamed(input.entityName, input.projectName, input.runName);
		requireRun(access, tracker.meta, run);
		return {
			runID: String(run.id),
			uploadHeaders: [],
			files: tracker.files
				.openUploads(run, input.files)
				.map(({ path, token }) => ({ id: `${run.id}:${path}`, name: path, uploadUrl: `${origin}/uploads/${token}` })),
		};
	},

	stopRun({ input }: { input: { id: string } }, { tracker, access }: GraphqlContext) {
		requireManage(access);
		tracker.stop(input.id);
		return { success: true };
	},

	rewindRun({ input }: { input: RewindRunInput }, { tracker, access }: GraphqlContext) {
		const { metricName, metricValue } = input;
		if (metricName !== '_step') throw new RequestError(400, `A run can be rewound to a value of _step only, not of ${metricName}.`);
		if (!Number.isSafeInteger(metricValue) || metricValue < 0) {
			throw new RequestError(400, `A run can be rewound to a whole step from 0 only, but metricValue was ${metricValue}.`);
		}
		const run = tracker.runNamed(input.entityName || DEFAULT_ENTITY, input.projectName || 'uncategorized', input.runName);
		requireRun(access, tracker.meta, run);
		if (access.token?.kind === 'ingest') refuse(access, 'An ingest token cannot rewind runs; log to a new run, or with an API key.');
		return { rewoundRun: runNode(tracker.rewind(run, metricValue), tracker), clientMutationId: input.clientMutationId };
	},

	updateRunState({ input }: { input: { id: string; state: string } }, { tracker, access }: GraphqlContext) {
		requireManage(access);
		if (input.state !== 'pending' && input.state !== 'failed')
			throw new RequestError(400, `state may be set to pending or failed, but was ${input.state}.`);
		tracker.upsertRun({ storageId: input.id, state: input.state });
		return { success: true };
	},

	async deleteRun({ input }: { input: { id: string; clientMutationId?: string | null } }, { tracker, access }: GraphqlContext) {
		requireManage(access);
		await tracker.deleteRun(input.id);
		return { clientMutationId: input.clientMutationId };
	},

	notifyScriptableRunAlert({ input }: { input: AlertInput }, { tracker, access }: GraphqlContext) {
		const run = tracker.runNamed(input.entityName || DEFAULT_ENTITY, input.projectName, input.runName);
		requireRun(access, tracker.meta, run);
		const level = (input.severity ?? 'INFO').toLowerCase();
		tracker.alert(run, { title: input.title, text: input.text, level, waitMs: input.waitDuration ?? 0 });
		return { success: true };
	},
};

function projectNamed({ name, entityName }: { name?: string | null; entityName?: string | null }, { tracker }: GraphqlContext) {
	const project = tracker.meta.project(entityName || DEFAULT_ENTITY, name || 'uncategorized');
	return project ? projectNode(project) : null;
}
