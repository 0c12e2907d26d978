import { arch, cpus, hostname, release, totalmem, type } from 'node:os';

/** What this machine is, with the keys of W&B's `wandb-metadata.json` (client 0.30); 64-bit numbers are text there. */
export interface Inventory {
	os: string;
	host: string;
	cpu_count: number;
	cpu_count_logical: number;
	memory: { total: string };
}

/**
 * Asked once: systeminformation starts child processes, each of which costs more than a minute of sampling. Knows of Linux, macOS, Windows and the BSDs how many
 * cores are real. Never throws: what it cannot learn it takes from Node.
 */
export async function readInventory(): Promise<Inventory> {
	const logical = cpus().length;
	let physical = logical;
	try {
		const { default: si } = await import('systeminformation');
		const { physicalCores, cores } = await si.cpu();
		if (physicalCores > 0 && physicalCores <= cores) physical = physicalCores;
	} catch {
		// Not installed, or a system that it does not know: all cores count as real ones.
	}
	return {
		os: `${type()}-${release()}-${arch()}`,
		host: hostname(),
		cpu_count: physical,
		cpu_count_logical: logical,
		memory: { total: String(totalmem()) },
	};
}
