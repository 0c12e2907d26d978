import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What the figures were taken on. No names of the machine, its user or its folders. */
export interface Machine {
	cpu: string;
	cores: number;
	memoryGiB: number;
	os: string;
	node: string;
	browser?: string;
}

export function describeMachine(browser: string | undefined): Machine {
	return {
		cpu: cpus()[0]?.model.trim() || 'unknown',
		cores: cpus().length,
		memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
		os: `${type()} ${release()}`,
		node: process.version,
		...(browser && { browser }),
	};
}

/** Of the last 1, 5 and 15 minutes; other work on the machine shows here. */
export function loadAverage(): string {
	return loadavg()
		.map((load) => load.toFixed(2))
		.join(' ');
}
