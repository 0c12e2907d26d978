import type { RunStatus } from 'tidelog';

/** What the page asks of the training worker. */
export type ToWorker = { kind: 'start'; settings: TrainingSettings } | { kind: 'stop' } | { kind: 'network'; isOn: boolean };

export interface TrainingSettings {
	learningRate: number;
	batchSize: number;
	epochs: number;
	/** `fit`: model.fit with `run.tfjs()`; `custom`: a loop of our own that calls `run.log()`. */
	loop: 'fit' | 'custom';
	/** Training ends after so many batches, whatever the epochs say. */
	maxBatches: number;
	/** `auto`: WebGL where the worker has it in hardware, else the CPU. */
	backend: 'auto' | 'webgl' | 'cpu';
	/** Address of the Tidelog server; undefined keeps the run in this browser. */
	server: string | undefined;
	/** Address of `digits.bin`. */
	digitsUrl: string;
}

export type TrainState = 'idle' | 'loading' | 'training' | 'finishing' | 'finished' | 'stopped' | 'failed';

/** A validation digit and what the network takes it for. */
export interface Sample {
	/** A byte a pixel, 0 paper, 255 ink. */
	pixels: Uint8Array;
	width: number;
	height: number;
	label: number;
	prediction: number;
	/** Share of certainty that the network gives to its prediction. */
	fraction: number;
}

/** One call of `log()`, told after it returned. */
export interface LoggedRecord {
	run: string;
	/** Place among the records of the run, from 0. */
	n: number;
	step: number;
	/** The numbers logged; a list of images is told as its length. */
	data: Record<string, number>;
}

export interface Progress {
	batches: number;
	/** Of this run as planned. */
	plannedBatches: number;
	epoch: number;
	/** Over the last seconds, logging included. */
	batchesPerS: number;
}

/** What the training worker tells the page. */
export type FromWorker =
	| { kind: 'state'; state: TrainState; message?: string }
	| { kind: 'run'; id: string; project: string; backend: string }
	| { kind: 'status'; name: string; status: RunStatus; url: string | undefined; progress: Progress }
	| ({ kind: 'logged' } & LoggedRecord)
	| { kind: 'samples'; samples: Sample[] }
	| { kind: 'problem'; code: string; message: string };
