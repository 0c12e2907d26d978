import { effect, type Signal, signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatCount, formatValue } from '../format.ts';
import { themeEpoch } from '../state/theme.ts';
import type { XAxis } from '../state/view.ts';
import { xTitle } from './axis.ts';
import { readPalette, runColour } from './palette.ts';
import { type Line, nearestIndex, readAt } from './prepare.ts';
import { UplotChart } from './uplot-chart.ts';

export interface ChartProps {
	/** Tells this chart from others under the shared crosshair. */
	id: string;
	/** What a screen reader says. */
	label: string;
	lines: readonly Line[];
	x: XAxis;
	range: [number, number];
	yRange: [number, number];
	log: boolean;
	focused: string | undefined;
	crosshair: Signal<{ x: number; source: string } | undefined>;
	nameOf: (runId: string) => string;
	onZoom: (range: [number, number] | undefined) => void;
}

interface Reading {
	line: Line;
	at: number;
	value: number;
}

/** Most rows of a tooltip. */
const TIP_ROWS = 12;
const TIP_WIDTH = 212;

/** A line chart with the crosshair that all charts of a view share. One stop for the keyboard; ← → move the crosshair. */
export function Chart(props: ChartProps) {
	const host = useRef<HTMLDivElement>(null);
	const chart = useRef<UplotChart | undefined>(undefined);
	// What the crosshair needs is read when it moves, without rendering again.
	const latest = useRef(props);
	latest.current = props;
	const tip = useMemo(() => signal<TipState | undefined>(undefined), []);
	const spoken = useMemo(() => signal(''), []);

	useEffect(() => {
		const element = host.current;
		if (!element) return;
		let pointerTop = 0;
		const made = new UplotChart(element, {
			onPointer: (at) => {
				const { crosshair, id, lines } = latest.current;
				if (!at) {
					if (crosshair.peek()?.source === id) crosshair.value = undefined;
					return;
				}
				pointerTop = at.top;
				const snapped = snap(lines, at.x);
				const previous = crosshair.peek();
				if (snapped === undefined) crosshair.value = undefined;
				else if (previous?.x !== snapped || previous.source !== id) crosshair.value = { x: snapped, source: id };
				else show();
			},
			onZoom: (range) => latest.current.onZoom(range),
			onResetZoom: () => latest.current.onZoom(undefined),
		});
		chart.current = made;
		const show = (): void => {
			const { crosshair, id, lines } = latest.current;
			const at = crosshair.peek();
			if (!at) {
				made.setCrosshair(undefined);
				tip.value = undefined;
				return;
			}
			const readings = read(lines, at.x, latest.current.range);
			made.setCrosshair({ x: at.x, dots: readings.map(({ line, at: i, value }) => ({ x: line.x[i] ?? at.x, y: value, colour: line.colour })) });
			tip.value = at.source === id && readings.length > 0 ? placeTip(made, readings, at.x, pointerTop, element) : undefined;
		};
		const stop = effect(() => {
			void latest.current.crosshair.value;
			show();
		});
		const resizing = new ResizeObserver(() => made.resize(element.clientWidth, element.clientHeight));
		resizing.observe(element);
		made.resize(element.clientWidth, element.clientHeight);
		return () => {
			stop();
			resizing.disconnect();
			made.destroy();
			if (latest.current.crosshair.peek()?.source === latest.current.id) latest.current.crosshair.value = undefined;
		};
	}, [tip]);

	const { lines, x, range, yRange, log, focused } = props;
	const epoch = themeEpoch.value;
	useEffect(() => {
		chart.current?.update({ lines, x, range, yRange, log, focused, palette: readPalette(epoch) });
		// `range` and `yRange` are new arrays each time; their values decide.
	}, [lines, x, range[0], range[1], yRange[0], yRange[1], log, focused, epoch]);

	const onKeyDown = (event: KeyboardEvent): void => {
		const { crosshair, id } = props;
		if (event.key === 'Escape' && crosshair.peek()) {
			crosshair.value = undefined;
		} else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
			const by = (event.key === 'ArrowLeft' ? -1 : 1) * (event.shiftKey ? 10 : 1);
			const next = moveCrosshair(lines, crosshair.peek()?.x, by);
			if (next === undefined) return;
			crosshair.value = { x: next, source: id };
			const readings = read(lines, next, range).slice(0, 5);
			spoken.value = `${xTitle(x, next)}: ${readings.map(({ line, value }) => `${props.nameOf(line.runId)} ${formatValue(value)}`).join(', ')}`;
		} else return;
		event.preventDefault();
	};

	return (
		<>
			<div
				ref={host}
				class="chart"
				role="img"
				// biome-ignore lint/a11y/noNoninteractiveTabindex: a chart is one stop, whose arrow keys move the crosshair
				tabIndex={0}
				aria-label={props.label}
				onKeyDown={onKeyDown}
				onBlur={() => (props.crosshair.value = undefined)}
			/>
			<span class="vh" aria-live="polite">
				{spoken}
			</span>
			<Tip tip={tip} x={x} nameOf={props.nameOf} />
		</>
	);
}

interface TipState {
	x: number;
	left: number;
	top: number;
	readings: Reading[];
	nearest: Reading | undefined;
}

function Tip({ tip, x, nameOf }: { tip: Signal<TipState | undefined>; x: XAxis; nameOf: (runId: string) => string }) {
	const state = tip.value;
	if (!state) return null;
	const { readings, nearest } = state;
	// The nearest one is always among the rows.
	const first = nearest ? Math.max(0, Math.min(readings.indexOf(nearest) - TIP_ROWS + 3, readings.length - TIP_ROWS)) : 0;
	const rows = readings.slice(first, first + TIP_ROWS);
	return (
		<div class="tip" role="tooltip" style={{ left: `${state.left}px`, top: `${state.top}px` }}>
			<div class="h">
				<b>{xTitle(x, state.x)}</b>
			</div>
			<ul>
				{rows.map((reading) => (
					<li key={reading.line.runId} class={reading === nearest ? 'near' : ''}>
						<i style={{ background: runColour(reading.line.colour) }} />
						<span class="cut">{nameOf(reading.line.runId)}</span>
						<span>{formatValue(reading.value)}</span>
					</li>
				))}
			</ul>
			{readings.length > rows.length && <div class="more">+ {readings.length - rows.length} more</div>}
			{nearest && <div class="f">{bucketText(nearest)}</div>}
		</div>
	);
}

/** What stands behind the nearest reading: one point, or how many and between what. */
function bucketText({ line, at }: Reading): string {
	const { count, min, max, last } = line.series;
	const points = count[at] ?? 1;
	const smoothed = line.original ? `EMA of ${formatValue(last[at])}` : '';
	if (points <= 1) return smoothed || 'one point';
	const range = `${formatCount(points)} points, ${formatValue(min[at])} – ${formatValue(max[at])}`;
	return smoothed ? `${smoothed} · ${range}` : `last of ${range}`;
}

function read(lines: readonly Line[], x: number, range: [number, number]): Reading[] {
	const slack = (range[1] - range[0]) / 200;
	const readings: Reading[] = [];
	for (const line of lines) {
		const at = readAt(line, x, slack);
		const value = line.y[at];
		if (value !== undefined && Number.isFinite(value)) readings.push({ line, at, value });
	}
	return readings.sort((a, b) => b.value - a.value);
}

/** The x of the point nearest to the pointer, over all lines: the crosshair stands on values that were logged. */
function snap(lines: readonly Line[], x: number): number | undefined {
	let best: number | undefined;
	for (const line of lines) {
		const near = line.x[nearestIndex(line.x, x)];
		if (near !== undefined && (best === undefined || Math.abs(near - x) < Math.abs(best - x))) best = near;
	}
	return best;
}

/** `by` points further along the longest line. */
function moveCrosshair(lines: readonly Line[], from: number | undefined, by: number): number | undefined {
	let longest: Line | undefined;
	for (const line of lines) if (line.x.length > (longest?.x.length ?? 0)) longest = line;
	if (!longest) return undefined;
	const at = from === undefined ? (by > 0 ? -1 : longest.x.length) : nearestIndex(longest.x, from);
	return longest.x[Math.max(0, Math.min(longest.x.length - 1, at + by))];
}

/** Beside the crosshair, on the side with room, never over it. */
function placeTip(chart: UplotChart, readings: Reading[], x: number, pointerTop: number, element: HTMLElement): TipState {
	let nearest: Reading | undefined;
	let distance = Infinity;
	for (const reading of readings) {
		const away = Math.abs(chart.toTop(reading.value) - pointerTop);
		if (away < distance) {
			distance = away;
			nearest = reading;
		}
	}
	const at = chart.toLeft(x);
	const rows = Math.min(TIP_ROWS, readings.length);
	const height = 66 + rows * 18 + (readings.length > rows ? 18 : 0);
	const box = element.getBoundingClientRect();
	// Tall tooltips may reach over the next panel, but not out of the window.
	const highest = Math.min(0, innerHeight - box.top - height - 8);
	const left =
		at + 12 + TIP_WIDTH <= element.clientWidth || at - 12 - TIP_WIDTH < -box.left
			? Math.min(at + 12, innerWidth - box.left - TIP_WIDTH - 4)
			: at - 12 - TIP_WIDTH;
	return { x, left, top: Math.max(-box.top + 4, Math.min(4, highest)), readings, nearest };
}
