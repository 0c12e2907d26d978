import type { TidelogError } from '../../src/errors.ts';
import type { InitOptions } from '../../src/options.ts';
import type { FinishResult, LogOptions, MetricOptions, Run, RunStatus } from '../../src/run.ts';
import type { Page } from './device.ts';
import type { Call, Said } from './oracle.ts';

/** A run opened on a page, with the test's own journal of every call beside it. */
export class Session {
	readonly page: Page;
	readonly run: Run;
	/** Name of its writer, and when it started: its place among the writers of the run. */
	readonly writer: string;
	readonly startedMs: number;
	readonly calls: Call[] = [];
	readonly said: Said[] = [];
	readonly errors: TidelogError[] = [];
	/** How much of the journal was flushed, at least. */
	flushed = { calls: 0, said: 0 };
	/** What broke a promise of the API; empty when all is well. */
	readonly faults: string[] = [];

	constructor(page: Page, options: InitOptions) {
		this.page = page;
		this.run = page.init({ ...options, onError: (error) => this.errors.push(error) });
		const spec = page.specs.at(-1);
		this.writer = spec?.writer ?? '';
		this.startedMs = spec?.startedMs ?? 0;
		for (const [key, value] of Object.entries(options.config ?? {})) this.said.push({ kind: 'config', path: [key], value: structuredClone(value) });
		if (options.resume !== undefined && options.resume !== 'never') this.said.push({ kind: 'resumed', path: [] });
		if (options.forkFrom || options.rewindTo) this.said.push({ kind: 'resumed', path: [] });
		this.run.on('status', (status) => this.sample(status));
	}

	/** Codes of the errors that were told. */
	get codes(): string[] {
		return this.errors.map(({ code }) => code);
	}

	log(data: Record<string, unknown>, options: LogOptions = {}): void {
		const atMs = Math.max(this.page.clock.nowMs(), this.calls.at(-1)?.atMs ?? 0);
		this.run.log(data, options);
		// As it is now: what is logged may change on the next line.
		this.calls.push({ data: structuredClone(data), ...options, atMs });
	}

	set(kind: 'config' | 'summary', path: string[], value: unknown): void {
		const parent = path.slice(0, -1).reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, this.run[kind]);
		if (value === undefined) delete parent[path.at(-1) as string];
		else parent[path.at(-1) as string] = value;
		this.said.push({ kind, path, value: structuredClone(value) });
	}

	defineMetric(name: string, options: MetricOptions): void {
		this.run.defineMetric(name, options);
		const { summary } = options;
		this.said.push({ kind: 'metric', path: [name], value: summary === undefined ? options : { ...options, summary: [summary].flat() } });
	}

	alert(title: string): void {
		this.run.alert({ title, text: `${title}!`, waitMs: 0 });
		this.said.push({ kind: 'alert', path: [title], value: title });
	}

	async flush(): Promise<void> {
		const upTo = { calls: this.calls.length, said: this.said.length };
		await this.run.flush();
		this.flushed = upTo;
	}

	/** Ends the run; what is told about it must hold. */
	async finish(timeoutMs: number, exitCode = 0): Promise<FinishResult> {
		const { clock } = this.page.device;
		const beganMs = clock.nowMs();
		if (!this.run.isFinished) this.said.push({ kind: 'finish', path: [], value: exitCode });
		const result = await this.run.finish({ timeoutMs, exitCode });
		const tookMs = clock.nowMs() - beganMs;
		if (tookMs > timeoutMs) this.faults.push(`finish() took ${tookMs} ms of ${timeoutMs}`);
		this.sample(result.status);
		return result;
	}

	/** `accepted = synced + pending.memory + pending.disk + dropped`, always. */
	sample(status: RunStatus = this.run.status): void {
		const { accepted, durable, synced, pending, dropped } = status;
		const numbers = [accepted, durable, synced, pending.memory, pending.disk, pending.files, dropped];
		const isSound = numbers.every((number) => Number.isSafeInteger(number) && number >= 0);
		if (!isSound || accepted !== synced + pending.memory + pending.disk + dropped || durable !== synced + pending.disk)
			this.faults.push(`status does not add up: ${JSON.stringify(status)}`);
		if (accepted > this.calls.length + 1) this.faults.push(`accepted ${accepted} of ${this.calls.length} calls`);
	}
}
