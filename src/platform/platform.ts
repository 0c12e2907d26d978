import type { AgentLink, AgentOptions, SystemSink } from '../agent.ts';
import type { InitOptions } from '../options.ts';
import type { Link } from '../transport/link.ts';
import type { BatchMessage, RunSpec } from '../transport/messages.ts';
import type { Clock } from './clock.ts';

/** What the thread that calls `log()` needs of its runtime. What the writer needs is a {@link WriterPlatform} (src/writer.ts). */
export interface Platform {
	clock: Clock;
	/** Whether the thread that logs stores records by itself, before anything of them is encoded: media then join their row in a record of their own. */
	encodesApart?: true;
	/** The writer for runs of this context, started or found. @throws TidelogError `unsupported-runtime` where there can be none. */
	link(options: InitOptions): Link;
	/** Calls back when the page is hidden, shown or about to go; never where there is no page. Returns what ends it. */
	onVisibility(listener: (visibility: 'hidden' | 'visible' | 'leaving') => void): () => void;
	/** Keeps the process alive until the promise has settled, where a runtime would end without that. */
	hold<T>(promise: Promise<T>): Promise<T>;
	/** What `run.connectAgent()` does here. @throws TidelogError `unsupported-runtime` where there is no page. */
	connectAgent(run: SystemSink, options?: AgentOptions): Promise<AgentLink>;
	/** Stores what the writer has not confirmed when the page goes and its writer with it. */
	lastWords?: { prepare(): void; speak(spec: RunSpec, messages: readonly BatchMessage[]): void };
	/** Whether a run of the given id is on this device, where that can be looked up at once; elsewhere the writer looks (`resume: 'never'`). */
	isTaken?(options: InitOptions): boolean;
	/** The id of the newest unfinished run of a project, where that can be looked up at once; elsewhere the writer looks (`resume: 'auto'`). */
	findUnfinished?(options: InitOptions): string | undefined;
}
