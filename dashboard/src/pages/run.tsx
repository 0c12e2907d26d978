import { computed } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { MetricInfo, RunInfo } from '../../../src/core/query.ts';
import { LoadingLine, Message } from '../components/message.tsx';
import { PanelGrid } from '../components/panel-grid.tsx';
import { Swatch } from '../components/run-list.tsx';
import { StateGlyph } from '../components/state-glyph.tsx';
import { TideGauge, tideOf } from '../components/tide-gauge.tsx';
import { toolKeys } from '../components/tool-bar.tsx';
import { TopBar } from '../components/top-bar.tsx';
import { formatCount, formatElapsed, isoTitle } from '../format.ts';
import { type RunTab, runPath, workspacePath } from '../router.ts';
import { type ProjectState, ViewState } from '../state/project-state.ts';
import { areKeysShown, listenKeys } from '../state/shortcuts.ts';
import { useRunDetail } from '../state/use-run-detail.ts';
import { writeView } from '../state/view.ts';
import { RunFiles } from './run-files.tsx';
import { RunMedia } from './run-media.tsx';
import { RunOverview } from './run-overview.tsx';

/** One run: what it was told, what came out of it, its charts, media and files. */
export function RunPage({ state, runId, tab }: { state: ProjectState; runId: string; tab: RunTab }) {
	const info = state.live.run(runId)?.value;
	const result = useRunDetail(state, runId);
	const { detail } = result;
	const metrics = useRunMetrics(state, runId, info);
	useEffect(() => {
		document.title = `${info?.name ?? runId} · ${state.project} · Tidelog`;
	}, [info?.name, runId, state]);
	const run = info ?? detail;
	const back = writeView(state.workspace.view.value);
	const crumbs = (
		<>
			<a class="cut" href={workspacePath(state.entity, state.project) + (back && `?${back}`)}>
				{state.project}
			</a>
			<span class="sl not-narrow">/</span>
			<b class="cut not-narrow">{run?.name ?? runId}</b>
		</>
	);
	return (
		<>
			<TopBar connection={state.live} crumbs={crumbs} />
			{!run ? (
				<main class="page">
					{result.status === 'missing' && state.live.hasLoaded.value ? (
						<Message title="There is no such run" actions={<a href={workspacePath(state.entity, state.project)}>All runs of {state.project}</a>}>
							The project {state.project} has no run with the id {runId}.
						</Message>
					) : result.status === 'error' ? (
						<Message title="The run could not be loaded">{result.error}. It is tried again by itself.</Message>
					) : (
						<LoadingLine>Loading the run</LoadingLine>
					)}
				</main>
			) : (
				<>
					<RunHead state={state} run={run} tab={tab} metrics={metrics} files={detail?.files.length} />
					<main class="run-body">
						{tab === 'overview' && <RunOverview state={state} run={run} detail={detail} metrics={metrics} />}
						{tab === 'charts' && <RunCharts state={state} runId={runId} metrics={metrics} />}
						{tab === 'media' && <RunMedia state={state} run={run} metrics={metrics} />}
						{tab === 'files' && <RunFiles state={state} run={run} detail={detail} />}
					</main>
				</>
			)}
		</>
	);
}

const STATE_WORDS = { running: 'Running', finished: 'Finished', failed: 'Failed', crashed: 'Crashed' } as const;
const TAB_NAMES: readonly (readonly [RunTab, string])[] = [
	['overview', 'Overview'],
	['charts', 'Charts'],
	['media', 'Media'],
	['files', 'Files'],
];

function RunHead({
	state,
	run,
	tab,
	metrics,
	files,
}: {
	state: ProjectState;
	run: RunInfo;
	tab: RunTab;
	metrics: readonly MetricInfo[] | undefined;
	files: number | undefined;
}) {
	const counts: Partial<Record<RunTab, number>> = {
		charts: metrics?.filter((metric) => metric.kind === 'number').length,
		media: metrics?.filter((metric) => metric.kind === 'media').length,
		files,
	};
	const end = run.finishedMs ?? run.heartbeatMs;
	return (
		<div class="rh">
			<div class="row top-row">
				<div class="grow">
					<div class="row title-row">
						<Swatch run={run} />
						<h1 class="cut" title={run.name}>
							{run.name}
						</h1>
					</div>
					<div class="facts">
						<span class={`row state ${run.state}`} data-testid="run-state">
							<StateGlyph state={run.state} />
							{STATE_WORDS[run.state]}
							{run.state === 'failed' && run.exitCode !== undefined && ` with exit code ${run.exitCode}`}
						</span>
						<span title={`${isoTitle(run.createdMs)} to ${isoTitle(end)}`}>{formatElapsed(end - run.createdMs)}</span>
						<span>{run.lastStep < 0 ? 'no step yet' : `step ${formatCount(run.lastStep)}`}</span>
						{run.host && <span class="not-narrow">{run.host}</span>}
						<span class="mono not-narrow" title="Id of the run">
							{run.id}
						</span>
					</div>
				</div>
				<TideGauge {...tideOf([run])} />
			</div>
			<nav class="tabs" aria-label="Run">
				{TAB_NAMES.map(([name, text]) => (
					<a key={name} href={runPath(state.entity, state.project, run.id, name)} aria-current={name === tab ? 'page' : undefined}>
						{text}
						{counts[name] !== undefined && <span class="n">{formatCount(counts[name])}</span>}
					</a>
				))}
			</nav>
		</div>
	);
}

/** The same panels as in the workspace, with this run alone. */
function RunCharts({ state, runId, metrics }: { state: ProjectState; runId: string; metrics: readonly MetricInfo[] | undefined }) {
	const views = useMemo(() => {
		const own = computed(() => {
			void state.live.epoch.value;
			const run = state.live.run(runId)?.value;
			return run ? [run] : [];
		});
		return new ViewState(state.query, state.live, () => own.value);
	}, [state, runId]);
	useEffect(() => {
		const detach = views.attach();
		const silence = listenKeys({
			...toolKeys(views),
			'?': () => {
				areKeysShown.value = true;
				return true;
			},
		});
		return () => {
			detach();
			silence();
			views.stop();
		};
	}, [views]);
	return <PanelGrid state={state} views={views} metrics={metrics} />;
}

/** Metrics of this run alone; asked for again when the run logs a key that is not among them. */
function useRunMetrics(state: ProjectState, runId: string, info: RunInfo | undefined): readonly MetricInfo[] | undefined {
	const [metrics, setMetrics] = useState<readonly MetricInfo[]>();
	const isOnline = state.live.state.value !== 'offline';
	const keys = info ? Object.keys(info.summary).sort().join('\n') : '';
	const all = state.metrics.value;
	useEffect(() => {
		if (!isOnline) return;
		const stopping = new AbortController();
		state.query.metrics(state.project, [runId], stopping.signal).then(
			(found) => setMetrics(found.filter((metric) => !metric.key.startsWith('_'))),
			// What was known stays; the next change of the run or of the connection asks again.
			() => undefined,
		);
		return () => stopping.abort();
	}, [state, runId, keys, isOnline, all]);
	return metrics;
}
