import { formatClock, formatCount, formatDate, formatElapsed, formatSecondsTick, formatTick } from '../format.ts';
import type { XAxis } from '../state/view.ts';
import { linearTicks, logTicks, secondsTicks, timeTicks } from './ticks.ts';

/** Ticks and wording of one axis of a chart. */
export interface AxisText {
	ticks: number[];
	label: (value: number) => string;
}

/** The x axis between two values, for the width that is there. */
export function xAxis(kind: XAxis, low: number, high: number, width: number): AxisText {
	const want = Math.max(2, Math.floor(width / 92));
	if (kind === 'runtime') return { ticks: secondsTicks(low, high, want), label: formatSecondsTick };
	if (kind === 'time') {
		const { ticks, stepMs } = timeTicks(low, high, want);
		const isDays = stepMs >= 86_400_000;
		return { ticks, label: (value) => (isDays ? formatDate(value, false) : formatClock(value, stepMs < 60_000)) };
	}
	const { ticks, step } = linearTicks(low, high, want, true);
	return { ticks, label: (value) => formatTick(value, step) };
}

/** Level lines of the y axis for the height that is there. */
export function yAxis(low: number, high: number, log: boolean, height: number): AxisText {
	const want = Math.max(2, Math.min(6, Math.floor(height / 44)));
	if (log) return { ticks: logTicks(low, high, want), label: (value) => formatTick(value) };
	const { ticks, step } = linearTicks(low, high, want);
	return { ticks, label: (value) => formatTick(value, step) };
}

/** One x in full, for the crosshair's tag. */
export function xTag(kind: XAxis, value: number): string {
	if (kind === 'runtime') return formatElapsed(value * 1000);
	if (kind === 'time') return formatClock(value);
	return formatCount(value);
}

/** One x as the head of a tooltip says it. */
export function xTitle(kind: XAxis, value: number): string {
	if (kind === 'runtime') return formatElapsed(value * 1000);
	if (kind === 'time') return `${formatDate(value, false)}, ${formatClock(value)}`;
	return `step ${formatCount(value)}`;
}

export const X_NAMES: Record<XAxis, string> = { step: 'step', runtime: 'time since start', time: 'time of day' };
