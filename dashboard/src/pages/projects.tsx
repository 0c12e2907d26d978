import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { DEFAULT_ENTITY } from '../../../src/core/protocol.ts';
import type { ProjectInfo, Query } from '../../../src/core/query.ts';
import { FirstRun } from '../components/first-run.tsx';
import { LoadingLine, Message } from '../components/message.tsx';
import { TopBar } from '../components/top-bar.tsx';
import { formatAgo, formatCount, isoTitle, plural } from '../format.ts';
import { workspacePath } from '../router.ts';
import type { Connection, ConnectionState } from '../state/live-project.ts';

/** The list changes rarely; a subscription for each project would cost more than asking. */
const POLL_MS = 3000;

function createProjectList(query: Query) {
	const projects = signal<ProjectInfo[] | undefined>(undefined);
	const error = signal<string | undefined>(undefined);
	const connection: Connection = { state: signal<ConnectionState>('connecting'), offlineSinceMs: signal<number | undefined>(undefined) };
	let timer: ReturnType<typeof setTimeout> | undefined;
	const stopping = new AbortController();
	const load = async (): Promise<void> => {
		try {
			if (!document.hidden) {
				projects.value = await query.projects(stopping.signal);
				error.value = undefined;
				connection.state.value = 'live';
				connection.offlineSinceMs.value = undefined;
			}
		} catch (failure) {
			if (stopping.signal.aborted) return;
			error.value = failure instanceof Error ? failure.message : String(failure);
			if (connection.state.peek() !== 'offline') connection.offlineSinceMs.value = Date.now();
			connection.state.value = 'offline';
		}
		if (!stopping.signal.aborted) timer = setTimeout(() => void load(), POLL_MS);
	};
	const stop = (): void => {
		stopping.abort();
		clearTimeout(timer);
	};
	return { projects, error, connection, load, stop };
}

/** All projects, newest activity first. */
export function ProjectsPage({ query }: { query: Query }) {
	const list = useMemo(() => createProjectList(query), [query]);
	useEffect(() => {
		document.title = 'Projects · Tidelog';
		void list.load();
		return list.stop;
	}, [list]);
	const projects = list.projects.value;
	const error = list.error.value;
	return (
		<>
			<TopBar connection={list.connection} />
			<main class="page">
				<h1 class="page-title">Projects {projects && projects.length > 0 && <span class="n">{formatCount(projects.length)}</span>}</h1>
				{projects === undefined ? (
					error ? (
						<Message title="The server does not answer">
							{error}. It is tried again every {POLL_MS / 1000} s.
						</Message>
					) : (
						<LoadingLine>Loading the projects</LoadingLine>
					)
				) : projects.length === 0 ? (
					<FirstRun project="my-first-project" />
				) : (
					<ProjectTable projects={projects} />
				)}
			</main>
		</>
	);
}

function ProjectTable({ projects }: { projects: readonly ProjectInfo[] }) {
	const now = Date.now();
	return (
		<div class="scroll">
			<table class="tbl projects" aria-label="Projects">
				<thead>
					<tr>
						<th scope="col">name</th>
						<th scope="col" class="num">
							runs
						</th>
						<th scope="col" class="num">
							running
						</th>
						<th scope="col" class="num">
							last activity
						</th>
					</tr>
				</thead>
				<tbody>
					{projects.map((project) => (
						<tr key={project.name} data-testid="project-row">
							<td>
								<a class="name" href={workspacePath(DEFAULT_ENTITY, project.name)} title={project.name}>
									{project.name}
								</a>
							</td>
							<td class="num">{formatCount(project.runs)}</td>
							<td class="num">
								{project.running > 0 ? (
									<span class="acc med" title={plural(project.running, 'run is going', 'runs are going')}>
										{formatCount(project.running)}
									</span>
								) : (
									<span class="dim">0</span>
								)}
							</td>
							<td class="num mid" title={isoTitle(project.updatedMs)}>
								{formatAgo(project.updatedMs, now)}
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
