import { useEffect, useRef } from 'preact/hooks';
import { areKeysShown, KEY_NAMES } from '../state/shortcuts.ts';

/** All keys, in a dialog that Escape or a click beside it closes. */
export function KeysSheet() {
	const ref = useRef<HTMLDialogElement>(null);
	const isShown = areKeysShown.value;
	useEffect(() => {
		const dialog = ref.current;
		if (isShown && dialog && !dialog.open) dialog.showModal();
		else if (!isShown) dialog?.close();
	}, [isShown]);
	if (!isShown) return null;
	const close = (): void => {
		areKeysShown.value = false;
	};
	return (
		// biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself
		<dialog ref={ref} class="keys" aria-label="Keyboard shortcuts" onClose={close} onClick={(event) => event.target === ref.current && close()}>
			<h2 class="h2">Keys</h2>
			<dl class="kv">
				{KEY_NAMES.map(([keys, meaning]) => (
					<>
						<dt>
							{keys.split(/\s{2}|(?<=S) (?=⇧)/).map((key) => (
								<kbd>{key.trim()}</kbd>
							))}
						</dt>
						<dd>{meaning}</dd>
					</>
				))}
			</dl>
		</dialog>
	);
}
