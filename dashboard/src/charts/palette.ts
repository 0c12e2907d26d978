/** Colours and faces as the canvas needs them: read from the design tokens, since a canvas knows no CSS variables. */
export interface Palette {
	runs: string[];
	grid: string;
	axis: string;
	cross: string;
	halo: string;
	sheet: string;
	ink: string;
	label: string;
	bad: string;
	font: string;
}

let cached: { epoch: number; palette: Palette } | undefined;

/** Read once for each theme change; `epoch` is `themeEpoch`. */
export function readPalette(epoch: number): Palette {
	if (cached?.epoch === epoch) return cached.palette;
	const style = getComputedStyle(document.documentElement);
	const token = (name: string): string => style.getPropertyValue(name).trim();
	const palette: Palette = {
		runs: Array.from({ length: RUN_COLOURS }, (_, i) => token(`--run-${i + 1}`)),
		grid: token('--grid'),
		axis: token('--axis'),
		cross: token('--cross'),
		halo: token('--halo'),
		sheet: token('--sheet'),
		ink: token('--ink-1'),
		label: token('--ink-3'),
		bad: token('--bad'),
		font: `500 ${token('--t-axis')} ${token('--font')}`,
	};
	cached = { epoch, palette };
	return palette;
}

/** Colours before they return with a dash. */
export const RUN_COLOURS = 20;

/** For a style attribute: the colour of the run with this place in the palette. */
export function runColour(colour: number): string {
	return `var(--run-${(((colour % RUN_COLOURS) + RUN_COLOURS) % RUN_COLOURS) + 1})`;
}

/** Dash of a run's line: none for the first 20, then 5 3, then 2 3. */
export function runDash(colour: number): number[] {
	if (colour < RUN_COLOURS) return [];
	return colour < 2 * RUN_COLOURS ? [5, 3] : [2, 3];
}
