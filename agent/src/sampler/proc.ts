/** Reads the files of Linux' /proc that sampling needs. Formats: proc(5), man-pages 6.9, and Documentation/admin-guide/iostats.rst of Linux 6. */

export interface CpuTimes {
	busy: number;
	total: number;
}

/** The first line of /proc/stat, in ticks. Undefined when it is not like that. */
export function cpuTimes(stat: string): CpuTimes | undefined {
	const line = /^cpu +([\d ]+)$/m.exec(stat)?.[1];
	if (line === undefined) return undefined;
	// guest and guest_nice (9th, 10th) are in user and nice already.
	const ticks = line.trim().split(/ +/).slice(0, 8).map(Number);
	const total = ticks.reduce((sum, value) => sum + value, 0);
	return { total, busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
}

/** Bytes by name: MemTotal, MemAvailable, SwapTotal … */
export function memoryBytes(meminfo: string): Record<string, number> {
	return Object.fromEntries([...meminfo.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, kilobytes]) => [name, 1024 * Number(kilobytes)]));
}

/** Bytes that all network devices but the loopback have received and sent since the machine started. */
export function networkBytes(netDev: string): { received: number; sent: number } {
	const sum = { received: 0, sent: 0 };
	for (const [, name, numbers] of netDev.matchAll(/^ *([^\s:]+): *([\d ]+)$/gm)) {
		if (name === 'lo' || numbers === undefined) continue;
		const values = numbers.trim().split(/ +/).map(Number);
		sum.received += values[0] ?? 0;
		sum.sent += values[8] ?? 0;
	}
	return sum;
}

/** Bytes read from and written to each of the devices since the machine started; a sector is 512 bytes here whatever the disk's own is. */
export function diskBytes(diskstats: string, devices: readonly string[]): Map<string, { read: number; written: number }> {
	const found = new Map<string, { read: number; written: number }>();
	for (const line of diskstats.split('\n')) {
		const cells = line.trim().split(/ +/);
		const name = cells[2];
		if (name !== undefined && cells.length >= 10 && devices.includes(name))
			found.set(name, { read: 512 * Number(cells[5]), written: 512 * Number(cells[9]) });
	}
	return found;
}
