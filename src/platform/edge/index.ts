import { TidelogError } from '../../errors.ts';
import { inlineChannel } from '../../transport/inline-channel.ts';
import { WriterLink } from '../../transport/writer-link.ts';
import { Writer } from '../../writer.ts';
import { systemClock } from '../clock.ts';
import type { Platform } from '../platform.ts';
import { edgeWriterPlatform } from './writer-platform.ts';

/**
 * Where there are no threads and no disk (Cloudflare Workers and the like): the writer runs inline, its store is memory. What is not sent when the request ends is lost, so give
 * the runtime the promise of the end: `context.waitUntil(run.finish())`.
 */
export const edgePlatform: Platform = {
	clock: systemClock,
	/** One writer a run: timers and requests of one request's context must not be used by another's. */
	link: () => ({
		channel: inlineChannel,
		writer: Promise.resolve(
			new WriterLink(async () => {
				const writer = new Writer(edgeWriterPlatform());
				return { host: writer, open: (spec, port) => writer.open(spec, port), terminate: () => undefined };
			}, systemClock),
		),
	}),
	onVisibility: () => () => undefined,
	hold: (promise) => promise,
	connectAgent: () =>
		Promise.reject(
			new TidelogError('unsupported-runtime', 'connectAgent(): only a page can talk to an agent; here, start one with --server and --run.'),
		),
};
