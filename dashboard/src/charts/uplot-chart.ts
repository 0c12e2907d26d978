import uPlot from 'uplot';
import type { XAxis } from '../state/view.ts';
import { xAxis, xTag, yAxis } from './axis.ts';
import { type Frame, PADDING, paintCrosshair, paintFurniture, paintLevels, paintLines, paintMarks } from './paint.ts';
import type { Palette } from './palette.ts';
import type { Line } from './prepare.ts';

/** What a chart shows. */
export interface ChartSpec {
	lines: readonly Line[];
	x: XAxis;
	range: [number, number];
	yRange: [number, number];
	log: boolean;
	focused: string | undefined;
	palette: Palette;
}

export interface Crosshair {
	x: number;
	dots: readonly { x: number; y: number; colour: number }[];
}

export interface ChartEvents {
	/** The pointer is over the plot at this x, in CSS pixels from the plot's left top; undefined when it left. */
	onPointer: (at: { x: number; left: number; top: number } | undefined) => void;
	/** A range of x was chosen by dragging. */
	onZoom: (range: [number, number]) => void;
	onResetZoom: () => void;
}

/**
 * A line chart. uPlot keeps the canvas, its pixel ratio, the two scales, the pointer and the selection; the lines are painted in
 * its draw hook from each run's own x values. uPlot's own series share one list of x: 40 runs that logged at different
 * steps would have to be joined into a table of mostly empty cells on each live update.
 */
export class UplotChart {
	readonly #host: HTMLElement;
	readonly #events: ChartEvents;
	readonly #overlay = document.createElement('canvas');
	#plot: uPlot | undefined;
	#spec: ChartSpec | undefined;
	#crosshair: Crosshair | undefined;
	#width = 0;
	#height = 0;

	constructor(host: HTMLElement, events: ChartEvents) {
		this.#host = host;
		this.#events = events;
		this.#overlay.className = 'overlay';
		this.#overlay.setAttribute('aria-hidden', 'true');
	}

	/** Shows `spec`; repaints at once. */
	update(spec: ChartSpec): void {
		const isNewScale = this.#spec !== undefined && this.#spec.log !== spec.log;
		this.#spec = spec;
		if (isNewScale) this.#dropPlot();
		if (!this.#plot) this.#createPlot();
		else this.#plot.setData(this.#data());
		this.#paintOverlay();
	}

	/** Fits the chart into a host of this size, in CSS pixels. */
	resize(width: number, height: number): void {
		if (width === this.#width && height === this.#height) return;
		this.#width = width;
		this.#height = height;
		if (width < 40 || height < 40) return;
		if (this.#plot) this.#plot.setSize({ width, height });
		else if (this.#spec) this.#createPlot();
		this.#paintOverlay();
	}

	setCrosshair(crosshair: Crosshair | undefined): void {
		if (crosshair === undefined && this.#crosshair === undefined) return;
		this.#crosshair = crosshair;
		this.#paintOverlay();
	}

	/** Value of y as CSS pixels from the top of the chart. */
	toTop(value: number): number {
		return this.#plot ? this.#frame(this.#plot.ctx).toY(value) : 0;
	}

	/** Value of x as CSS pixels from the left of the chart. */
	toLeft(value: number): number {
		return this.#plot ? this.#frame(this.#plot.ctx).toX(value) : 0;
	}

	destroy(): void {
		this.#dropPlot();
	}

	#data(): uPlot.AlignedData {
		const range = this.#spec?.range ?? [0, 1];
		return [
			[range[0], range[1]],
			[null, null],
		];
	}

	#createPlot(): void {
		const spec = this.#spec;
		if (!spec || this.#width < 40 || this.#height < 40) return;
		const { top, right, bottom, left } = PADDING;
		this.#plot = new uPlot(
			{
				width: this.#width,
				height: this.#height,
				padding: [top, right, bottom, left],
				legend: { show: false },
				axes: [{ show: false }, { show: false }],
				series: [{}, { show: true, points: { show: false } }],
				scales: {
					x: { time: false, range: () => this.#spec?.range ?? [0, 1] },
					y: { distr: spec.log ? 3 : 1, range: () => this.#spec?.yRange ?? [0, 1] },
				},
				cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 5 } },
				hooks: {
					draw: [(plot) => this.#paint(plot)],
					setCursor: [(plot) => this.#onCursor(plot)],
					setSelect: [(plot) => this.#onSelect(plot)],
				},
			},
			this.#data(),
			this.#host,
		);
		this.#plot.over.addEventListener('dblclick', () => this.#events.onResetZoom());
		this.#host.append(this.#overlay);
	}

	#dropPlot(): void {
		this.#plot?.destroy();
		this.#plot = undefined;
		this.#overlay.remove();
	}

	#frame(context: CanvasRenderingContext2D): Frame {
		const spec = this.#spec as ChartSpec;
		const left = PADDING.left;
		const right = this.#width - PADDING.right;
		const bottom = this.#height - PADDING.bottom;
		const [x0, x1] = spec.range;
		const to = spec.log ? Math.log10 : (value: number): number => value;
		const y0 = to(spec.yRange[0]);
		const y1 = to(spec.yRange[1]);
		const perX = (right - left) / (x1 - x0 || 1);
		const perY = (bottom - PADDING.top) / (y1 - y0 || 1);
		return {
			context,
			palette: spec.palette,
			width: this.#width,
			height: this.#height,
			left,
			right,
			top: PADDING.top,
			bottom,
			toX: (value) => left + (value - x0) * perX,
			toY: (value) => bottom - (to(value) - y0) * perY,
		};
	}

	#paint(plot: uPlot): void {
		const spec = this.#spec;
		if (!spec) return;
		const context = plot.ctx;
		const frame = this.#frame(context);
		const x = xAxis(spec.x, spec.range[0], spec.range[1], this.#width);
		const y = yAxis(spec.yRange[0], spec.yRange[1], spec.log, frame.bottom - frame.top);
		context.save();
		context.scale(uPlot.pxRatio, uPlot.pxRatio);
		paintFurniture(frame, y.ticks, x.ticks, x.label);
		paintLines(frame, spec.lines, spec.focused);
		paintMarks(frame, spec.lines, (value) => xTag(spec.x, value));
		paintLevels(frame, y.ticks, y.label);
		context.restore();
	}

	#paintOverlay(): void {
		const canvas = this.#overlay;
		const spec = this.#spec;
		if (!spec || !this.#plot) return;
		const ratio = uPlot.pxRatio;
		const width = Math.round(this.#width * ratio);
		const height = Math.round(this.#height * ratio);
		if (canvas.width !== width || canvas.height !== height) {
			canvas.width = width;
			canvas.height = height;
		}
		const context = canvas.getContext('2d');
		if (!context) return;
		context.setTransform(1, 0, 0, 1, 0, 0);
		context.clearRect(0, 0, width, height);
		if (!this.#crosshair) return;
		context.scale(ratio, ratio);
		paintCrosshair(this.#frame(context), this.#crosshair.x, this.#crosshair.dots, xTag(spec.x, this.#crosshair.x));
	}

	#onCursor(plot: uPlot): void {
		const { left, top } = plot.cursor;
		// uPlot says −10 when the pointer is outside.
		if (left === undefined || top === undefined || left < 0 || top < 0) this.#events.onPointer(undefined);
		else this.#events.onPointer({ x: plot.posToVal(left, 'x'), left: left + PADDING.left, top: top + PADDING.top });
	}

	#onSelect(plot: uPlot): void {
		const { left, width } = plot.select;
		if (width < 5) return;
		const range: [number, number] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
		plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
		if (range[0] < range[1]) this.#events.onZoom(range);
	}
}
