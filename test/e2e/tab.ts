import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright';
import type { FinishResult, InitOptions, RunStatus } from '../../src/index.ts';

interface TabHost {
	begin(name: string, options: object): string;
	log(name: string, count: number): number;
	logOn(gapMs: number): void;
	stop(): Record<string, number>;
	call(name: string, method: string, ...args: unknown[]): unknown;
	flush(): Promise<Record<string, number>>;
	status(name: string): RunStatus;
	told(): string[];
}

const HTML = '<!doctype html><meta charset="utf-8"><title>tab</title><script type="module" src="/tab-page.js"></script>';

/** What a site serves beside the SDK for tabs to work. */
export const TAB_FILES = {
	'/': { type: 'text/html', body: HTML },
	'/elsewhere': { type: 'text/html', body: '<!doctype html><title>elsewhere</title>' },
	'/tab-page.js': { type: 'text/javascript', body: readFileSync(new URL('./tab-page.js', import.meta.url), 'utf8') },
};

/** A page that logs when it is told to. */
export class Tab {
	readonly page: Page;
	readonly #server: string;

	constructor(page: Page, server: string) {
		this.page = page;
		this.#server = server;
	}

	static async open(context: BrowserContext, url: string, server: string): Promise<Tab> {
		const tab = new Tab(await context.newPage(), server);
		await tab.page.goto(url);
		await tab.isReady();
		return tab;
	}

	async isReady(): Promise<void> {
		await this.page.waitForFunction('globalThis.tab');
	}

	begin(name: string, options: Partial<InitOptions> = {}): Promise<string> {
		return this.#do('begin', name, { server: this.#server, ...options });
	}

	log(name: string, count: number): Promise<number> {
		return this.#do('log', name, count);
	}

	/** Logs in all of its runs until it is stopped. */
	logOn(gapMs = 5): Promise<void> {
		return this.#do('logOn', gapMs);
	}

	/** @returns the number of calls by run, as of `flush`. */
	stop(): Promise<Record<string, number>> {
		return this.#do('stop');
	}

	flush(): Promise<Record<string, number>> {
		return this.#do('flush');
	}

	status(name: string): Promise<RunStatus> {
		return this.#do('status', name);
	}

	told(): Promise<string[]> {
		return this.#do('told');
	}

	async pauseSync(name: string): Promise<void> {
		await this.#do('call', name, 'pauseSync');
	}

	async synced(name: string): Promise<void> {
		await this.#do('call', name, 'synced');
	}

	finish(name: string): Promise<FinishResult> {
		return this.#do('call', name, 'finish', { timeoutMs: 30_000 }) as Promise<FinishResult>;
	}

	/** Its process ends without a word to anybody, as when it runs out of memory or the browser discards it. */
	async crash(): Promise<void> {
		const session = await this.page.context().newCDPSession(this.page);
		const crashed = this.page.waitForEvent('crash');
		// The answer never comes.
		session.send('Page.crash').catch(() => undefined);
		await crashed;
	}

	#do<Name extends keyof TabHost>(name: Name, ...args: Parameters<TabHost[Name]>): Promise<Awaited<ReturnType<TabHost[Name]>>> {
		return this.page.evaluate(
			([name, args]) =>
				(globalThis as unknown as { tab: Record<string, (...args: unknown[]) => unknown> }).tab[name as string]?.(...(args as unknown[])),
			[name, args] as const,
		) as Promise<Awaited<ReturnType<TabHost[Name]>>>;
	}
}
