import { useEffect, useMemo, useState } from 'preact/hooks';
import type { LineValue } from '../../../src/core/json-line.ts';
import type { MetricInfo, RunDetail, RunInfo } from '../../../src/core/query.ts';
import { Icon } from '../components/icon.tsx';
import { LoadingLine } from '../components/message.tsx';
import { MetricName } from '../components/run-name.tsx';
import { Sparkline } from '../components/sparkline.tsx';
import { formatAny, formatBytes, formatClock, formatCount, formatDate, formatElapsed, formatValue, isoTitle, plural } from '../format.ts';
import { runPath } from '../router.ts';
import type { ProjectState } from '../state/project-state.ts';
import { groupConfig } from './config-groups.ts';

export interface RunOverviewProps {
	state: ProjectState;
	run: RunInfo;
	detail: RunDetail | undefined;
	metrics: readonly MetricInfo[] | undefined;
}

/** What a run came to and what it was told, on one page. */
export function RunOverview({ state, run, detail, metrics }: RunOverviewProps) {
	return (
		<div class="cols">
			<div>
				<Notes run={run} />
				<Alerts alerts={detail?.alerts ?? []} />
				<Life run={run} detail={detail} />
			</div>
			<div>
				<Summary state={state} run={run} detail={detail} metrics={metrics} />
				<Output state={state} run={run} detail={detail} metrics={metrics} />
			</div>
			<div>
				<Config detail={detail} />
			</div>
		</div>
	);
}

function Notes({ run }: { run: RunInfo }) {
	return (
		<section class="box">
			<h2 class="h2">Notes</h2>
			{run.notes ? run.notes.split(/\n{2,}/).map((text) => <p class="note-text">{text}</p>) : <p class="none">None were given with this run.</p>}
			{run.tags.length > 0 && (
				<div class="tags">
					{run.tags.map((tag) => (
						<span key={tag} class="tag">
							{tag}
						</span>
					))}
				</div>
			)}
		</section>
	);
}

const LEVEL_CLASSES = { info: '', warn: 'warn', error: 'bad' };
const ALERT_ROWS = 12;

/** What the run told people while it ran, the newest first. */
function Alerts({ alerts }: { alerts: RunDetail['alerts'] }) {
	const [isWhole, setWhole] = useState(false);
	if (alerts.length === 0) return null;
	const newest = [...alerts].reverse().sort((a, b) => b.timeMs - a.timeMs);
	return (
		<section class="box">
			<h2 class="h2">
				Alerts <span class="n">{formatCount(alerts.length)}</span>
			</h2>
			<dl class="kv">
				{(isWhole ? newest : newest.slice(0, ALERT_ROWS)).map(({ title, text, level, timeMs }) => (
					<>
						<dt title={isoTitle(timeMs)}>{formatClock(timeMs)}</dt>
						<dd>
							<span class={LEVEL_CLASSES[level]}>
								{level !== 'info' && `${level}: `}
								{title}
							</span>
							{text && <p class="note-text">{text}</p>}
						</dd>
					</>
				))}
			</dl>
			{newest.length > ALERT_ROWS && (
				<button type="button" class="btn quiet more-rows" onClick={() => setWhole(!isWhole)}>
					{isWhole ? `First ${ALERT_ROWS} only` : `All ${formatCount(newest.length)}`}
				</button>
			)}
		</section>
	);
}

/** When it began, was last heard of and ended, to scale; then the facts. */
function Life({ run, detail }: { run: RunInfo; detail: RunDetail | undefined }) {
	const isOver = run.finishedMs !== undefined;
	const end = run.finishedMs ?? run.heartbeatMs;
	const moment = (ms: number) => (
		<span title={isoTitle(ms)}>
			{formatDate(ms)}, {formatClock(ms)}
		</span>
	);
	const pending = Math.max(0, run.stored - run.records);
	const facts: [string, preact.ComponentChildren][] = [
		['Started', moment(run.createdMs)],
		[isOver ? 'Ended' : 'Last heard of', moment(end)],
		['Took', formatElapsed(end - run.createdMs)],
	];
	if (run.exitCode !== undefined) facts.push(['Exit code', run.exitCode === 0 ? '0' : <span class="bad">{run.exitCode}</span>]);
	if (run.host) facts.push(['Host', run.host]);
	if (run.group) facts.push(['Group', run.group]);
	if (run.jobType) facts.push(['Job type', run.jobType]);
	facts.push(['Rows', `${formatCount(run.records)} on the server${pending > 0 ? `, ${formatCount(pending)} on the device` : ''}`]);
	if (detail && detail.hiddenPoints > 0)
		facts.push(['Hidden', `${plural(detail.hiddenPoints, 'value')} that a later call on the same step replaced`]);
	facts.push(['Id', <span class="mono">{run.id}</span>]);
	return (
		<section class="box">
			<h2 class="h2">Life of the run</h2>
			{run.state === 'crashed' && (
				<p class="note bad">Nothing was heard of it since {formatClock(run.heartbeatMs)}, and it has not said that it ended.</p>
			)}
			<dl class="kv">
				{facts.map(([name, value]) => (
					<>
						<dt>{name}</dt>
						<dd>{value}</dd>
					</>
				))}
			</dl>
		</section>
	);
}

const SUMMARY_ROWS = 24;

function Summary({ state, run, detail, metrics }: RunOverviewProps) {
	const [isWhole, setWhole] = useState(false);
	const summary = detail?.summary ?? run.summary;
	const kinds = new Map(metrics?.map((metric) => [metric.key, metric.kind]));
	const rows = Object.entries(summary)
		.filter(([key]) => !key.startsWith('_') && kinds.get(key) !== 'media')
		.sort(([a], [b]) => byImportance(a, b));
	const shown = isWhole ? rows : rows.slice(0, SUMMARY_ROWS);
	const numbers = shown.filter(([, value]) => typeof value === 'number').map(([key]) => key);
	const sparks = useSparks(state, run, numbers);
	return (
		<section class="box">
			<h2 class="h2">
				Summary <span class="n">{rows.length > 0 ? formatCount(rows.length) : ''}</span>
			</h2>
			{rows.length === 0 ? (
				<p class="none">Nothing was logged yet.</p>
			) : (
				<table class="summ" aria-label="Summary">
					<thead>
						<tr>
							<th scope="col">metric</th>
							<th scope="col">
								<span class="vh">course</span>
							</th>
							<th scope="col" class="num">
								last
							</th>
						</tr>
					</thead>
					<tbody>
						{shown.map(([key, value]) => (
							<tr key={key}>
								<td class="cut" title={key}>
									<MetricName name={key} />
								</td>
								<td class="course">
									<Sparkline values={sparks.get(key) ?? []} colour={run.colour} />
								</td>
								<td class="num med">
									<SummaryValue value={value} />
								</td>
							</tr>
						))}
					</tbody>
				</table>
			)}
			{rows.length > SUMMARY_ROWS && (
				<button type="button" class="btn quiet more-rows" onClick={() => setWhole(!isWhole)}>
					{isWhole ? `First ${SUMMARY_ROWS} only` : `All ${formatCount(rows.length)}`}
				</button>
			)}
		</section>
	);
}

function SummaryValue({ value }: { value: LineValue }) {
	if (typeof value === 'number') return <span class={Number.isFinite(value) ? '' : 'bad'}>{formatValue(value)}</span>;
	return <>{typeof value === 'bigint' ? formatValue(value) : formatAny(value)}</>;
}

/** Validation, then training, then the rest, each by name. */
function byImportance(a: string, b: string): number {
	const rank = (key: string): number => (/^val/i.test(key) ? 0 : /^test/i.test(key) ? 1 : /^train/i.test(key) ? 2 : /^system/i.test(key) ? 4 : 3);
	return rank(a) - rank(b) || a.localeCompare(b, 'en', { numeric: true });
}

const SPARK_BUCKETS = 60;
const SPARK_EVERY_MS = 3000;

/** The courses of some metrics, read again at most every 3 s while the run goes on. */
function useSparks(state: ProjectState, run: RunInfo, keys: readonly string[]): ReadonlyMap<string, ArrayLike<number>> {
	const [sparks, setSparks] = useState<ReadonlyMap<string, ArrayLike<number>>>(new Map());
	const time = useMemo(() => ({ readAt: -Infinity, keys: '' }), []);
	const wanted = keys.join('\n');
	useEffect(() => {
		if (wanted === '' || state.live.state.peek() === 'offline') return;
		const wait = wanted === time.keys ? Math.max(0, time.readAt + SPARK_EVERY_MS - performance.now()) : 0;
		const timer = setTimeout(() => {
			time.readAt = performance.now();
			time.keys = wanted;
			state.query.chart({ project: state.project, runIds: [run.id], keys: wanted.split('\n'), buckets: SPARK_BUCKETS }).then(
				(series) => setSparks(new Map(series.map((one) => [one.key, one.last]))),
				// A course that is missing for a moment is no reason for a message: the values stand beside it.
				() => undefined,
			);
		}, wait);
		return () => clearTimeout(timer);
	}, [state, run.id, run.records, wanted, time]);
	return sparks;
}

function Output({ state, run, detail, metrics }: RunOverviewProps) {
	const media = metrics?.filter((metric) => metric.kind === 'media') ?? [];
	const files = detail?.files ?? [];
	const waiting = files.filter((file) => file.uploadedMs === undefined).length;
	return (
		<section class="box">
			<h2 class="h2">Output</h2>
			<dl class="kv">
				<dt>Media</dt>
				<dd>
					{media.length === 0 ? (
						'none'
					) : (
						<a href={runPath(state.entity, state.project, run.id, 'media')}>{media.map((metric) => metric.key).join(', ')}</a>
					)}
				</dd>
				<dt>Files</dt>
				<dd>
					{files.length === 0 ? (
						'none'
					) : (
						<a href={runPath(state.entity, state.project, run.id, 'files')}>
							{plural(files.length, 'file')} · {formatBytes(files.reduce((sum, file) => sum + file.sizeBytes, 0))}
						</a>
					)}
					{waiting > 0 && <span class="warn"> · {waiting} not here yet</span>}
				</dd>
			</dl>
		</section>
	);
}

function Config({ detail }: { detail: RunDetail | undefined }) {
	const [isCopied, setCopied] = useState(false);
	if (!detail) {
		return (
			<section class="box">
				<h2 class="h2">Config</h2>
				<LoadingLine>Loading the config</LoadingLine>
			</section>
		);
	}
	const groups = groupConfig(detail.config);
	const count = groups.reduce((sum, group) => sum + group.entries.length, 0);
	const copy = (): void => {
		const text = JSON.stringify(detail.config, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 2);
		navigator.clipboard.writeText(text).then(
			() => setCopied(true),
			// Without the right to the clipboard the button says nothing, and the config is on screen.
			() => setCopied(false),
		);
	};
	return (
		<section class="box">
			<h2 class="h2">
				Config <span class="n">{count > 0 ? formatCount(count) : ''}</span>
				{count > 0 && (
					<button
						type="button"
						class="ib end"
						aria-label={isCopied ? 'Copied' : 'Copy as JSON'}
						title={isCopied ? 'Copied' : 'Copy as JSON'}
						onClick={copy}
					>
						<Icon name="copy" />
					</button>
				)}
			</h2>
			{count === 0 ? (
				<p class="none">None was given with this run.</p>
			) : (
				<dl class="kv">
					{groups.map((group) => (
						<>
							{group.name && <dt class="g">{group.name}</dt>}
							{group.entries.map(([key, value]) => (
								<>
									<dt title={group.name ? `${group.name}.${key}` : key}>{key}</dt>
									<dd>{formatAny(value)}</dd>
								</>
							))}
						</>
					))}
				</dl>
			)}
		</section>
	);
}
