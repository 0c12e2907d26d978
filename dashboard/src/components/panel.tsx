import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { X_NAMES } from '../charts/axis.ts';
import { Chart } from '../charts/chart.tsx';
import { describeChart, extentX, extentY, type Line, prepareLine, rangeY } from '../charts/prepare.ts';
import { formatValue, unitOf } from '../format.ts';
import type { Feed } from '../state/chart-loader.ts';
import type { ProjectState, ViewState } from '../state/project-state.ts';
import { isLog } from '../state/view.ts';
import { Icon } from './icon.tsx';
import { Loading, Message } from './message.tsx';
import { MetricName } from './run-name.tsx';

/** Points across a panel of a third of the page, and across one that takes the whole row. */
const BUCKETS = 400;
const WIDE_BUCKETS = 1200;
/** The band of least and greatest value is drawn for so few runs, and else for the focused one. */
const BAND_RUNS = 3;

export interface PanelProps {
	state: ProjectState;
	views: ViewState;
	metric: string;
}

/** One metric: its name, what was done to it, its chart. It fetches and draws only while it is on screen. */
export function Panel({ state, views, metric }: PanelProps) {
	const element = useRef<HTMLElement>(null);
	const [isOnScreen, setOnScreen] = useState(false);
	const isWide = views.expanded.value.has(metric);
	useEffect(() => {
		if (!element.current) return;
		const observer = new IntersectionObserver((entries) => setOnScreen(entries[entries.length - 1]?.isIntersecting ?? false), {
			rootMargin: '120px',
		});
		observer.observe(element.current);
		return () => observer.disconnect();
	}, []);
	return (
		<section ref={element} class={isWide ? 'panel is-wide' : 'panel'} data-testid="panel" data-key={metric} aria-label={metric}>
			{isOnScreen ? (
				<LivePanel key={isWide} state={state} views={views} metric={metric} isWide={isWide} section={element} />
			) : (
				<PanelHead metric={metric} />
			)}
		</section>
	);
}

function PanelHead({ metric, meta, children }: { metric: string; meta?: preact.ComponentChildren; children?: preact.ComponentChildren }) {
	return (
		<header>
			<h3 class="cut" title={metric}>
				<MetricName name={metric} />
				<span class="u">{unitOf(metric)}</span>
			</h3>
			<span class="meta">{meta}</span>
			{children}
		</header>
	);
}

interface LivePanelProps extends PanelProps {
	isWide: boolean;
	section: { current: HTMLElement | null };
}

function LivePanel({ state, views, metric, isWide, section }: LivePanelProps) {
	const [feed, setFeed] = useState<Feed>();
	useEffect(() => {
		const opened = views.loader.open(metric, isWide ? WIDE_BUCKETS : BUCKETS);
		setFeed(opened);
		return () => opened.close();
	}, [views, metric, isWide]);

	const view = views.view.value;
	const runs = views.runs.value;
	const focused = views.focused.value;
	const series = feed?.series.value;
	const log = isLog(view, metric);
	// Live updates bring a new list of runs many times a second; only these parts of it are drawn.
	const look = runs.map((run) => `${run.id}:${run.colour}:${run.state === 'running'}`).join();
	const hasFocused = focused !== undefined && runs.some((run) => run.id === focused);
	const bandRun = runs.length > BAND_RUNS ? focused : undefined;

	const { lines, range, points, nonFiniteRuns } = useMemo(() => {
		const shown = runs.flatMap((run) => {
			const one = series?.get(run.id);
			return one && one.points > 0 ? [{ run, one }] : [];
		});
		const range =
			view.zoom ??
			rangeOf(
				shown.map(({ one }) => one),
				view.x === 'step' ? feed?.lastSteps : undefined,
			);
		const lines = shown.map(({ run, one }) =>
			prepareLine(one, {
				colour: run.colour,
				isLive: run.state === 'running',
				smoothing: view.smoothing,
				range: range[1] - range[0],
				log,
				band: shown.length <= BAND_RUNS || run.id === bandRun,
			}),
		);
		const points = shown.reduce((sum, { one }) => sum + one.points, 0);
		return { lines, range, points, nonFiniteRuns: lines.filter((line) => line.nonFinite > 0).length };
	}, [series, look, view.zoom, view.smoothing, view.x, log, bandRun, feed]);

	// The count is on the section, so that it can be read without looking into a canvas.
	useEffect(() => {
		section.current?.setAttribute('data-points', String(points));
	}, [points, section]);

	const previous = useRef<{ log: boolean; view: string; range: [number, number] } | undefined>(undefined);
	const basis = `${view.x}|${view.zoom?.join()}|${view.smoothing}|${lines.map((line) => line.runId).join()}`;
	const kept = previous.current?.log === log && previous.current.view === basis ? previous.current.range : undefined;
	const yRange = useMemo(() => rangeY(extentY(lines, range[0], range[1]), log, kept), [lines, range[0], range[1], log, basis]);
	previous.current = { log, view: basis, range: yRange };

	const names = new Map(runs.map((run) => [run.id, run.name]));
	const nameOf = (id: string): string => names.get(id) ?? id;
	const error = feed?.error.value;
	const isWaiting = !feed?.hasAnswer.value;
	const toggleLog = (): void => views.set({ log: view.log.includes(metric) ? view.log.filter((key) => key !== metric) : [...view.log, metric] });
	const toggleWide = (): void => {
		const next = new Set(views.expanded.peek());
		if (!next.delete(metric)) next.add(metric);
		views.expanded.value = next;
	};

	return (
		<>
			<PanelHead
				metric={metric}
				meta={
					lines.length > 0 ? <Meta log={log} smoothing={view.smoothing} bad={nonFiniteRuns} drawn={lines} /> : error ? 'server did not answer' : ''
				}
			>
				<div class="acts">
					<button type="button" class="ib text" aria-pressed={log} title="Log scale (L for all)" onClick={toggleLog}>
						log
					</button>
					<button
						type="button"
						class="ib"
						aria-label={isWide ? 'Narrow the chart' : 'Widen the chart'}
						title={isWide ? 'Narrow (F)' : 'Widen (F)'}
						data-widen
						onClick={toggleWide}
					>
						<Icon name={isWide ? 'minimize' : 'maximize'} />
					</button>
				</div>
			</PanelHead>
			<div class="plot">
				{lines.length > 0 ? (
					<Chart
						id={metric}
						label={describeChart(metric, X_NAMES[view.x], lines, nameOf, formatValue)}
						lines={lines}
						x={view.x}
						range={range}
						yRange={yRange}
						log={log}
						focused={hasFocused ? focused : undefined}
						crosshair={views.crosshair}
						nameOf={nameOf}
						onZoom={(zoom) => views.set({ zoom })}
					/>
				) : error ? (
					<Message
						title="Could not load this chart"
						actions={
							<button type="button" class="btn" onClick={() => feed?.retry()}>
								<Icon name="refresh" />
								Try again
							</button>
						}
					>
						{error}
					</Message>
				) : isWaiting ? (
					<Loading />
				) : (
					<Nothing state={state} views={views} metric={metric} shown={runs.length} />
				)}
			</div>
		</>
	);
}

/** What was done to the data, in the panel's own line. */
function Meta({ log, smoothing, bad, drawn }: { log: boolean; smoothing: number; bad: number; drawn: readonly Line[] }) {
	const parts: preact.ComponentChildren[] = [];
	if (log) parts.push('log');
	if (smoothing > 0) parts.push(`EMA ${smoothing.toFixed(2)}`);
	if (drawn.length <= BAND_RUNS && drawn.some((line) => line.band)) parts.push('min–max');
	if (bad > 0) parts.push(<span class="bad">{bad === 1 && drawn.length === 1 ? 'not finite' : `${bad} run${bad === 1 ? '' : 's'} not finite`}</span>);
	return (
		<>
			{parts.map((part, i) => (
				<>
					{i > 0 && ' · '}
					{part}
				</>
			))}
		</>
	);
}

/** Why a panel is empty, and who has what it would show. */
function Nothing({ state, views, metric, shown }: { state: ProjectState; views: ViewState; metric: string; shown: number }) {
	if (views.view.value.zoom) {
		return (
			<Message
				title="Nothing in this range"
				actions={
					<button type="button" class="btn" onClick={() => views.set({ zoom: undefined })}>
						Reset zoom
					</button>
				}
			/>
		);
	}
	const others = state.live.all().filter((run) => metric in run.summary && !views.runs.value.includes(run));
	if (shown === 0 && others.length === 0) return <Message title="No run is shown" />;
	return (
		<Message
			title={shown === 0 ? 'No run is shown' : shown === 1 ? 'Not logged by this run' : `Not logged by the ${shown} runs shown`}
			actions={
				views === state.workspace &&
				others.length > 0 && (
					<button
						type="button"
						class="btn"
						onClick={() => {
							for (const run of others.slice(0, 12)) state.setShown(run.id, true);
						}}
					>
						Show {others.length > 12 ? 'the newest 12' : others.length === 1 ? 'it' : 'them'}
					</button>
				)
			}
		>
			{others.length > 0 &&
				`${others.length} hidden run${others.length === 1 ? ' has' : 's have'} it: ${others
					.slice(0, 3)
					.map((run) => run.name)
					.join(', ')}${others.length > 3 ? ' …' : '.'}`}
		</Message>
	);
}

/** From 0, where that is near, to the end of the longest run that has the metric. */
function rangeOf(series: readonly Parameters<typeof prepareLine>[0][], lastSteps: ReadonlyMap<string, number> | undefined): [number, number] {
	const extent = extentX(series);
	if (!extent) return [0, 1];
	let [low, high] = extent;
	if (lastSteps) {
		for (const one of series) high = Math.max(high, lastSteps.get(one.runId) ?? high);
		if (low > 0 && low < high * 0.3) low = 0;
	}
	if (low < high) return [low, high];
	// A single point stands at the left end of a step axis that begins there, else in the middle.
	return lastSteps && low === 0 ? [0, 1] : [low - 1, high + 1];
}
