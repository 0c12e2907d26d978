import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { browserArgs } from '../../scripts/find-browser.mjs';

/** A whole Chromium on a profile on disk, which nobody drives: what it does is in the pages that it is started with. */
export class ChromiumProcess {
	readonly #child: ChildProcess;

	constructor(profile: string, url: string) {
		const path = process.env.TIDELOG_BROWSER;
		if (!path) throw new Error('TIDELOG_BROWSER is not set; run this with `npm test` or `npm run test:kill`.');
		// Pages open tabs in front of themselves without a click; a killed browser asks whether to restore its tabs.
		const args = [...browserArgs(), '--headless', '--disable-popup-blocking', '--hide-crash-restore-bubble', `--user-data-dir=${profile}`, url];
		// A process group of its own: all processes of the browser are in it and nobody else.
		this.#child = spawn(path, args, { detached: true, stdio: 'ignore' });
	}

	/** SIGKILL for all of its processes. Resolves when the first one is gone; gives the time just before. */
	async kill(): Promise<number> {
		const { pid, exitCode, signalCode } = this.#child;
		const ms = Date.now();
		if (pid === undefined || exitCode !== null || signalCode !== null) return ms;
		const ended = once(this.#child, 'exit');
		process.kill(-pid, 'SIGKILL');
		await ended;
		return ms;
	}
}
