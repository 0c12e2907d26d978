import type { Cloud } from './cloud.ts';
import type { RefereeRun } from './run.ts';
import { entityView, projectView, runView, userView } from './run-view.ts';
import { type UpsertInput, upsert } from './upsert.ts';
import { NotFound, refuse } from './violation.ts';

interface RunPlace {
	entityName?: string | null;
	projectName?: string | null;
	runName: string;
}

interface AlertInput extends RunPlace {
	title: string;
	text: string;
	severity?: string | null;
	waitDuration?: unknown;
}

/** What an alert waits when it does not say, in milliseconds (wandb 0.30, wandb/sdk/wandb_run.py). */
const ALERT_WAIT_MS = 60_000;
/** Titles are shorter than this, by W&B's documentation. */
const ALERT_TITLE_CHARACTERS = 64;

/** The root of the schema: one function for each field of Query and Mutation. `askedUrl` is where the request came to. */
export function operations(cloud: Cloud, askedUrl: string) {
	const projectOf = ({ name, entityName }: { name?: string | null; entityName?: string | null }) =>
		projectView(entityName || cloud.entity, name || 'uncategorized', cloud);
	return {
		viewer: () => userView(cloud),
		serverInfo: () => ({
			cliVersionInfo: { max_cli_version: '0.99.0' },
			latestLocalVersionInfo: null,
			features: () => {
				cloud.hasListedFeatures = true;
				return cloud.features;
			},
		}),
		project: projectOf,
		model: projectOf,
		// The official client asks for its organization in every run, and goes on without one.
		entity: ({ name }: { name?: string | null }) => entityView(name || cloud.entity),

		upsertBucket: ({ input }: { input: UpsertInput }) => {
			const { run, inserted } = upsert(cloud, input);
			return { bucket: () => runView(run, cloud), inserted, serverSettings: { serverMessages: [] } };
		},
		rewindRun: ({ input }: { input: RunPlace & { metricName: string; metricValue: number } }) => {
			const run = existing(cloud, input);
			const { metricName, metricValue: step } = input;
			if (metricName !== '_step') refuse(`rewindRun by ${JSON.stringify(metricName)}; only _step is known`);
			if (!Number.isInteger(step) || step < 0) refuse(`rewindRun to step ${step}, which is no whole number`);
			if (step > run.lastStep) refuse(`rewindRun to step ${step}, but the run has only come to ${run.lastStep}`);
			run.rewind(step);
			run.isResuming = true;
			return { rewoundRun: () => runView(run, cloud) };
		},
		stopRun: ({ input }: { input: { id: string } }) => {
			withId(cloud, input.id).isStopped = true;
			return { success: true };
		},
		deleteRun: ({ input }: { input: { id: string } }) => {
			cloud.delete(withId(cloud, input.id));
			return { clientMutationId: null };
		},
		createRunFiles: ({ input }: { input: RunPlace & { files: string[] } }) => {
			const run = existing(cloud, input);
			const files = input.files.map((path) => ({ id: path, name: path, uploadUrl: cloud.uploads.give(run, path, askedUrl) }));
			// They may come in any order (wandb 0.30, core/internal/runfiles), so that a client has to go by their names.
			return { runID: run.storageId, uploadHeaders: cloud.uploads.headers, files: files.reverse() };
		},
		notifyScriptableRunAlert: ({ input }: { input: AlertInput }) => {
			tellAlert(cloud, existing(cloud, input), input);
			return { success: true };
		},
	};
}

function tellAlert(cloud: Cloud, run: RefereeRun, { title, text, severity, waitDuration }: AlertInput): void {
	const waitMs = waitDuration ?? ALERT_WAIT_MS;
	if (title === '' || [...title].length >= ALERT_TITLE_CHARACTERS) refuse(`the alert title ${JSON.stringify(title)} has not from 1 to 63 characters`);
	if (typeof waitMs !== 'number' || !Number.isInteger(waitMs) || waitMs < 0)
		refuse(`waitDuration ${String(waitMs)} is no whole number of milliseconds`);
	const atMs = cloud.options.nowMs();
	const last = cloud.alerts.findLast((alert) => alert.run === run.path && alert.title === title);
	if (!last || atMs - last.atMs >= waitMs) cloud.alerts.push({ run: run.path, title, text, severity: severity ?? 'INFO', waitMs, atMs });
}

function existing(cloud: Cloud, { entityName, projectName, runName }: RunPlace): RefereeRun {
	const run = cloud.find(entityName, projectName, runName);
	if (!run) throw new NotFound(`run ${entityName || cloud.entity}/${projectName || 'uncategorized'}/${runName} not found`);
	return run;
}

function withId(cloud: Cloud, storageId: string): RefereeRun {
	const run = cloud.withStorageId(storageId);
	if (!run) throw new NotFound(`no run has the id ${storageId}`);
	return run;
}
