import type { Cloud } from './cloud.ts';
import { branchPointOf, judgeConfig, type RunConfig } from './config.ts';
import { type JsonObject, readObject } from './json-reader.ts';
import type { RefereeRun, RunDetails } from './run.ts';
import { NotFound, refuse, Violation } from './violation.ts';

/** `null` and absent are one: the field is left as it is. */
export interface UpsertInput {
	id?: string | null;
	name?: string | null;
	modelName?: string | null;
	entityName?: string | null;
	config?: string | null;
	summaryMetrics?: string | null;
	state?: string | null;
	description?: string | null;
	displayName?: string | null;
	notes?: string | null;
	groupName?: string | null;
	jobType?: string | null;
	host?: string | null;
	jobProgram?: string | null;
	jobRepo?: string | null;
	commit?: string | null;
	sweep?: string | null;
	tags?: string[] | null;
}

const TEXTS = ['description', 'displayName', 'notes', 'groupName', 'jobType', 'host', 'jobProgram', 'jobRepo', 'commit', 'sweep'] as const;
const MOST_NAME_CHARACTERS = 128;
const MOST_TAG_CHARACTERS = 64;
/** Characters that no run id may have, as wandb 0.30 (wandb/sdk/wandb_settings.py) and its documentation say. */
const NOT_IN_RUN_ID = /[:;,#?/'\\%]|^\s|\s$/;
const NOT_IN_PROJECT = /[/\\#?%:]/;

/** Creates a run or changes one; by (entity, project, name), or by storage id (wandb 0.30, core/api/graphql/mutation_run.graphql). */
export function upsert(cloud: Cloud, input: UpsertInput): { run: RefereeRun; inserted: boolean } {
	judgeNames(input);
	const mayHaveGlobs = cloud.hasOffered('EXPAND_DEFINED_METRIC_GLOBS');
	const config = input.config == null ? undefined : judgeConfig(input.config, { mayHaveGlobs });
	const summary = input.summaryMetrics == null ? undefined : judgeSummary(input.summaryMetrics);
	const known = findRun(cloud, input);
	if (known && input.name && input.name !== known.id) refuse(`the id is that of run ${known.id}, not of ${input.name}`);
	const run = known ?? create(cloud, input, config);
	// An update by storage id alone is somebody's edit. One by name starts the run, or goes on with it.
	if (input.name && (!known || known.isOver || known.isResuming)) run.startSession(cloud.options.nowMs());

	const details: RunDetails = run.details;
	for (const key of TEXTS) if (input[key] != null) details[key] = input[key];
	if (input.tags != null) details.tags = [...input.tags];
	if (config) run.config = config;
	if (summary) {
		run.summary = summary;
		run.summaryLine = undefined;
	}
	if (input.state != null) run.giveState(input.state);
	return { run, inserted: !known };
}

function findRun(cloud: Cloud, { id, name, entityName, modelName }: UpsertInput): RefereeRun | undefined {
	if (id != null) {
		const run = cloud.withStorageId(id);
		if (!run) throw new NotFound(`no run has the id ${id}`);
		return run;
	}
	return name == null ? refuse('an upsert needs a name or an id') : cloud.find(entityName, modelName, name);
}

function create(cloud: Cloud, input: UpsertInput, config: RunConfig | undefined): RefereeRun {
	if (!config) refuse('the first upsert of a run has no config, so no _wandb.value.t');
	const branch = branchPointOf(config.wandb);
	const parent = branch && cloud.find(input.entityName, input.modelName, branch.runId);
	if (branch && !parent) refuse(`a fork of ${branch.runId}, which there is not`);
	const run = cloud.create(input.entityName, input.modelName, input.name ?? '');
	if (branch && parent) run.takeHistory(parent.history, branch.step);
	return run;
}

function judgeNames({ name, modelName, displayName, groupName, jobType, tags }: UpsertInput): void {
	if (name != null && (name === '' || NOT_IN_RUN_ID.test(name)))
		refuse(`the run id ${JSON.stringify(name)} is empty or has a character that no id may have`);
	if (modelName != null && NOT_IN_PROJECT.test(modelName))
		refuse(`the project ${JSON.stringify(modelName)} has a character that no project may have`);
	for (const [what, text] of Object.entries({ name, modelName, displayName, groupName, jobType }))
		if (text != null && [...text].length > MOST_NAME_CHARACTERS) refuse(`${what} has more than ${MOST_NAME_CHARACTERS} characters`);
	for (const tag of tags ?? [])
		if (tag === '' || [...tag].length > MOST_TAG_CHARACTERS)
			refuse(`the tag ${JSON.stringify(tag)} has not from 1 to ${MOST_TAG_CHARACTERS} characters`);
}

function judgeSummary(text: string): JsonObject {
	try {
		return readObject(text, { bareNumbers: false }).value;
	} catch (error) {
		if (error instanceof Violation) refuse(`summaryMetrics ${error.message}`);
		throw error;
	}
}
