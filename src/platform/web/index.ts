import { TidelogError } from '../../errors.ts';
import type { Link } from '../../transport/link.ts';
import type { RecordPort } from '../../transport/messages.ts';
import { systemClock } from '../clock.ts';
import type { Platform } from '../platform.ts';

type Rest = typeof import('./start-writer.ts');

const LOAD_RETRY_MS = 5_000;

/** One writer a context; its runs share it. */
let link: Link | undefined;
/** The part that is loaded when the first run begins, so that the entry stays small. */
let rest: Rest | undefined;

/** A page that is offline, or whose server was just changed, may not get it at once. */
async function load(): Promise<Rest> {
	for (;;) {
		try {
			rest ??= await import('./start-writer.ts');
			return rest;
		} catch (error) {
			console.warn(`[tidelog] The writer cannot be loaded (${error}); records wait in memory.`);
			await systemClock.sleep(LOAD_RETRY_MS);
		}
	}
}

export const webPlatform: Platform = {
	clock: systemClock,

	link({ workerUrl }) {
		// Where there are workers, there are Blobs and message channels.
		if (typeof Worker !== 'function') {
			throw new TidelogError('unsupported-runtime', 'init(): Tidelog writes with Web Workers, and here are none. Call it in a page or worker.');
		}
		link ??= {
			channel: () => {
				const { port1, port2 } = new MessageChannel();
				return [port1 as RecordPort, port2 as RecordPort];
			},
			writer: load().then((parts) => parts.linkToWriter(workerUrl)),
		};
		return link;
	},

	// Before that part is there, nothing can be stored anyway.
	onVisibility(listener) {
		const ending = load().then((parts) => parts.onVisibility(listener));
		return () => void ending.then((end) => end());
	},

	connectAgent: (run, options) => load().then((parts) => parts.connectAgent(run, options)),

	hold: (promise) => promise,

	lastWords: {
		prepare: () => rest?.lastWords.prepare(),
		speak: ({ store, run, writer, startedMs }, messages) => {
			if (store !== 'memory') rest?.lastWords.speak(run, writer, startedMs, messages);
		},
	},
};
