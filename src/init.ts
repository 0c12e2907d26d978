import { randomName } from './core/random-name.ts';
import { checkOptions, configValues, type InitOptions } from './options.ts';
import { systemClock } from './platform/clock.ts';
import { randomId } from './platform/ids.ts';
import { isSupported, lastWords, onVisibility, startWebWriter, unsupported } from './platform/web/index.ts';
import { Run } from './run.ts';
import { WriterLink } from './transport/writer-link.ts';

/** One writer a context; its runs share it. */
let link: WriterLink | undefined;

/**
 * Begins a run and returns at once; nothing is awaited, and the network is not touched on the calling thread.
 *
 * ```ts
 * import { init } from 'tidelog';
 * const run = init({ project: 'digits', config: { lr: 0.01 }, server: 'http://127.0.0.1:8420' });
 * for (let i = 0; i < 100; i++) run.log({ loss: 1 / (i + 1) });
 * await run.finish();
 * ```
 *
 * Works in pages and in Web Workers. Also sends what earlier pages of this origin left unsent for the same server.
 * @throws TidelogError `invalid-argument` for a wrong option, `unsupported-runtime` where there are no Web Workers.
 */
export function init(options: InitOptions): Run {
	checkOptions(options);
	if (!isSupported()) throw unsupported();
	link ??= new WriterLink(startWebWriter(options.workerUrl), systemClock);
	const spec = {
		run: randomId(8),
		writer: randomId(16),
		startedMs: systemClock.nowMs(),
		name: options.name ?? randomName(systemClock.random),
		project: options.project,
		entity: options.entity ?? '',
		server: options.server?.replace(/\/+$/, ''),
		token: options.token,
		config: configValues(options.config ?? {}),
		store: options.store ?? 'persistent',
	} as const;
	return new Run(spec, { link, clock: systemClock, onVisibility, lastWords }, options.onError);
}
