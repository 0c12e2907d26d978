import { effect, signal } from '@preact/signals';
import type { Query } from '../../src/core/query.ts';
import { KeysSheet } from './components/keys-sheet.tsx';
import { Message } from './components/message.tsx';
import { TopBar } from './components/top-bar.tsx';
import { ProjectsPage } from './pages/projects.tsx';
import { RunPage } from './pages/run.tsx';
import { WorkspacePage } from './pages/workspace.tsx';
import { route } from './router.ts';
import type { ConnectionState } from './state/live-project.ts';
import { ProjectState } from './state/project-state.ts';

export interface App {
	query: Query;
	/** The project that is open, kept while one moves between its pages. */
	project: { readonly value: ProjectState | undefined };
}

/** Opens and closes the state of a project as the address enters and leaves it. Returns what ends it as its second value. */
export function createApp(query: Query): [App, () => void] {
	const project = signal<ProjectState | undefined>(undefined);
	const stop = effect(() => {
		const place = route.value;
		const open = project.peek();
		const wanted = 'project' in place ? place : undefined;
		if (open && wanted && open.project === wanted.project && open.entity === wanted.entity) return;
		open?.stop();
		const next = wanted && new ProjectState(query, wanted.entity, wanted.project);
		project.value = next;
		next?.start();
	});
	return [
		{ query, project },
		() => {
			stop();
			project.peek()?.stop();
		},
	];
}

export function AppView({ app }: { app: App }) {
	const place = route.value;
	const state = app.project.value;
	return (
		<>
			{place.page === 'projects' && <ProjectsPage query={app.query} />}
			{place.page === 'workspace' && state?.project === place.project && <WorkspacePage key={state.project} state={state} />}
			{place.page === 'run' && state?.project === place.project && <RunPage key={place.runId} state={state} runId={place.runId} tab={place.tab} />}
			{place.page === 'unknown' && <UnknownPage path={place.path} />}
			<KeysSheet />
		</>
	);
}

const nowhere = { state: signal<ConnectionState>('connecting'), offlineSinceMs: signal<number | undefined>(undefined) };

function UnknownPage({ path }: { path: string }) {
	return (
		<>
			<TopBar connection={nowhere} />
			<main class="page">
				<Message title="There is nothing at this address" actions={<a href="/">All projects</a>}>
					{path} is neither a project (/local/name) nor a run (/local/name/runs/id).
				</Message>
			</main>
		</>
	);
}
