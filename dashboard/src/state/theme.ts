import { effect, signal } from '@preact/signals';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Also read by `public/theme.js`, before the first paint. */
const STORAGE_KEY = 'tidelog-theme';

function readStored(): Theme {
	try {
		const stored = localStorage.getItem(STORAGE_KEY);
		return THEMES.find((theme) => theme === stored) ?? 'system';
	} catch {
		// Storage is forbidden: follow the system.
		return 'system';
	}
}

export const theme = signal<Theme>(readStored());
/** Grows whenever the colours on screen may have changed; what paints on a canvas reads it. */
export const themeEpoch = signal(0);

/** Applies the theme to the page and keeps it for the next visit. Returns what ends it. */
export function startTheme(): () => void {
	const dark = matchMedia('(prefers-color-scheme: dark)');
	const onChange = (): void => {
		themeEpoch.value++;
	};
	dark.addEventListener('change', onChange);
	const stop = effect(() => {
		const chosen = theme.value;
		if (chosen === 'system') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = chosen;
		try {
			if (chosen === 'system') localStorage.removeItem(STORAGE_KEY);
			else localStorage.setItem(STORAGE_KEY, chosen);
		} catch {
			// The choice holds for this page only then.
		}
		themeEpoch.value = themeEpoch.peek() + 1;
	});
	return () => {
		dark.removeEventListener('change', onChange);
		stop();
	};
}

export function nextTheme(): void {
	theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
}
