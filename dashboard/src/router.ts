import { computed, signal } from '@preact/signals';

/** Where the dashboard is. Paths have W&B's own forms, so that links from its clients open the same thing. */
export type Route =
	| { page: 'projects' }
	| { page: 'workspace'; entity: string; project: string }
	| { page: 'run'; entity: string; project: string; runId: string; tab: RunTab }
	| { page: 'unknown'; path: string };

export const RUN_TABS = ['overview', 'charts', 'media', 'files'] as const;
export type RunTab = (typeof RUN_TABS)[number];

function decode(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch {
		// A stray percent sign typed by hand: the text itself is the best reading.
		return part;
	}
}

/** `/` → projects, `/local/mnist` → workspace, `/local/mnist/runs/k3f9/media` → a tab of a run. */
export function parsePath(path: string): Route {
	const parts = path.split('/').filter((part) => part !== '');
	const [entity, project, runs, runId, tab] = parts.map(decode);
	if (entity === undefined) return { page: 'projects' };
	if (project === undefined) return { page: 'unknown', path };
	if (runs === undefined) return { page: 'workspace', entity, project };
	if (runs === 'workspace' && runId === undefined) return { page: 'workspace', entity, project };
	if (runs !== 'runs' || parts.length > 5) return { page: 'unknown', path };
	if (runId === undefined) return { page: 'workspace', entity, project };
	if (tab === undefined) return { page: 'run', entity, project, runId, tab: 'overview' };
	const known = RUN_TABS.find((name) => name === tab);
	return known ? { page: 'run', entity, project, runId, tab: known } : { page: 'unknown', path };
}

export function workspacePath(entity: string, project: string): string {
	return `/${encodeURIComponent(entity)}/${encodeURIComponent(project)}`;
}

export function runPath(entity: string, project: string, runId: string, tab: RunTab = 'overview'): string {
	return `${workspacePath(entity, project)}/runs/${encodeURIComponent(runId)}${tab === 'overview' ? '' : `/${tab}`}`;
}

const path = signal('/');
/** The part of the address after `?`, without it. */
export const search = signal('');
export const route = computed(() => parsePath(path.value));

function readLocation(): void {
	path.value = location.pathname;
	search.value = location.search.slice(1);
}

/** Goes to a page of the dashboard, as a new entry of the browser's history. */
export function navigate(to: string): void {
	history.pushState(null, '', to);
	readLocation();
	scrollTo(0, 0);
}

/** Writes the view into the address without a new entry: going back should leave the page, not undo a slider. */
export function replaceSearch(next: string): void {
	if (next === search.peek()) return;
	history.replaceState(null, '', next === '' ? location.pathname : `${location.pathname}?${next}`);
	search.value = next;
}

/** Starts following the address and the links in the page. Returns what ends it. */
export function startRouter(): () => void {
	readLocation();
	const onClick = (event: MouseEvent): void => {
		if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
		const link = event.target instanceof Element ? event.target.closest('a') : null;
		if (!link?.href || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
		if (link.pathname.startsWith('/api/')) return;
		event.preventDefault();
		navigate(link.pathname + link.search);
	};
	addEventListener('popstate', readLocation);
	document.addEventListener('click', onClick);
	return () => {
		removeEventListener('popstate', readLocation);
		document.removeEventListener('click', onClick);
	};
}
