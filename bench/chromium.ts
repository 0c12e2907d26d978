import { existsSync } from 'node:fs';

/** Where Chromium and Chrome are when nobody says otherwise. */
const PLACES = [
	'/usr/bin/chromium',
	'/usr/bin/chromium-browser',
	'/usr/bin/google-chrome',
	'/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The Chromium to measure and test with: `TIDELOG_BROWSER`, else an installed one. @throws Error that says what to do. */
export function chromiumPath(): string {
	const path = process.env.TIDELOG_BROWSER ?? PLACES.find((place) => existsSync(place));
	if (!path) throw new Error('no Chromium was found. Install one, or give its path in TIDELOG_BROWSER.');
	return path;
}

/** Chromium's sandbox does not start for root, as in most containers. For everybody else it stays on. */
export const sandboxArgs = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
