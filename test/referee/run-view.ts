import type { Cloud } from './cloud.ts';
import { type JsonObject, plainJson } from './json-reader.ts';
import type { RefereeRun } from './run.ts';
import { NotFound } from './violation.ts';

/** A run as GraphQL shows it: one member for each field of the type `Run`, functions where there are arguments or cycles. */
export function runView(run: RefereeRun, cloud: Cloud) {
	const state = run.stateAt(cloud.options.nowMs());
	const { details } = run;
	return {
		...details,
		id: run.storageId,
		name: run.id,
		displayName: details.displayName ?? `unnamed-${run.id}`,
		projectId: '1',
		project: () => projectView(run.entity, run.project, cloud),
		group: details.groupName,
		sweepName: details.sweep,
		state,
		exitcode: run.exitCode,
		stopped: run.isStopped,
		shouldStop: run.isStopped,
		failed: state === 'failed',
		running: state === 'running',
		readOnly: false,
		createdAt: new Date(run.createdMs).toISOString(),
		heartbeatAt: new Date(run.heardMs).toISOString(),
		user: () => userView(cloud),
		config: run.config.text,
		summaryMetrics: plainJson(run.summary ?? {}),
		systemMetrics: run.events.at(-1),
		wandbConfig: ({ keys }: { keys?: string[] | null }) => plainJson(picked(run.config.wandb, keys)),
		historyLineCount: run.history.length,
		eventsLineCount: run.events.length,
		logLineCount: run.console.length,
		historyTail: JSON.stringify(run.history.slice(-1)),
		eventsTail: JSON.stringify(run.events.slice(-1)),
		fileCount: run.files.size,
	};
}

function picked(object: JsonObject, keys: string[] | null | undefined): JsonObject {
	return Object.fromEntries(Object.entries(object).filter(([key]) => !keys || keys.includes(key)));
}

/** Null for a project without runs: one is made with its first run. */
export function projectView(entity: string, project: string, cloud: Cloud) {
	const runs = [...cloud.runs.values()].filter((run) => run.entity === entity && run.project === project);
	const first = runs[0];
	if (!first) return null;
	return {
		id: Buffer.from(`Project:${entity}:${project}`).toString('base64'),
		internalId: '1',
		name: project,
		entityName: entity,
		entity: entityView(entity),
		createdAt: new Date(first.createdMs).toISOString(),
		run: ({ name }: { name: string }) => {
			const run = cloud.find(entity, project, name);
			return run ? runView(run, cloud) : null;
		},
		bucket: ({ name, missingOk }: { name: string; missingOk?: boolean | null }) => {
			const run = cloud.find(entity, project, name);
			// Who asks by `bucket` wants to go on with the run (RunResumeStatus).
			if (run) run.isResuming = true;
			if (!run && !missingOk) throw new NotFound(`run ${entity}/${project}/${name} not found`);
			return run ? runView(run, cloud) : null;
		},
	};
}

export function entityView(name: string) {
	return { id: Buffer.from(`Entity:${name}`).toString('base64'), name, organization: null };
}

export function userView(cloud: Cloud) {
	return {
		id: 'VXNlcjox',
		name: 'Referee',
		username: 'referee',
		email: 'referee@referee.test',
		admin: false,
		flags: '{}',
		entity: cloud.entity,
		teams: { edges: [{ node: entityView(cloud.entity) }] },
	};
}
