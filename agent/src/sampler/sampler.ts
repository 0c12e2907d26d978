import { Machine } from './machine.ts';
import { NvidiaSmi, type SmiOptions } from './nvidia-smi.ts';
import type { GpuRow } from './smi-table.ts';

/** What one source read at one moment. GPUs and the machine are read apart, so their samples are apart too. */
export interface Sample {
	/** By this machine's clock, milliseconds since the epoch. */
	timestampMs: number;
	/** W&B's keys without `system.`; units in docs/automatic.md. A value that could not be read is missing, never 0. */
	values: Record<string, number>;
}

export interface Gpu {
	index: number;
	uuid: string | undefined;
	name: string | undefined;
	memoryTotalBytes: number | undefined;
}

export interface SamplerOptions {
	/** Milliseconds from one sample to the next, at least 100; 15,000 when left out, as W&B has it. */
	intervalMs?: number;
	/** Whether `cpu` and `proc.*` are about this process; otherwise `cpu` is about everything that runs here. */
	isOwnProcess?: boolean;
	/** How nvidia-smi is run; `false`: not at all. */
	nvidiaSmi?: Partial<Pick<SmiOptions, 'path' | 'silenceMs' | 'backOffMs'>> | false;
	onSample(sample: Sample): void;
	/** What a person should know, each thing once: no nvidia-smi, a driver that hangs. */
	onNotice?(message: string): void;
}

export const MIN_INTERVAL_MS = 100;
const DEFAULT_INTERVAL_MS = 15_000;

/** Reads this machine at an interval, from `start()` until `stop()`. Keeps no process alive. */
export class Sampler {
	readonly #options: SamplerOptions;
	readonly #intervalMs: number;
	readonly #smi: NvidiaSmi | undefined;
	readonly #gpus = new Map<string, Gpu>();
	#machine: Machine | undefined;
	#timer: NodeJS.Timeout | undefined;

	constructor(options: SamplerOptions) {
		this.#options = options;
		this.#intervalMs = Math.max(MIN_INTERVAL_MS, options.intervalMs ?? DEFAULT_INTERVAL_MS);
		if (options.nvidiaSmi !== false)
			this.#smi = new NvidiaSmi({
				...options.nvidiaSmi,
				intervalMs: this.#intervalMs,
				onRows: (rows, timestampMs) => this.#received(rows, timestampMs),
				onNotice: (message) => options.onNotice?.(message),
			});
	}

	/** All GPUs seen so far, those that have vanished included. */
	get gpus(): Gpu[] {
		return [...this.#gpus.values()];
	}

	get smi(): NvidiaSmi | undefined {
		return this.#smi;
	}

	start(): void {
		if (this.#timer) return;
		this.#machine = new Machine(this.#options.isOwnProcess ?? false);
		this.#timer = setInterval(() => void this.#sample(), this.#intervalMs).unref();
		this.#smi?.start();
	}

	stop(): void {
		clearInterval(this.#timer);
		this.#timer = undefined;
		this.#smi?.stop();
	}

	async #sample(): Promise<void> {
		const timestampMs = Date.now();
		const values = await this.#machine?.sample();
		if (values && this.#timer) this.#options.onSample({ timestampMs, values });
	}

	#received(rows: readonly GpuRow[], timestampMs: number): void {
		const values: Record<string, number> = {};
		for (const { index, uuid, name, memoryTotalBytes, values: ofGpu } of rows) {
			this.#gpus.set(uuid ?? `index ${index}`, { index, uuid, name, memoryTotalBytes });
			for (const key in ofGpu) values[`gpu.${index}.${key}`] = ofGpu[key] as number;
		}
		if (Object.keys(values).length > 0) this.#options.onSample({ timestampMs, values });
	}
}
