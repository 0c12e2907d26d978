import { signal } from '@preact/signals';

/** Whether the sheet of keys is open. */
export const areKeysShown = signal(false);

/** What a key does, by `KeyboardEvent.key`; upper case means with shift. Return false to leave the key to the browser. */
export type KeyMap = Record<string, (event: KeyboardEvent) => boolean | undefined>;

/**
 * Listens for single keys anywhere in the page. They are left alone in fields, with a modifier, and on what uses them itself (space
 * and enter on a button, arrows on a slider), except where `data-keys` says that the page's keys go first.
 */
export function listenKeys(keys: KeyMap): () => void {
	const onKey = (event: KeyboardEvent): void => {
		if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
		const target = event.target instanceof HTMLElement ? event.target : document.body;
		if (target.closest('dialog')) return;
		const isField = target.matches('input, select, textarea, [contenteditable]');
		if (isField && event.key !== 'Escape') return;
		const isControl = target.matches('button, a, [role=slider], [role=tab]') && !target.closest('[data-keys]');
		if (isControl && (event.key === ' ' || event.key === 'Enter' || event.key.startsWith('Arrow'))) return;
		const action = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
		if (action && action(event) !== false) event.preventDefault();
	};
	addEventListener('keydown', onKey);
	return () => removeEventListener('keydown', onKey);
}

/** What the sheet of keys lists. */
export const KEY_NAMES: readonly (readonly [keys: string, meaning: string])[] = [
	['/', 'Search runs'],
	['P', 'Search panels'],
	['J  K', 'Next, previous run'],
	['Space', 'Show or hide the run'],
	['Enter', 'Open the run'],
	['1  2  3', 'x axis: step, relative, wall'],
	['S  ⇧S', 'More smoothing, smoothing off'],
	['L', 'Log scale'],
	['F', 'Widen the chart in focus'],
	['Z', 'Reset zoom'],
	['[', 'Fold the run list'],
	['←  →', 'Crosshair or step, with ⇧ by ten'],
	['?', 'These keys'],
	['Esc', 'One level out'],
];
