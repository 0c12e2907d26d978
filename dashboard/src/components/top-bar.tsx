import type { ComponentChildren } from 'preact';
import { formatClock } from '../format.ts';
import type { Connection } from '../state/live-project.ts';
import { areKeysShown } from '../state/shortcuts.ts';
import { nextTheme, theme } from '../state/theme.ts';
import { Icon, Mark } from './icon.tsx';

/** The bar above every page: where one is, whether what one sees is live, and the theme. */
export function TopBar({ crumbs, connection }: { crumbs?: ComponentChildren; connection: Connection }) {
	return (
		<header class="top">
			<a class="brand" href="/" aria-label="Tidelog, all projects">
				<Mark />
				<span class="not-narrow">Tidelog</span>
			</a>
			{crumbs && (
				<nav class="crumb" aria-label="Place">
					{crumbs}
				</nav>
			)}
			<div class="end">
				<LiveState connection={connection} />
				<button
					type="button"
					class="ib not-narrow"
					aria-label="Keyboard shortcuts"
					title="Keyboard shortcuts (?)"
					onClick={() => (areKeysShown.value = true)}
				>
					<Icon name="keyboard" />
				</button>
				<ThemeButton />
			</div>
		</header>
	);
}

function LiveState({ connection }: { connection: Connection }) {
	const state = connection.state.value;
	const since = connection.offlineSinceMs.value;
	const text = state === 'live' ? 'Live' : state === 'connecting' ? 'Connecting' : 'Offline';
	return (
		<div class="live" role="status" data-testid="live-state" data-state={state}>
			<span class={state === 'live' ? 'dot' : 'dot off'} />
			<span>
				{text}
				{state === 'offline' && since !== undefined && <span class="since"> since {formatClock(since, false)}</span>}
			</span>
		</div>
	);
}

function ThemeButton() {
	const chosen = theme.value;
	const icon = chosen === 'system' ? 'monitor' : chosen === 'light' ? 'sun' : 'moon';
	return (
		<button type="button" class="ib" aria-label={`Theme: ${chosen}. Switch`} title={`Theme: ${chosen}`} data-testid="theme" onClick={nextTheme}>
			<Icon name={icon} />
		</button>
	);
}
