import type { RunStatus } from 'tidelog';

/** Narrow no-break space, as between groups of digits and before units. */
const THIN = '\u202f';

/** 41 208 */
export function formatCount(value: number): string {
	return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

/** Four significant digits; what is not finite is a word. */
export function formatValue(value: number): string {
	if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
	if (value === 0) return '0';
	return Math.abs(value) < 1e-3 ? value.toExponential(2).replace('e-', 'e−') : value.toPrecision(4).replace('-', '−');
}

export function plural(count: number, one: string): string {
	return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}

/** "7 568 rows and 3 images" */
function rowsAndImages(rows: number, files: number): string {
	return files > 0 ? `${plural(rows, 'row')} and ${plural(files, 'image')}` : plural(rows, 'row');
}

export interface ConnectionWords {
	dot: '' | 'off' | 'warn' | 'bad';
	headline: string;
	/** Where the rows are, and why. */
	sentence: string;
}

/** @param sinceMs When the connection became what it is, milliseconds since the epoch. */
export function connectionWords({ connection, pending, error, synced }: RunStatus, sinceMs: number, isEnded: boolean): ConnectionWords {
	const rows = pending.memory + pending.disk;
	const waiting = rowsAndImages(rows, pending.files);
	// Only what is in the store is called safe; what is in memory gets there within a moment, and the gauge shows it.
	const kept = rowsAndImages(pending.disk, pending.files);
	const isOne = pending.disk === 1 && pending.files === 0;
	const are = isOne ? 'is' : 'are';
	const time = new Date(sinceMs).toTimeString().slice(0, 5);
	const reason = error ? ` ${sentenceOf(error)}` : '';
	switch (connection) {
		case 'local':
			return { dot: 'off', headline: 'Local only', sentence: `No server set. ${plural(pending.disk, 'row')} ${are} on this device.` };
		case 'offline': {
			const fate =
				rows + pending.files === 0
					? 'Nothing waits.'
					: `${kept} ${are} safe on this device and ${isOne ? 'leaves by itself' : 'leave by themselves'} when the server answers.`;
			return { dot: 'off', headline: `Offline since ${time}`, sentence: `${fate}${reason}` };
		}
		case 'paused': {
			const fate = rows + pending.files === 0 ? 'Nothing waits yet' : `${kept} ${isOne ? 'waits' : 'wait'} on this device`;
			return { dot: 'warn', headline: `Cut at ${time}`, sentence: `You cut the network of the logger. ${fate}; training goes on.` };
		}
		case 'refused':
			return { dot: 'bad', headline: 'Refused', sentence: `The server refuses this run.${reason} ${kept} ${are} safe on this device.` };
		case 'syncing':
		case 'idle':
			if (rows + pending.files === 0 && synced > 0) {
				const sentence = `${isEnded ? 'Everything logged' : 'Everything logged so far'} is on the server: ${plural(synced, 'row')}.`;
				return { dot: isEnded ? 'off' : '', headline: isEnded ? 'All sent' : 'Live', sentence };
			}
			return { dot: '', headline: isEnded ? 'Sending' : 'Live', sentence: `${waiting} on the way to the server.${reason}` };
	}
}

function sentenceOf(text: string): string {
	const trimmed = text.trim();
	return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
