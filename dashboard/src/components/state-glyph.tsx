import type { RunState } from '../../../src/core/query.ts';

/** Told apart by outline first: ring and dot, tick, cross, bang. Colour only says it again. */
const shapes: Record<RunState, preact.ComponentChildren> = {
	running: (
		<>
			<circle cx="6" cy="6" r="4.4" />
			<circle class="f" cx="6" cy="6" r="2" />
		</>
	),
	finished: <path d="M2.5 6.4 5 8.8l4.6-5.3" />,
	failed: <path d="m3 3 6 6M9 3 3 9" />,
	crashed: <path d="M6 1.6v5.2M6 9.8v.2" />,
};

export function StateGlyph({ state }: { state: RunState }) {
	return (
		<svg class={`st ${state}`} viewBox="0 0 12 12" role="img" aria-label={state}>
			<title>{state}</title>
			{shapes[state]}
		</svg>
	);
}
