import { useEffect, useMemo, useState } from 'preact/hooks';
import type { MediaPoint, MetricInfo, RunInfo } from '../../../src/core/query.ts';
import { LoadingLine, Message } from '../components/message.tsx';
import { MetricName } from '../components/run-name.tsx';
import { StepSlider } from '../components/step-slider.tsx';
import { formatAgo, formatBytes, formatClock, formatCount, plural } from '../format.ts';
import { isPixelArt, type MediaItem, mediaItems, mediaTicks, pointAt } from '../media/media-items.ts';
import type { ProjectState } from '../state/project-state.ts';

/** Least time between two reads while the run goes on. */
const EVERY_MS = 2000;

/** All media keys of a run at one step; one slider moves them together. */
export function RunMedia({ state, run, metrics }: { state: ProjectState; run: RunInfo; metrics: readonly MetricInfo[] | undefined }) {
	const keys = metrics?.filter((metric) => metric.kind === 'media').map((metric) => metric.key);
	const media = useMedia(state, run, keys);
	const ticks = useMemo(() => mediaTicks(media ? [...media.values()] : []), [media]);
	// Undefined follows the newest step, until somebody moves the handle away from the end.
	const [chosen, setChosen] = useState<number>();
	if (!keys) return <LoadingLine>Loading the media</LoadingLine>;
	if (keys.length === 0) {
		return (
			<Message title="No media">
				Images appear here as soon as one is logged, as in run.log({'{ sample: image(canvas) }'}), with a slider over all their steps.
			</Message>
		);
	}
	if (!media) return <LoadingLine>Loading the media</LoadingLine>;
	if (ticks.length === 0) return <Message title="No media yet">{keys.join(', ')} was named by this run; nothing of it has arrived.</Message>;
	const last = ticks.length - 1;
	const found = chosen === undefined ? last : ticks.findIndex((tick) => tick.step >= chosen);
	const index = found < 0 ? last : found;
	const step = ticks[index]?.step ?? 0;
	return (
		<>
			<StepSlider ticks={ticks} index={index} onChange={(to) => setChosen(to === last ? undefined : ticks[to]?.step)} />
			{keys.map((key) => (
				<Strip key={key} state={state} run={run} name={key} points={media.get(key) ?? []} step={step} />
			))}
		</>
	);
}

function Strip({ state, run, name, points, step }: { state: ProjectState; run: RunInfo; name: string; points: readonly MediaPoint[]; step: number }) {
	const point = pointAt(points, step);
	const items = point ? mediaItems(name, point) : [];
	return (
		<section class="media" aria-label={name} data-testid="media" data-key={name}>
			<div class="who">
				<h2>
					<MetricName name={name} />
				</h2>
				{point ? (
					<>
						<div class={point.step === step ? 'dim' : 'warn'}>
							{point.step === step ? plural(items.length, 'item') : `from step ${formatCount(point.step)}`}
						</div>
						<div class="dim">{formatClock(point.timeMs)}</div>
					</>
				) : (
					<div class="dim">first at step {formatCount(points[0]?.step ?? 0)}</div>
				)}
			</div>
			<div class="figures">
				{items.map((item, i) => (
					<Item
						key={`${item.path ?? item.type}|${i}`}
						item={item}
						run={run}
						url={item.path === undefined ? undefined : state.query.fileUrl(state.project, run.id, item.path)}
					/>
				))}
			</div>
		</section>
	);
}

function Item({ item, run, url }: { item: MediaItem; run: RunInfo; url: string | undefined }) {
	const facts = [item.width && item.height ? `${item.width} × ${item.height}` : '', item.sizeBytes ? formatBytes(item.sizeBytes) : '']
		.filter(Boolean)
		.join(' · ');
	return (
		<figure>
			{url === undefined ? (
				<div class="blank">{item.type}</div>
			) : !item.isUploaded ? (
				<div class="blank" data-testid="media-waiting">
					<span>uploading</span>
					<span class="dim">device heard of {formatAgo(run.heartbeatMs, Date.now())}</span>
				</div>
			) : item.kind === 'image' ? (
				<Picture item={item} url={url} />
			) : item.kind === 'audio' ? (
				// biome-ignore lint/a11y/useMediaCaption: what a run logs comes without captions
				<audio controls preload="none" src={url} />
			) : item.kind === 'video' ? (
				// biome-ignore lint/a11y/useMediaCaption: what a run logs comes without captions
				<video controls preload="metadata" src={url} />
			) : (
				<div class="blank">
					<a href={url} target="_blank" rel="noreferrer">
						{item.type}
					</a>
				</div>
			)}
			{(item.caption || facts) && (
				<figcaption>
					<span class="cut" title={item.caption}>
						{item.caption}
					</span>
					{facts && <span class="facts">{facts}</span>}
				</figcaption>
			)}
		</figure>
	);
}

function Picture({ item, url }: { item: MediaItem; url: string }) {
	const [natural, setNatural] = useState<{ width: number; height: number }>();
	const [isBroken, setBroken] = useState(false);
	if (isBroken) return <div class="blank">could not be read</div>;
	return (
		<img
			src={url}
			alt={item.caption}
			data-testid="media-image"
			class={isPixelArt(item, natural) ? 'pixels' : ''}
			loading="lazy"
			onLoad={(event) => setNatural({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })}
			onError={() => setBroken(true)}
		/>
	);
}

/** The points of all media keys, read again when the run has new records. Undefined before the first answer. */
function useMedia(state: ProjectState, run: RunInfo, keys: readonly string[] | undefined): ReadonlyMap<string, readonly MediaPoint[]> | undefined {
	const [media, setMedia] = useState<ReadonlyMap<string, readonly MediaPoint[]>>();
	const time = useMemo(() => ({ readAt: -Infinity }), []);
	const wanted = keys?.join('\n') ?? '';
	const isOnline = state.live.state.value !== 'offline';
	useEffect(() => {
		if (wanted === '' || !isOnline) return;
		const timer = setTimeout(
			() => {
				time.readAt = performance.now();
				Promise.all(wanted.split('\n').map(async (key) => [key, await state.query.media(state.project, run.id, key)] as const)).then(
					(found) => setMedia(new Map(found)),
					// What was read stays on screen; the top bar says that the server is away.
					() => undefined,
				);
			},
			Math.max(0, time.readAt + EVERY_MS - performance.now()),
		);
		return () => clearTimeout(timer);
		// The heartbeat counts too: bytes arrive without a new record.
	}, [state, run.id, run.records, run.heartbeatMs, wanted, isOnline, time]);
	return media;
}
