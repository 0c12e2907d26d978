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
		if (typeof Worker !== 'function' || typeof MessageChannel !== 'function' || typeof Blob !== 'function') {
			throw new TidelogError(
				'unsupported-runtime',
				'init(): there are no Web Workers here, which Tidelog writes with. Call init() in a page or worker.',
			);
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

	onVisibility(listener) {
		if (typeof document === 'undefined') return () => undefined;
		const changed = () => listener(document.visibilityState);
		const leaving = () => listener('leaving');
		document.addEventListener('visibilitychange', changed);
		addEventListener('pagehide', leaving);
		changed();
		return () => {
			document.removeEventListener('visibilitychange', changed);
			removeEventListener('pagehide', leaving);
		};
	},

	hold: (promise) => promise,

	lastWords: {
		prepare: () => rest?.lastWords.prepare(),
		speak: ({ store, run, writer, startedMs }, messages) => {
			if (store !== 'memory') rest?.lastWords.speak(run, writer, startedMs, messages);
		},
	},
};
