import { useEffect, useState } from 'preact/hooks';
import { FirstRun } from '../components/first-run.tsx';
import { Icon } from '../components/icon.tsx';
import { LoadingLine, Message } from '../components/message.tsx';
import { PanelGrid } from '../components/panel-grid.tsx';
import { RunList, runListKeys, Swatch } from '../components/run-list.tsx';
import { RunName } from '../components/run-name.tsx';
import { toolKeys } from '../components/tool-bar.tsx';
import { TopBar } from '../components/top-bar.tsx';
import { plural } from '../format.ts';
import type { ProjectState } from '../state/project-state.ts';
import { areKeysShown, listenKeys } from '../state/shortcuts.ts';

/** All runs of a project side by side: the list at the left, a panel for each metric at the right. */
export function WorkspacePage({ state }: { state: ProjectState }) {
	const [isFolded, setFolded] = useState(false);
	const [isSheetOpen, setSheetOpen] = useState(false);
	useEffect(() => {
		document.title = `${state.project} · Tidelog`;
		const detach = state.workspace.attach();
		const silence = listenKeys({
			...runListKeys(state),
			...toolKeys(state.workspace),
			'/': () => {
				setFolded(false);
				setSheetOpen(true);
				// The field may only be there after the list is unfolded.
				setTimeout(() => document.getElementById('run-search')?.focus());
				return true;
			},
			'[': () => {
				setFolded((was) => !was);
				return true;
			},
			'?': () => {
				areKeysShown.value = true;
				return true;
			},
			Escape: () => {
				setSheetOpen(false);
				if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
				state.workspace.focused.value = undefined;
				return false;
			},
		});
		return () => {
			detach();
			silence();
		};
	}, [state]);
	const { live } = state;
	return (
		<>
			<TopBar connection={live} crumbs={<b class="cut">{state.project}</b>} />
			{!live.hasLoaded.value ? (
				<main class="page">
					{live.error.value ? (
						<Message title="The runs could not be loaded">{live.error.value}. It is tried again by itself.</Message>
					) : (
						<LoadingLine>Loading the runs</LoadingLine>
					)}
				</main>
			) : live.ids.value.length === 0 ? (
				<main class="page">
					<h1 class="page-title">{state.project}</h1>
					<FirstRun project={state.project} />
				</main>
			) : (
				<>
					<ChipStrip state={state} onOpen={() => setSheetOpen(true)} />
					<div class={isFolded ? 'work is-folded' : 'work'}>
						{isSheetOpen && <button type="button" class="scrim" aria-label="Close the run list" onClick={() => setSheetOpen(false)} />}
						<aside class={isSheetOpen ? 'side is-open' : 'side'} aria-label="Runs">
							<RunList state={state} />
						</aside>
						<main class="main">
							<PanelGrid state={state} views={state.workspace} metrics={state.metrics.value} />
						</main>
					</div>
				</>
			)}
		</>
	);
}

/** On a phone the list is a strip of the runs that are drawn; the whole list opens from below. */
function ChipStrip({ state, onOpen }: { state: ProjectState; onOpen: () => void }) {
	const ids = state.live.ids.value;
	return (
		<div class="chips">
			<button type="button" class="btn" onClick={onOpen}>
				<Icon name="listTree" />
				{plural(ids.length, 'run')}
			</button>
			{state.workspace.runs.value.map((run) => (
				<button type="button" key={run.id} class="chip" aria-label={`Hide ${run.name}`} onClick={() => state.setShown(run.id, false)}>
					<Swatch run={run} />
					<RunName name={run.name} />
				</button>
			))}
		</div>
	);
}
