import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { MetricInfo } from '../../../src/core/query.ts';
import type { ProjectState, ViewState } from '../state/project-state.ts';
import { nameFilter } from '../state/view.ts';
import { Icon } from './icon.tsx';
import { LoadingLine, Message } from './message.tsx';
import { Panel } from './panel.tsx';
import { groupMetrics } from './sections.ts';
import { ToolBar } from './tool-bar.tsx';

/** Tool bar and charts: one section for each prefix, one panel for each metric. */
export function PanelGrid({ state, views, metrics }: { state: ProjectState; views: ViewState; metrics: readonly MetricInfo[] | undefined }) {
	const folded = useMemo(() => signal<ReadonlySet<string>>(new Set()), []);
	const search = views.view.value.panelSearch;
	const numbers = metrics?.filter((metric) => metric.kind === 'number');
	const matches = nameFilter(search);
	const sections = groupMetrics(numbers?.map((metric) => metric.key).filter(matches) ?? []);
	const count = sections.reduce((sum, section) => sum + section.keys.length, 0);
	const toggle = (name: string): void => {
		const next = new Set(folded.peek());
		if (!next.delete(name)) next.add(name);
		folded.value = next;
	};
	return (
		<>
			<ToolBar views={views} panels={count} />
			<div class="sheet">
				{sections.map(({ name, keys }) => {
					const isFolded = folded.value.has(name);
					return (
						<section key={name} aria-label={name}>
							<h2 class="sec">
								<button type="button" aria-expanded={!isFolded} onClick={() => toggle(name)}>
									<Icon name="chevronDown" />
									{name} <span class="n">{keys.length}</span>
								</button>
							</h2>
							{!isFolded && (
								<div class="grid">
									{keys.map((key) => (
										<Panel key={key} state={state} views={views} metric={key} />
									))}
								</div>
							)}
						</section>
					);
				})}
				{numbers && numbers.length === 0 && (
					<Message title="No numbers yet">A panel appears here for each metric as soon as one is logged, as in run.log({'{ loss: 0.42 }'}).</Message>
				)}
				{numbers && numbers.length > 0 && count === 0 && (
					<Message
						title="No panel is named like this"
						actions={
							<button type="button" class="btn" onClick={() => views.set({ panelSearch: '' })}>
								Show all {numbers.length}
							</button>
						}
					/>
				)}
				{!numbers &&
					(state.metricsError.value ? (
						<Message title="Could not load the metrics">{state.metricsError.value}. It is tried again by itself.</Message>
					) : (
						<LoadingLine>Loading the metrics</LoadingLine>
					))}
			</div>
		</>
	);
}
