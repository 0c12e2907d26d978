import { checkOptions, type InitOptions } from './options.ts';
import { randomId } from './platform/ids.ts';
import type { Platform } from './platform/platform.ts';
import { Run } from './run.ts';
import type { RunSpec } from './transport/messages.ts';

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
 * Works in pages, Web Workers, Node, and on the edge. Also sends what earlier pages of this origin (in Node: earlier processes in this folder) left unsent for the
 * same server.
 * @throws TidelogError `invalid-argument` for a wrong option, `unsupported-runtime` where there is nothing to write with.
 */
export type Init = (options: InitOptions) => Run;

/** The one `init` of a runtime. */
export function createInit(platform: Platform): Init {
	/** Runs begun here and not finished, oldest first. */
	let open: Run[] = [];
	return (options) => {
		checkOptions(options);
		open = open.filter((run) => !run.isFinished);
		const previous = open.at(-1);
		if (previous && options.reinit === 'return_previous') return previous;
		if (options.reinit === 'finish_previous') for (const run of open) void run.finish();
		const run = new Run(specOf(options, platform), platform, options.mode === 'disabled' ? undefined : platform.link(options), options);
		open.push(run);
		return run;
	};
}

function specOf(options: InitOptions, { clock, findUnfinished, isTaken }: Platform): RunSpec {
	const { project, resume = 'never', forkFrom, rewindTo, server, token } = options;
	const found = resume === 'auto' && options.id === undefined ? findUnfinished?.(options) : undefined;
	// A million runs of 8 characters, as W&B's client makes them, hold the same id twice with 16 % probability; of 12 with 10⁻⁷.
	const id = options.id ?? rewindTo?.run ?? found ?? randomId(12);
	return {
		run: resume === 'never' && isTaken?.(options) ? randomId(12) : id,
		sentAs: id,
		writer: randomId(16),
		startedMs: clock.nowMs(),
		project,
		entity: options.entity ?? '',
		server: server?.replace(/\/+$/, ''),
		token,
		store: options.store ?? 'persistent',
		resume: rewindTo ? 'must' : resume,
		isIdGiven: options.id !== undefined || rewindTo !== undefined,
		branch: forkFrom ? { kind: 'fork', ...forkFrom } : rewindTo ? { kind: 'rewind', ...rewindTo } : undefined,
		isOffline: options.mode === 'offline',
		keepBytes: options.keepBytes,
	};
}
