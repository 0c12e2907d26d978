import { runColour } from '../charts/palette.ts';

/** The course of a metric in 66 × 18 px: shape only, no scale. */
export function Sparkline({ values, colour }: { values: ArrayLike<number>; colour: number }) {
	const finite = Array.from(values).filter(Number.isFinite);
	if (finite.length === 0) return null;
	const [width, height, pad] = [66, 18, 2];
	const low = Math.min(...finite);
	const span = Math.max(...finite) - low;
	const x = (i: number): number => pad + (values.length > 1 ? (i / (values.length - 1)) * (width - 2 * pad) : (width - 2 * pad) / 2);
	const y = (value: number): number => (span > 0 ? height - pad - ((value - low) / span) * (height - 2 * pad) : height / 2);
	let path = '';
	let isDown = false;
	for (let i = 0; i < values.length; i++) {
		const value = values[i] as number;
		if (!Number.isFinite(value)) {
			isDown = false;
			continue;
		}
		path += `${isDown ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
		isDown = true;
	}
	// A path of one point has no length; the round cap makes it a dot.
	if (finite.length === 1) path += 'h0';
	return (
		<svg class="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
			<path d={path} style={{ stroke: runColour(colour) }} />
		</svg>
	);
}
