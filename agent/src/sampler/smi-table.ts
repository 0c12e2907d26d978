/**
 * What `nvidia-smi --query-gpu=… --format=csv` prints, line by line. Columns are found by the names in the header, never by place, so drivers that print
 * them in another order, leave some out or add some are read all the same. Field names: `nvidia-smi --help-query-gpu` (driver 570; the
 * older spellings back to 361 are listed as well). A cell that is no number is left out; it is never 0.
 */

/** Fields asked for. Those that a driver does not know are taken off the list when it says so. */
export const SMI_FIELDS = [
	'index',
	'uuid',
	'name',
	'utilization.gpu',
	'utilization.memory',
	'memory.used',
	'memory.total',
	'temperature.gpu',
	'power.draw',
	'enforced.power.limit',
	'clocks.sm',
	'clocks.mem',
	'clocks.gr',
	'fan.speed',
	'utilization.encoder',
	'ecc.errors.corrected.volatile.total',
	'ecc.errors.uncorrected.volatile.total',
	'pcie.link.gen.current',
	'pcie.link.width.current',
	'pcie.link.gen.max',
	'pcie.link.width.max',
	'mig.mode.current',
	'persistence_mode',
] as const;

/** Spellings of a header, each by the field that it stands for. */
const ALIASES: Record<string, string> = {
	gpu_name: 'name',
	gpu_uuid: 'uuid',
	'clocks.current.sm': 'clocks.sm',
	'clocks.current.memory': 'clocks.mem',
	'clocks.current.graphics': 'clocks.gr',
	'pcie.link.gen.gpucurrent': 'pcie.link.gen.current',
	'pcie.link.gen.gpumax': 'pcie.link.gen.max',
};
const KNOWN = new Set<string>([...SMI_FIELDS, 'timestamp', 'driver_version', 'pstate', 'power.limit', 'memory.free', 'temperature.memory']);

/** W&B's key (client 0.30, xpu) of each field that is passed on as it is, and the largest value that is no misprint. */
const KEYS: Record<string, { key: string; most?: number; isSigned?: true }> = {
	'utilization.gpu': { key: 'gpu', most: 100 },
	'utilization.memory': { key: 'memory', most: 100 },
	'memory.used': { key: 'memoryAllocatedBytes' },
	'temperature.gpu': { key: 'temp', most: 1000, isSigned: true },
	'power.draw': { key: 'powerWatts' },
	'enforced.power.limit': { key: 'enforcedPowerLimitWatts' },
	'clocks.sm': { key: 'smClock' },
	'clocks.mem': { key: 'memoryClock' },
	'clocks.gr': { key: 'graphicsClock' },
	// Fans may turn faster than what their maker calls 100 %.
	'fan.speed': { key: 'fanSpeed', most: 200 },
	'utilization.encoder': { key: 'encoderUtilization', most: 100 },
	'ecc.errors.corrected.volatile.total': { key: 'correctedMemoryErrors' },
	'ecc.errors.uncorrected.volatile.total': { key: 'uncorrectedMemoryErrors' },
	'pcie.link.gen.current': { key: 'pcieLinkGen' },
	'pcie.link.width.current': { key: 'pcieLinkWidth' },
	'pcie.link.gen.max': { key: 'maxPcieLinkGen' },
	'pcie.link.width.max': { key: 'maxPcieLinkWidth' },
};

/** One GPU at one moment. */
export interface GpuRow {
	index: number;
	uuid: string | undefined;
	name: string | undefined;
	/** Bytes; undefined where the GPU shares the machine's memory. */
	memoryTotalBytes: number | undefined;
	/** Whether the GPU is divided (MIG): the driver then tells no utilisation of it. */
	isDivided: boolean;
	/** Undefined where the driver does not say. When off, every program that ends unloads the driver. */
	isPersistent: boolean | undefined;
	/** W&B's keys without `gpu.<index>.`; what the driver does not tell is missing. */
	values: Record<string, number>;
}

export type SmiLine =
	| { kind: 'header' }
	| { kind: 'row'; row: GpuRow }
	| { kind: 'invalid-field'; field: string }
	| { kind: 'text'; text: string }
	| { kind: 'blank' };

/** Reads the lines of one `nvidia-smi`, which begins with a header and may print another one at any time. */
export class SmiTable {
	#columns: string[] | undefined;

	read(line: string): SmiLine {
		const text = line.trim();
		if (text === '') return { kind: 'blank' };
		const field = /^Field "([^"]+)" is not a valid field to query/.exec(text)?.[1];
		if (field !== undefined) return { kind: 'invalid-field', field };
		const cells = splitCells(text);
		const header = cells.map((cell) => fieldOf(cell));
		if (header.includes('index') && header.filter((name) => KNOWN.has(name)).length >= 2) {
			this.#columns = header;
			return { kind: 'header' };
		}
		const row = this.#columns && rowOf(this.#columns, cells);
		return row ? { kind: 'row', row } : { kind: 'text', text: text.slice(0, 500) };
	}
}

/** Cells are parted by a comma and a blank; a comma alone is a decimal point in some locales, and names may stand in quotes. */
function splitCells(line: string): string[] {
	return (line.match(/(?:"[^"]*"|,(?!\s)|[^,])+/g) ?? []).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
}

function fieldOf(cell: string): string {
	const name = cell.replace(/\s*\[[^\]]*\]$/, '');
	return ALIASES[name] ?? name;
}

/** Undefined when the line is no row of these columns. */
function rowOf(columns: readonly string[], cells: readonly string[]): GpuRow | undefined {
	if (cells.length !== columns.length) return undefined;
	const cell = (field: string) => cells[columns.indexOf(field)];
	const index = cell('index');
	if (index === undefined || !/^\d{1,3}$/.test(index)) return undefined;
	const values: Record<string, number> = {};
	for (const [i, column] of columns.entries()) {
		const rule = KEYS[column];
		const number = rule && numberOf(cells[i]);
		if (!rule || number === undefined || number > (rule.most ?? Number.POSITIVE_INFINITY) || (number < 0 && !rule.isSigned)) continue;
		values[rule.key] = number;
	}
	const total = numberOf(cell('memory.total'));
	const memoryTotalBytes = total !== undefined && total > 0 ? total : undefined;
	if (memoryTotalBytes !== undefined && values.memoryAllocatedBytes !== undefined)
		values.memoryAllocated = (100 * values.memoryAllocatedBytes) / memoryTotalBytes;
	if (values.powerWatts !== undefined && values.enforcedPowerLimitWatts)
		values.powerPercent = (100 * values.powerWatts) / values.enforcedPowerLimitWatts;
	const persistence = cell('persistence_mode');
	return {
		index: Number(index),
		uuid: textOf(cell('uuid')),
		name: textOf(cell('name')),
		memoryTotalBytes,
		isDivided: cell('mig.mode.current') === 'Enabled',
		isPersistent: persistence === 'Enabled' ? true : persistence === 'Disabled' ? false : undefined,
		values,
	};
}

/** In the units of W&B's keys; nvidia-smi writes the unit behind the number. Undefined for `[N/A]`, `ERR!` and whatever else is no number. */
function numberOf(cell: string | undefined): number | undefined {
	const [, digits, unit] = /^(-?\d{1,15}(?:[.,]\d{1,6})?)\s*(%|[KMG]iB|m?W|MHz|C)?$/.exec(cell ?? '') ?? [];
	if (digits === undefined) return undefined;
	return Number(digits.replace(',', '.')) * (unit === undefined ? 1 : (FACTORS[unit] ?? 1));
}
const FACTORS: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, mW: 0.001 };

function textOf(cell: string | undefined): string | undefined {
	return cell === undefined || /^\[?(N\/A|Not Supported|Unknown Error|ERR!?|GPU is lost|Insufficient Permissions)\]?$/i.test(cell)
		? undefined
		: cell.slice(0, 200);
}
