import { useEffect, useRef } from 'preact/hooks';
import type { RunInfo } from '../../../src/core/query.ts';
import { RUN_COLOURS, runColour } from '../charts/palette.ts';
import { formatValue, plural } from '../format.ts';
import { navigate, runPath } from '../router.ts';
import type { ProjectState } from '../state/project-state.ts';
import { RUN_ORDERS } from '../state/view.ts';
import { Icon } from './icon.tsx';
import { RunName } from './run-name.tsx';
import { StateGlyph } from './state-glyph.tsx';
import { TideBar, tideOf } from './tide-gauge.tsx';

/** The runs of a project: which are drawn, in which colour, and how they stand on one metric. */
export function RunList({ state }: { state: ProjectState }) {
	const ids = state.listed.value;
	const all = state.live.ids.value.length;
	const shown = state.workspace.runs.value.length;
	const view = state.workspace.view.value;
	const isAnyShown = shown > 0;
	return (
		<>
			<div class="head">
				<div class="row">
					<h2 class="h2">
						Runs{' '}
						<span class="n">
							{all} · {shown} shown
						</span>
					</h2>
					<span class="grow" />
					<button
						type="button"
						class="ib"
						aria-label={isAnyShown ? 'Hide all runs' : 'Show all runs'}
						title={isAnyShown ? 'Hide all runs in the list' : 'Show all runs in the list'}
						onClick={() => state.setAllShown(!isAnyShown)}
					>
						<Icon name={isAnyShown ? 'eye' : 'eyeOff'} />
					</button>
				</div>
				<label class="field">
					<Icon name="search" />
					<span class="vh">Search runs</span>
					<input
						id="run-search"
						type="search"
						placeholder="Name or /regex/"
						autocomplete="off"
						spellcheck={false}
						value={view.runSearch}
						onInput={(event) => state.workspace.set({ runSearch: event.currentTarget.value })}
					/>
					<kbd class="not-narrow">/</kbd>
				</label>
			</div>
			<SortRow state={state} />
			<RunRows state={state} ids={ids} />
			{ids.length === 0 && all > 0 && <p class="none">No run is named like this.</p>}
			<Foot state={state} />
		</>
	);
}

const ORDER_NAMES = { new: 'newest first', high: 'highest first', low: 'lowest first' } as const;
const ORDER_MARKS = { new: '', high: ' ↓', low: ' ↑' } as const;

function SortRow({ state }: { state: ProjectState }) {
	const view = state.workspace.view.value;
	const key = state.sortKey.value;
	const numbers = (state.metrics.value ?? []).filter((metric) => metric.kind === 'number');
	const next = RUN_ORDERS[(RUN_ORDERS.indexOf(view.order) + 1) % RUN_ORDERS.length] ?? 'new';
	return (
		<div class="sort">
			<span>{ORDER_NAMES[view.order]}</span>
			<span class="row">
				<label class="pick">
					<span class="cut">{key}</span>
					<span class="vh">Metric beside each run</span>
					<select value={key} onChange={(event) => state.workspace.set({ metric: event.currentTarget.value })}>
						{numbers.map((metric) => (
							<option key={metric.key} value={metric.key}>
								{metric.key}
							</option>
						))}
					</select>
				</label>
				<button
					type="button"
					class="ib"
					aria-label={`Sort: ${ORDER_NAMES[view.order]}. Change to ${ORDER_NAMES[next]}`}
					title={`Sort ${ORDER_NAMES[next]}`}
					onClick={() => state.workspace.set({ order: next })}
				>
					{view.order === 'new' ? <Icon name="arrowUpDown" /> : ORDER_MARKS[view.order]}
				</button>
			</span>
		</div>
	);
}

function RunRows({ state, ids }: { state: ProjectState; ids: readonly string[] }) {
	const list = useRef<HTMLDivElement>(null);
	const focused = state.workspace.focused.value;
	useEffect(() => {
		if (focused === undefined || !list.current?.contains(document.activeElement)) return;
		list.current.querySelector<HTMLElement>('[aria-current=true]')?.focus();
	}, [focused]);
	return (
		<div ref={list} class="runs" role="grid" aria-label="Runs" data-keys>
			{ids.map((id, i) => (
				<RunRow key={id} state={state} id={id} isStop={focused === undefined ? i === 0 : id === focused} />
			))}
		</div>
	);
}

function RunRow({ state, id, isStop }: { state: ProjectState; id: string; isStop: boolean }) {
	const run = state.live.run(id)?.value;
	if (!run) return null;
	const isShown = state.isShown(id);
	const isFocused = state.workspace.focused.value === id;
	const value = run.summary[state.sortKey.value];
	return (
		<div
			class={isShown ? 'run' : 'run hid'}
			role="row"
			tabIndex={isStop ? 0 : -1}
			aria-current={isFocused}
			data-testid="run-row"
			data-run-id={id}
			data-state={run.state}
			onMouseEnter={() => (state.workspace.focused.value = id)}
			onMouseLeave={() => (state.workspace.focused.value = undefined)}
			onFocus={() => (state.workspace.focused.value = id)}
		>
			<span role="gridcell">
				<button
					type="button"
					class="sw-button"
					tabIndex={-1}
					aria-pressed={isShown}
					aria-label={`${isShown ? 'Hide' : 'Show'} ${run.name}`}
					onClick={() => state.setShown(id, !isShown)}
				>
					<Swatch run={run} />
					<Icon name={isShown ? 'eye' : 'eyeOff'} />
				</button>
			</span>
			<span role="gridcell" class="nm">
				<a tabIndex={-1} href={runPath(state.entity, state.project, id)}>
					<RunName name={run.name} />
				</a>
			</span>
			<span role="gridcell" class="v">
				{typeof value === 'number' && !Number.isFinite(value) ? (
					<span class="bad">{formatValue(value)}</span>
				) : (
					formatValue(typeof value === 'number' || typeof value === 'bigint' ? value : null)
				)}
			</span>
			<span role="gridcell">
				<StateGlyph state={run.state} />
			</span>
		</div>
	);
}

/** The run's colour as a short line; dashed from the 21st run on, as on the charts. */
export function Swatch({ run }: { run: Pick<RunInfo, 'colour'> }) {
	const isDashed = run.colour >= RUN_COLOURS;
	return <span class={isDashed ? 'sw dashed' : 'sw'} style={{ '--c': runColour(run.colour) }} />;
}

function Foot({ state }: { state: ProjectState }) {
	const tide = tideOf(state.live.all());
	const running = state.live.runningCount.value;
	return (
		<div class="foot">
			<span>{running === 0 ? 'none running' : `${running} running`}</span>
			<span class="grow" />
			{tide.onServer + tide.pending > 0 && (
				<span class="row">
					<TideBar {...tide} />
					{tide.pending > 0 ? `${plural(tide.pending, 'row')} pending` : 'all rows arrived'}
				</span>
			)}
		</div>
	);
}

/** Keys of the run list: what they do depends on the run in focus. */
export function runListKeys(state: ProjectState) {
	const move = (by: number): boolean => {
		const ids = state.listed.peek();
		const at = ids.indexOf(state.workspace.focused.peek() ?? '');
		const next = ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.max(0, Math.min(ids.length - 1, at + by))];
		if (next === undefined) return false;
		state.workspace.focused.value = next;
		const row = document.querySelector<HTMLElement>(`[data-run-id="${CSS.escape(next)}"]`);
		row?.focus({ preventScroll: true });
		row?.scrollIntoView({ block: 'nearest' });
		return true;
	};
	return {
		j: () => move(1),
		k: () => move(-1),
		' ': () => {
			const id = state.workspace.focused.peek();
			if (id === undefined) return false;
			state.setShown(id, !state.isShown(id));
			return true;
		},
		Enter: () => {
			const id = state.workspace.focused.peek();
			if (id === undefined) return false;
			navigate(runPath(state.entity, state.project, id));
			return true;
		},
	};
}
