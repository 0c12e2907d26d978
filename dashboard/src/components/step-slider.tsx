import { useRef } from 'preact/hooks';
import { formatCount } from '../format.ts';
import { Icon } from './icon.tsx';

export interface StepSliderProps {
	/** Steps that have something, ascending; `isPartial` is drawn dashed. */
	ticks: readonly { step: number; isPartial: boolean }[];
	/** Place in `ticks`. */
	index: number;
	onChange: (index: number) => void;
}

/** Past this many, ticks would touch: the track is drawn as a line with the handle alone. */
const MOST_TICKS = 240;

/** A tick for each step that has media; ← → one tick, with shift ten, Home and End to the ends. */
export function StepSlider({ ticks, index, onChange }: StepSliderProps) {
	const track = useRef<HTMLDivElement>(null);
	const last = ticks.length - 1;
	const first = ticks[0]?.step ?? 0;
	const span = (ticks[last]?.step ?? 0) - first;
	const place = (step: number): number => (span > 0 ? (step - first) / span : 0);
	const current = ticks[index]?.step ?? 0;
	const go = (to: number): void => onChange(Math.max(0, Math.min(last, to)));
	const onKeyDown = (event: KeyboardEvent): void => {
		const by = event.shiftKey ? 10 : 1;
		if (event.key === 'ArrowLeft' || event.key === 'ArrowDown') go(index - by);
		else if (event.key === 'ArrowRight' || event.key === 'ArrowUp') go(index + by);
		else if (event.key === 'Home') go(0);
		else if (event.key === 'End') go(last);
		else return;
		event.preventDefault();
	};
	const onPointer = (event: PointerEvent): void => {
		const box = track.current?.getBoundingClientRect();
		if (!box || (event.type === 'pointermove' && event.buttons === 0)) return;
		if (event.type === 'pointerdown') track.current?.setPointerCapture(event.pointerId);
		const fraction = (event.clientX - box.left) / box.width;
		let best = 0;
		for (const [i, tick] of ticks.entries()) if (Math.abs(place(tick.step) - fraction) < Math.abs(place(ticks[best]?.step ?? 0) - fraction)) best = i;
		if (best !== index) onChange(best);
	};
	return (
		<div class="stepper">
			<span class="row steps">
				<button type="button" class="ib" aria-label="Step back" disabled={index <= 0} onClick={() => go(index - 1)}>
					<Icon name="skipBack" />
				</button>
				<button type="button" class="ib" aria-label="Step forward" disabled={index >= last} onClick={() => go(index + 1)}>
					<Icon name="skipForward" />
				</button>
				<b class="now">step {formatCount(current)}</b>
			</span>
			<div
				ref={track}
				class="track"
				role="slider"
				tabIndex={0}
				aria-label="Step"
				aria-valuemin={first}
				aria-valuemax={first + span}
				aria-valuenow={current}
				aria-valuetext={`step ${formatCount(current)}, ${index + 1} of ${ticks.length}`}
				onKeyDown={onKeyDown}
				onPointerDown={onPointer}
				onPointerMove={onPointer}
			>
				<span class="line" />
				{ticks.length <= MOST_TICKS &&
					ticks.map((tick) => <u key={tick.step} class={tick.isPartial ? 'partial' : ''} style={{ left: `${place(tick.step) * 100}%` }} />)}
				<span class="handle" style={{ left: `${place(current) * 100}%` }} />
			</div>
			<span class="of not-narrow">
				{index + 1} of {formatCount(ticks.length)}
			</span>
		</div>
	);
}
