import { formatCount } from '../format.ts';
import type { ViewState } from '../state/project-state.ts';
import { DEFAULT_VIEW, type XAxis } from '../state/view.ts';
import { Icon } from './icon.tsx';

const AXES: readonly (readonly [XAxis, string, string])[] = [
	['step', 'Step', '1'],
	['runtime', 'Relative', '2'],
	['time', 'Wall', '3'],
];

/** What holds for all charts of a view: which panels, which x, how smooth, which scale. */
export function ToolBar({ views, panels }: { views: ViewState; panels: number }) {
	const view = views.view.value;
	return (
		<div class="tool" role="toolbar" aria-label="Charts">
			<label class="field panel-search">
				<Icon name="search" />
				<span class="vh">Search panels</span>
				<input
					id="panel-search"
					type="search"
					placeholder="Panels"
					autocomplete="off"
					spellcheck={false}
					value={view.panelSearch}
					onInput={(event) => views.set({ panelSearch: event.currentTarget.value })}
				/>
			</label>
			<div class="labelled">
				<span aria-hidden="true">x</span>
				<span class="seg" role="group" aria-label="x axis">
					{AXES.map(([axis, name, key]) => (
						<button
							type="button"
							key={axis}
							aria-pressed={view.x === axis}
							title={`x axis: ${name.toLowerCase()} (${key})`}
							onClick={() => views.set({ x: axis, zoom: undefined })}
						>
							{name}
						</button>
					))}
				</span>
			</div>
			<label class="labelled">
				Smoothing
				<input
					class="slider"
					type="range"
					min="0"
					max="0.99"
					step="0.01"
					value={view.smoothing}
					style={{ '--part': String(view.smoothing / 0.99) }}
					onInput={(event) => views.set({ smoothing: event.currentTarget.valueAsNumber })}
				/>
				<span class="figure">{view.smoothing === 0 ? 'off' : view.smoothing.toFixed(2)}</span>
			</label>
			<button
				type="button"
				class="btn toggle"
				aria-pressed={view.logAll}
				title="Log scale for all charts (L)"
				onClick={() => views.set({ logAll: !view.logAll, log: [] })}
			>
				log y
			</button>
			{view.zoom && (
				<button type="button" class="btn" title="Reset zoom (Z, or double click in a chart)" onClick={() => views.set({ zoom: undefined })}>
					<Icon name="undo" />
					Reset zoom
				</button>
			)}
			<span class="grow" />
			<span class="count not-narrow">{panels === 1 ? '1 panel' : `${formatCount(panels)} panels`}</span>
		</div>
	);
}

/** Keys that change what the tool bar changes. */
export function toolKeys(views: ViewState) {
	const set = (patch: Parameters<ViewState['set']>[0]) => () => {
		views.set(patch);
		return true;
	};
	const focusField = (id: string) => () => {
		const field = document.getElementById(id);
		field?.focus();
		return field !== null;
	};
	return {
		'1': set({ x: 'step', zoom: undefined }),
		'2': set({ x: 'runtime', zoom: undefined }),
		'3': set({ x: 'time', zoom: undefined }),
		z: set({ zoom: undefined }),
		l: () => {
			views.set({ logAll: !views.view.peek().logAll, log: [] });
			return true;
		},
		s: () => {
			const next = views.view.peek().smoothing + 0.1;
			views.set({ smoothing: next > 0.95 ? 0 : Number(next.toFixed(2)) });
			return true;
		},
		S: set({ smoothing: DEFAULT_VIEW.smoothing }),
		p: focusField('panel-search'),
		f: () => {
			const panel = document.activeElement?.closest('[data-testid=panel]') ?? document.querySelector('[data-testid=panel]:hover');
			const button = panel?.querySelector<HTMLElement>('[data-widen]');
			button?.click();
			return button !== null && button !== undefined;
		},
	};
}
