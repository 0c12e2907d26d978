/**
 * Exponential moving average that is weighted by distance in x, as W&B's "time weighted EMA" is: points close together count for
 * less than points far apart, so that a curve looks the same whether a run logs each step or each tenth. The start is debiased.
 *
 * `weight` is the slider's fraction, 0 … 0.99; `range` is the width of x that the chart shows. What is not finite (NaN is an
 * empty bucket) stays as it is and leaves the average untouched.
 */
export function smooth(x: ArrayLike<number>, y: ArrayLike<number>, weight: number, range: number): Float64Array {
	const result = Float64Array.from(y);
	// With 1,000 units over the range, the square root puts the useful part of the slider in its middle.
	const base = Math.min(Math.sqrt(weight), 0.999);
	const unit = range > 0 ? VIEWPORT_UNITS / range : 0;
	let average = 0;
	let debias = 0;
	let previousX: number | undefined;
	for (let i = 0; i < y.length; i++) {
		const value = y[i] as number;
		if (!Number.isFinite(value)) continue;
		const at = x[i] ?? 0;
		const keep = previousX === undefined ? 0 : base ** Math.max(0, (at - previousX) * unit);
		average = average * keep + value;
		debias = debias * keep + 1;
		result[i] = average / debias;
		previousX = at;
	}
	return result;
}

const VIEWPORT_UNITS = 1000;
