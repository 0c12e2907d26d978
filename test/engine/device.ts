import { gzipSync } from 'fflate';
import type { Store } from '../../src/core/store.ts';
import { createInit, type Init } from '../../src/init.ts';
import { randomId } from '../../src/platform/ids.ts';
import { MemoryStore } from '../../src/platform/memory-store.ts';
import type { Platform } from '../../src/platform/platform.ts';
import * as rows from '../../src/sync/send-rows.ts';
import { inlineChannel } from '../../src/transport/inline-channel.ts';
import type { RunSpec } from '../../src/transport/messages.ts';
import { WriterLink } from '../../src/transport/writer-link.ts';
import { Writer, type WriterPlatform } from '../../src/writer.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { PageClock, type VirtualClock } from './virtual-clock.ts';

/** How the disk behaves; asked before each write. */
export interface Disk {
	/** Virtual time before and after a write is made; a page may die in between. */
	delayMs(): number;
	/** Whether the next append fails. */
	fails(): boolean;
}

const GOOD_DISK: Disk = { delayMs: () => 0, fails: () => false };

/** What outlives pages: the local store of one browser, and the locks that pages hold among them. */
export class Device {
	readonly store: Store;
	readonly clock: VirtualClock;
	readonly pages: Page[] = [];
	readonly proxy: FaultProxy;
	skewMs = 0;
	/** Pages that are no secure context have no locks: everybody gets what they ask for. */
	hasLocks = true;
	disk = GOOD_DISK;
	readonly #locks = new Map<string, Page[]>();
	readonly #lockWaiters = new Set<() => void>();

	/** @param store memory that outlives pages by default. */
	constructor(clock: VirtualClock, proxy: FaultProxy, store: Store = new MemoryStore()) {
		this.clock = clock;
		this.proxy = proxy;
		this.store = store;
	}

	/** Somebody visits. */
	open(): Page {
		const page = new Page(this);
		this.pages.push(page);
		return page;
	}

	take(name: string, page: Page): (() => void) | undefined {
		if (!this.hasLocks) return () => undefined;
		if ((this.#locks.get(name) ?? []).length > 0) return undefined;
		this.#locks.set(name, [page]);
		return () => this.#release(name, page);
	}

	async exclusively(name: string, page: Page, signal: AbortSignal, use: () => Promise<void>): Promise<void> {
		for (;;) {
			if (signal.aborted) throw signal.reason;
			if (page.isDead) return;
			const release = this.take(name, page);
			if (release) {
				try {
					return await use();
				} finally {
					release();
				}
			}
			await new Promise<void>((resolve) => {
				const wake = () => {
					this.#lockWaiters.delete(wake);
					resolve();
				};
				this.#lockWaiters.add(wake);
				signal.addEventListener('abort', wake, { once: true });
			});
		}
	}

	/** What the browser does with the locks of a page that is gone. */
	gone(page: Page): void {
		for (const [name, holders] of this.#locks) if (holders.includes(page)) this.#locks.set(name, []);
		this.pages.splice(this.pages.indexOf(page), 1);
		this.#wake();
	}

	#release(name: string, page: Page): void {
		if (!this.#locks.get(name)?.includes(page)) return;
		this.#locks.set(name, []);
		this.#wake();
	}

	#wake(): void {
		for (const wake of [...this.#lockWaiters]) wake();
	}
}

/** One page: a caller's thread and a writer in it. It ends without a word. */
export class Page {
	readonly init: Init;
	/** Of each run opened here, in order. */
	readonly specs: RunSpec[] = [];
	readonly device: Device;
	readonly clock: PageClock;
	isDead = false;
	readonly #announced = new Set<(run: string) => void>();
	readonly #online = new Set<() => void>();

	constructor(device: Device) {
		this.device = device;
		this.clock = new PageClock(device.clock, device.skewMs);
		const { clock } = this;
		const writer = new WriterLink(async () => {
			const host = new Writer(this.#writerPlatform());
			return { host, open: (spec, port) => host.open(spec, port), terminate: () => undefined };
		}, clock);
		const platform: Platform = {
			clock,
			link: () => ({
				channel: (spec) => {
					if (!this.specs.includes(spec)) this.specs.push(spec);
					return inlineChannel();
				},
				writer: Promise.resolve(writer),
			}),
			onVisibility: () => () => undefined,
			connectAgent: () => Promise.reject(new Error('no agent here')),
			hold: (promise) => promise,
		};
		this.init = createInit(platform);
	}

	/** The page is gone: its timers, its locks, what it waited for. What it had sent may still arrive. */
	die(): void {
		this.isDead = true;
		this.clock.die();
		this.device.gone(this);
	}

	/** The browser says that the network is back. */
	online(): void {
		for (const listener of this.#online) listener();
	}

	#writerPlatform(): WriterPlatform {
		const { device, clock } = this;
		return {
			clock,
			fetch: (input, init) => this.#mortal(() => device.proxy.fetch(input as string, init, () => this.isDead)),
			gzip: async (text) => gzipSync(new TextEncoder().encode(text), { level: 1 }) as Uint8Array<ArrayBuffer>,
			openStore: async () => this.#store(),
			exclusively: (name, signal, use) => this.#mortal(() => device.exclusively(name, this, signal, use)),
			hold: (name) => this.#mortal(async () => device.take(name, this)),
			announce: (run) => {
				for (const page of device.pages) if (page !== this) queueMicrotask(() => page.#hear(run));
			},
			onAnnounced: (listener) => void this.#announced.add(listener),
			onOnline: (listener) => void this.#online.add(listener),
			randomId,
			loadRows: async () => rows,
			loadMedia: () => import('../../src/media/encode.ts'),
			quotaBytes: async () => undefined,
			evictsAfterDays: undefined,
		};
	}

	#hear(run: string): void {
		if (!this.isDead) for (const listener of this.#announced) listener(run);
	}

	/** Nothing comes of what a dead page began. */
	async #mortal<T>(work: () => Promise<T>): Promise<T> {
		const never = new Promise<T>(() => undefined);
		if (this.isDead) return never;
		try {
			const result = await work();
			return this.isDead ? never : result;
		} catch (error) {
			if (this.isDead) return never;
			throw error;
		}
	}

	/** The device's store as this page sees it. Said to be IndexedDB, since it outlives the page. */
	#store(): Store {
		const { store } = this.device;
		return new Proxy(store, {
			get: (_target, name: keyof Store) => {
				if (name === 'kind') return store.kind === 'memory' ? 'indexeddb' : store.kind;
				if (name === 'close') return () => undefined;
				const method = store[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
				// Whoever awaits this asks for a `then`.
				if (!method) return undefined;
				return (...args: unknown[]) => this.#mortal(() => (name === 'append' ? this.#append(store, args) : method.apply(store, args)));
			},
		});
	}

	async #append(store: Store, args: unknown[]): Promise<void> {
		const { disk } = this.device;
		const [before, after] = [disk.delayMs(), disk.delayMs()];
		if (before > 0) await this.clock.sleep(before);
		if (this.isDead) return;
		if (disk.fails()) throw new DOMException('The disk is full.', 'QuotaExceededError');
		await store.append(...(args as Parameters<Store['append']>));
		if (after > 0) await this.clock.sleep(after);
	}
}
