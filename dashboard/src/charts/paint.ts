import { type Palette, RUN_COLOURS, runDash } from './palette.ts';
import type { Line, Mark } from './prepare.ts';

/**
 * Everything a chart paints on its canvas. Coordinates are CSS pixels of the whole canvas; the caller has scaled the context.
 * Level labels stand on their line inside the plot, so no margin is spent on them, and are painted last on a halo so that no line
 * cuts them.
 */
export interface Frame {
	context: CanvasRenderingContext2D;
	palette: Palette;
	width: number;
	height: number;
	left: number;
	right: number;
	top: number;
	/** y of the base line. */
	bottom: number;
	toX: (value: number) => number;
	toY: (value: number) => number;
}

export const PADDING = { top: 12, right: 14, bottom: 20, left: 40 } as const;
/** Level lines reach into the label margin. */
const EDGE = 12;

/** Level lines and the base line; labels come last, in {@link paintLevels}. */
export function paintFurniture(frame: Frame, levels: readonly number[], xTicks: readonly number[], xLabel: (value: number) => string): void {
	const { context: g, palette, width, bottom } = frame;
	g.lineWidth = 1;
	g.strokeStyle = palette.grid;
	g.beginPath();
	for (const level of levels) {
		const y = Math.round(frame.toY(level)) + 0.5;
		g.moveTo(EDGE, y);
		g.lineTo(width - EDGE, y);
	}
	g.stroke();
	const base = Math.round(bottom) + 0.5;
	g.strokeStyle = palette.axis;
	g.beginPath();
	g.moveTo(EDGE, base);
	g.lineTo(width - EDGE, base);
	g.fillStyle = palette.label;
	g.font = palette.font;
	g.textBaseline = 'alphabetic';
	g.textAlign = 'left';
	let free = 0;
	for (const tick of xTicks) {
		const x = Math.round(frame.toX(tick)) + 0.5;
		if (x > width - 10) continue;
		g.moveTo(x, base);
		g.lineTo(x, base + 3);
		const text = xLabel(tick);
		const size = g.measureText(text).width;
		const at = Math.min(width - size - EDGE, Math.max(EDGE, x - size / 2));
		// A label that would touch the one before it is left out; its tick still stands.
		if (at < free) continue;
		g.fillText(text, at, frame.height - 5);
		free = at + size + 10;
	}
	g.stroke();
}

/** Bands, faint originals, lines, dots of sparse lines. The focused run is painted last and thicker. */
export function paintLines(frame: Frame, lines: readonly Line[], focused: string | undefined): void {
	const { context: g, palette } = frame;
	const ordered = focused === undefined ? lines : [...lines].sort((a, b) => Number(a.runId === focused) - Number(b.runId === focused));
	g.save();
	g.beginPath();
	g.rect(0, 0, frame.width, frame.bottom);
	g.clip();
	g.lineJoin = 'round';
	g.lineCap = 'round';
	for (const line of ordered) if (line.band) paintBand(frame, line, line.band);
	for (const line of ordered) {
		if (!line.original) continue;
		g.globalAlpha = 0.22;
		g.lineWidth = 1;
		g.strokeStyle = colourOf(palette, line);
		tracePath(frame, line.x, line.original);
		g.stroke();
	}
	g.globalAlpha = 1;
	for (const line of ordered) {
		g.strokeStyle = colourOf(palette, line);
		g.lineWidth = line.runId === focused ? 2.2 : 1.4;
		g.setLineDash(runDash(line.colour));
		tracePath(frame, line.x, line.y);
		g.stroke();
		g.setLineDash([]);
		paintDots(frame, line);
	}
	g.restore();
	for (const line of ordered) if (line.isLive) paintRing(frame, line);
}

function colourOf(palette: Palette, line: Line): string {
	return palette.runs[line.colour % RUN_COLOURS] ?? palette.ink;
}

function tracePath(frame: Frame, x: ArrayLike<number>, y: ArrayLike<number>): void {
	const g = frame.context;
	g.beginPath();
	let isDown = false;
	for (let i = 0; i < x.length; i++) {
		const value = y[i];
		if (value === undefined || !Number.isFinite(value)) {
			isDown = false;
			continue;
		}
		if (isDown) g.lineTo(frame.toX(x[i] ?? 0), frame.toY(value));
		else g.moveTo(frame.toX(x[i] ?? 0), frame.toY(value));
		isDown = true;
	}
}

function paintBand(frame: Frame, line: Line, band: NonNullable<Line['band']>): void {
	const g = frame.context;
	g.fillStyle = colourOf(frame.palette, line);
	g.globalAlpha = 0.16;
	let from = 0;
	for (let i = 0; i <= line.x.length; i++) {
		const isBreak = i === line.x.length || Number.isNaN(band.min[i]) || Number.isNaN(band.max[i]);
		if (!isBreak) continue;
		if (i - from > 1) {
			g.beginPath();
			for (let k = from; k < i; k++) g.lineTo(frame.toX(line.x[k] ?? 0), frame.toY(band.max[k] ?? 0));
			for (let k = i - 1; k >= from; k--) g.lineTo(frame.toX(line.x[k] ?? 0), frame.toY(band.min[k] ?? 0));
			g.fill();
		}
		from = i + 1;
	}
	g.globalAlpha = 1;
}

/** Dots where points are more than 8 px apart, and on a point without neighbours, which no line would show. */
function paintDots(frame: Frame, line: Line): void {
	const g = frame.context;
	const first = line.x[0];
	const last = line.x[line.x.length - 1];
	if (first === undefined || last === undefined) return;
	const isSparse = line.x.length === 1 || (frame.toX(last) - frame.toX(first)) / (line.x.length - 1) > 8;
	g.fillStyle = colourOf(frame.palette, line);
	for (let i = 0; i < line.x.length; i++) {
		const value = line.y[i];
		if (value === undefined || !Number.isFinite(value)) continue;
		const isAlone = !Number.isFinite(line.y[i - 1]) && !Number.isFinite(line.y[i + 1]);
		if (!isSparse && !isAlone) continue;
		g.beginPath();
		g.arc(frame.toX(line.x[i] ?? 0), frame.toY(value), isAlone ? 2.6 : 1.9, 0, 7);
		g.fill();
	}
}

/** The newest point of a run that is still going: an open ring. */
function paintRing(frame: Frame, line: Line): void {
	const g = frame.context;
	let i = line.y.length - 1;
	while (i >= 0 && !Number.isFinite(line.y[i])) i--;
	const value = line.y[i];
	if (value === undefined) return;
	const x = frame.toX(line.x[i] ?? 0);
	const y = frame.toY(value);
	if (x < frame.left - 1 || x > frame.right + 1 || y < 0 || y > frame.bottom) return;
	g.beginPath();
	g.arc(x, y, 3.2, 0, 7);
	g.fillStyle = frame.palette.halo;
	g.fill();
	g.lineWidth = 1.6;
	g.strokeStyle = colourOf(frame.palette, line);
	g.stroke();
}

/** × on the floor for NaN, triangles at the edge where an infinity left, a dot on the floor for what a log axis has no place for. */
export function paintMarks(frame: Frame, lines: readonly Line[], label: (x: number) => string): void {
	const { context: g, palette, bottom } = frame;
	let named: { x: number; value: Mark } | undefined;
	for (const line of lines) {
		if (line.marks.length === 0) continue;
		g.strokeStyle = colourOf(palette, line);
		g.fillStyle = g.strokeStyle;
		g.lineWidth = 1.2;
		let lastX = -Infinity;
		for (const mark of line.marks) {
			const x = frame.toX(mark.x);
			if (x < frame.left - 2 || x > frame.right + 2) continue;
			if (mark.value !== 'low' && (!named || mark.x < named.x)) named = mark;
			// Marks closer than their own width would only make a bar.
			if (x - lastX < 3) continue;
			lastX = x;
			paintMark(g, mark.value, x, bottom);
		}
	}
	if (!named) return;
	const word = named.value === 'NaN' ? 'NaN' : named.value === 'Infinity' ? '∞' : '−∞';
	const text = `${word} from ${label(named.x)}`;
	g.font = palette.font;
	const size = g.measureText(text).width;
	const at = frame.toX(named.x);
	g.fillStyle = palette.bad;
	haloText(frame, text, at - 7 - size > EDGE ? at - 7 - size : Math.min(frame.width - size - EDGE, at + 8), bottom - (at - 7 - size > EDGE ? 2 : 10));
}

function paintMark(g: CanvasRenderingContext2D, value: Mark, x: number, bottom: number): void {
	g.beginPath();
	if (value === 'NaN') {
		g.moveTo(x - 2, bottom - 6);
		g.lineTo(x + 2, bottom - 2);
		g.moveTo(x + 2, bottom - 6);
		g.lineTo(x - 2, bottom - 2);
		g.stroke();
	} else if (value === 'low') {
		g.arc(x, bottom - 3, 1.6, 0, 7);
		g.fill();
	} else {
		const [tip, foot] = value === 'Infinity' ? [2, 7] : [bottom - 1, bottom - 6];
		g.moveTo(x, tip);
		g.lineTo(x - 3, foot);
		g.lineTo(x + 3, foot);
		g.closePath();
		g.fill();
	}
}

function haloText(frame: Frame, text: string, x: number, y: number): void {
	const g = frame.context;
	g.lineWidth = 3;
	g.lineJoin = 'round';
	g.strokeStyle = frame.palette.halo;
	g.strokeText(text, x, y);
	g.fillText(text, x, y);
}

/** Labels of the level lines, right-aligned before the plot, just above their line. */
export function paintLevels(frame: Frame, levels: readonly number[], label: (value: number) => string): void {
	const { context: g, palette } = frame;
	g.font = palette.font;
	g.textBaseline = 'alphabetic';
	g.textAlign = 'left';
	g.fillStyle = palette.label;
	let free = Infinity;
	for (const level of levels) {
		const y = Math.round(frame.toY(level));
		if (y < 9 || y > frame.bottom + 1 || y > free) continue;
		const text = label(level);
		haloText(frame, text, Math.max(3, frame.left - 6 - g.measureText(text).width), y - 3.5);
		free = y - 13;
	}
}

/** Vertical line, a dot on each line at the reading, and x in an ink tag on the axis. */
export function paintCrosshair(frame: Frame, x: number, dots: readonly { x: number; y: number; colour: number }[], tag: string): void {
	const { context: g, palette } = frame;
	const at = Math.round(frame.toX(x)) + 0.5;
	if (at < frame.left - 1 || at > frame.right + 1) return;
	g.strokeStyle = palette.cross;
	g.globalAlpha = 0.55;
	g.lineWidth = 1;
	g.beginPath();
	g.moveTo(at, frame.top - 6);
	g.lineTo(at, frame.bottom);
	g.stroke();
	g.globalAlpha = 1;
	for (const dot of dots) {
		const y = frame.toY(dot.y);
		if (y < 0 || y > frame.bottom) continue;
		g.beginPath();
		g.arc(frame.toX(dot.x), y, 2.8, 0, 7);
		g.fillStyle = palette.runs[dot.colour % RUN_COLOURS] ?? palette.ink;
		g.fill();
		g.lineWidth = 1.4;
		g.strokeStyle = palette.halo;
		g.stroke();
	}
	g.font = palette.font;
	g.textBaseline = 'alphabetic';
	const size = g.measureText(tag).width + 10;
	const left = Math.min(frame.width - size, Math.max(0, at - size / 2));
	g.fillStyle = palette.ink;
	g.fillRect(left, frame.bottom + 2, size, 15);
	g.fillStyle = palette.sheet;
	g.fillText(tag, left + 5, frame.bottom + 13.5);
}
