/** Places of axis labels: round numbers, round times. All functions give ascending values inside [low, high]. */

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers, about `want` of them. `whole` keeps steps of a run from being cut into halves. */
export function linearTicks(low: number, high: number, want: number, whole = false): { ticks: number[]; step: number } {
	const span = high - low;
	if (!(span > 0) || !Number.isFinite(span)) return { ticks: [low], step: 0 };
	const raw = span / Math.max(1, want);
	const power = 10 ** Math.floor(Math.log10(raw));
	let step = (STEPS.find((size) => size * power >= raw * 0.999) ?? 10) * power;
	if (whole) step = step < 1 ? 1 : Math.round(step) === step ? step : Math.ceil(step / 5) * 5;
	return { ticks: multiples(low, high, step), step };
}

function multiples(low: number, high: number, step: number): number[] {
	const ticks: number[] = [];
	const first = Math.ceil(low / step - 1e-9);
	// Counting and multiplying keeps 0.1 + 0.1 + … from drifting; the limit is against a step lost in rounding.
	for (let i = 0; i < 200; i++) {
		const value = (first + i) * step;
		if (value > high + step * 1e-6) break;
		ticks.push(Number(value.toPrecision(12)));
	}
	return ticks;
}

/** 1-2-5 in each decade where there is room, else powers of ten, else every second or third power. */
export function logTicks(low: number, high: number, want: number): number[] {
	if (!(low > 0) || !(high > low)) return [];
	const from = Math.floor(Math.log10(low));
	const to = Math.ceil(Math.log10(high));
	const decades = Math.log10(high / low);
	const sizes = decades * 3 <= want + 1 ? [1, 2, 5] : [1];
	const every = sizes.length > 1 ? 1 : Math.max(1, Math.ceil(decades / Math.max(1, want)));
	const ticks: number[] = [];
	for (let power = from; power <= to; power++) {
		if (power % every !== 0) continue;
		for (const size of sizes) {
			const value = Number(`${size}e${power}`);
			if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) ticks.push(value);
		}
	}
	// Less than a decade without a round number in it: ordinary ticks still say where one is.
	return ticks.length >= 2 ? ticks : linearTicks(low, high, Math.min(want, 3)).ticks.filter((value) => value > 0);
}

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

/** Round durations; values are seconds. */
export function secondsTicks(low: number, high: number, want: number): number[] {
	const raw = (high - low) / Math.max(1, want);
	if (!(raw > 0)) return [low];
	if (raw <= 0.5) return linearTicks(low, high, want).ticks;
	const step = SECONDS.find((size) => size >= raw * 0.999) ?? Math.ceil(raw / 604800) * 604800;
	return multiples(low, high, step);
}

/** Round local times of day; values are milliseconds since the epoch. */
export function timeTicks(lowMs: number, highMs: number, want: number): { ticks: number[]; stepMs: number } {
	const raw = (highMs - lowMs) / 1000 / Math.max(1, want);
	if (!(raw > 0)) return { ticks: [lowMs], stepMs: 0 };
	const step = (SECONDS.find((size) => size >= raw * 0.999) ?? Math.ceil(raw / 604800) * 604800) * 1000;
	// Multiples count from local midnight, so that a day's labels stand at local hours.
	const offset = new Date(lowMs).getTimezoneOffset() * 60_000;
	return { ticks: multiples(lowMs - offset, highMs - offset, step).map((value) => value + offset), stepMs: step };
}
