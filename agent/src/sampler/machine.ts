import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { type CpuTimes, cpuTimes, diskBytes, memoryBytes, networkBytes } from './proc.ts';

const MB = 2 ** 20;
const GB = 2 ** 30;
/** Devices without a disk of their own behind them. */
const NO_DISK = /^(loop|ram|zram|sr|fd|dm-|md)\d*/;
const hasProc = existsSync('/proc/stat');

/**
 * Reads CPU, memory, disk and network: of Linux from /proc (no child process, well under a millisecond a sample); elsewhere CPU, memory and disk use from
 * Node itself. Keys and units are W&B's (client 0.30, core/internal/monitor), without `system.`.
 */
export class Machine {
	/** Whose CPU `cpu` means: this process, as W&B has it, or everything that runs here. */
	readonly #isOwnProcess: boolean;
	readonly #disks: string[];
	readonly #network: { received: number; sent: number } | undefined;
	readonly #disk: ReturnType<typeof diskBytes>;
	#cpu: CpuTimes | undefined;
	#own = { cpuMicroseconds: 0, atMs: 0 };

	constructor(isOwnProcess: boolean) {
		this.#isOwnProcess = isOwnProcess;
		this.#disks = hasProc && existsSync('/sys/block') ? readdirSync('/sys/block').filter((name) => !NO_DISK.test(name)) : [];
		this.#network = networkNow();
		this.#disk = this.#diskNow();
		this.#cpuPercent();
	}

	/** What cannot be read is left out. */
	async sample(): Promise<Record<string, number>> {
		const values: Record<string, number> = {};
		const cpu = this.#cpuPercent();
		if (cpu !== undefined) values.cpu = cpu;
		const memory = hasProc ? memoryBytes(readText('/proc/meminfo')) : {};
		const total = memory.MemTotal ?? totalmem();
		const available = memory.MemAvailable ?? freemem();
		values.memory_percent = (100 * (total - available)) / total;
		values['proc.memory.availableMB'] = available / MB;
		if (this.#isOwnProcess) {
			const rss = process.memoryUsage.rss();
			values['proc.memory.rssMB'] = rss / MB;
			values['proc.memory.percent'] = (100 * rss) / total;
			const threads = /^Threads:\s+(\d+)$/m.exec(hasProc ? readText('/proc/self/status') : '')?.[1];
			if (threads !== undefined) values['proc.cpu.threads'] = Number(threads);
		}
		const network = networkNow();
		if (network && this.#network) {
			values['network.recv'] = Math.max(0, network.received - this.#network.received);
			values['network.sent'] = Math.max(0, network.sent - this.#network.sent);
		}
		for (const [name, now] of this.#diskNow()) {
			const before = this.#disk.get(name);
			if (!before) continue;
			values[`disk.${name}.in`] = Math.max(0, now.read - before.read) / MB;
			values[`disk.${name}.out`] = Math.max(0, now.written - before.written) / MB;
		}
		try {
			const { blocks, bfree, bavail, bsize } = await statfs('/');
			const used = (blocks - bfree) * bsize;
			// Of what people may use: the rest is kept for root, as df has it.
			values['disk./.usagePercent'] = (100 * used) / (used + bavail * bsize);
			values['disk./.usageGB'] = used / GB;
		} catch {
			// A file system that does not say how full it is has no such series.
		}
		for (const key in values) if (!Number.isFinite(values[key])) delete values[key];
		return values;
	}

	/** Since the call before; undefined for the first one. */
	#cpuPercent(): number | undefined {
		if (this.#isOwnProcess) {
			const { user, system } = process.cpuUsage();
			const before = this.#own;
			this.#own = { cpuMicroseconds: user + system, atMs: performance.now() };
			if (before.atMs === 0) return undefined;
			return (this.#own.cpuMicroseconds - before.cpuMicroseconds) / (10 * (this.#own.atMs - before.atMs) * availableParallelism());
		}
		const before = this.#cpu;
		this.#cpu = hasProc ? cpuTimes(readText('/proc/stat')) : osTimes();
		if (!before || !this.#cpu || this.#cpu.total <= before.total) return undefined;
		return Math.min(100, Math.max(0, (100 * (this.#cpu.busy - before.busy)) / (this.#cpu.total - before.total)));
	}

	#diskNow(): ReturnType<typeof diskBytes> {
		return this.#disks.length > 0 ? diskBytes(readText('/proc/diskstats'), this.#disks) : new Map();
	}
}

function networkNow(): { received: number; sent: number } | undefined {
	return hasProc ? networkBytes(readText('/proc/net/dev')) : undefined;
}

function osTimes(): CpuTimes {
	const sum = { busy: 0, total: 0 };
	for (const { times } of cpus()) {
		const total = times.user + times.nice + times.sys + times.irq + times.idle;
		sum.total += total;
		sum.busy += total - times.idle;
	}
	return sum;
}

/** Empty when it cannot be read, which no pattern matches. These files are made by the kernel when they are read: no disk is waited for. */
function readText(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}
