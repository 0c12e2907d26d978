/**
 * Numbers, sizes and moments as people read them, in one place, so that the same value looks the same in a table, a tooltip and a
 * spoken name. Thin spaces group digits and stand before units; minus is a true minus; what is not finite is a word.
 */
import type { LineValue } from '../../src/core/json-line.ts';

/** Narrow no-break space: between groups of digits and before units. */
export const THIN = '\u202f';
export const MINUS = '\u2212';
/** Stands where nothing was logged. */
export const NOTHING = '\u2013';

function withMinus(text: string): string {
	return text.replace('-', MINUS);
}

function group(digits: string): string {
	return digits.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

function word(value: number): string {
	return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : `${MINUS}∞`;
}

function exponential(value: number, digits: number): string {
	const [mantissa = '0', exponent = '0'] = value.toExponential(digits - 1).split('e');
	const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
	return `${withMinus(short)}e${withMinus(String(Number(exponent)))}`;
}

/** A value of a metric: four significant digits, trailing zeros kept so that decimals align in a column. Whole numbers come whole. */
export function formatValue(value: number | bigint | null | undefined): string {
	if (value === null || value === undefined) return NOTHING;
	if (typeof value === 'bigint') return withMinus(group(value.toString()));
	if (!Number.isFinite(value)) return word(value);
	if (value === 0) return '0';
	const size = Math.abs(value);
	if (size < 1e-3 || size >= 1e9) return exponential(value, 3);
	if (Number.isInteger(value) || size >= 1e4) return formatCount(value);
	// 999.96 has four digits only after rounding up, which `toPrecision` does as "1000".
	const text = value.toPrecision(4);
	return Math.abs(Number(text)) >= 1000 ? withMinus(group(text)) : withMinus(text);
}

/** A whole number, with its digits in groups of three from 1 000 up: steps, rows, points. */
export function formatCount(value: number | bigint): string {
	if (typeof value === 'number' && !Number.isFinite(value)) return word(value);
	const text = typeof value === 'bigint' ? value.toString() : Math.round(value).toFixed(0);
	return withMinus(group(text === '-0' ? '0' : text));
}

/** "1 run", "3 runs". */
export function plural(count: number, one: string, many = `${one}s`): string {
	return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Bytes in decimal units: 38.1 kB, 11.3 GB. */
export function formatBytes(bytes: number): string {
	if (!Number.isFinite(bytes)) return NOTHING;
	const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
	let value = bytes;
	let unit = 0;
	// 999.95 would be written as "1000" of the smaller unit.
	while (value >= 999.95 && unit < units.length - 1) {
		value /= 1000;
		unit++;
	}
	return `${unit === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1)}${THIN}${units[unit]}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something took: 86 ms, 8.2 s, 41 min, 4 h 12 min, 2 d 4 h. */
export function formatElapsed(ms: number): string {
	if (!Number.isFinite(ms)) return NOTHING;
	const size = Math.max(0, ms);
	if (size < SECOND) return `${Math.round(size)}${THIN}ms`;
	if (size < 10 * SECOND) return `${(size / SECOND).toFixed(1)}${THIN}s`;
	if (size < 2 * MINUTE) return `${Math.floor(size / SECOND)}${THIN}s`;
	if (size < HOUR) return `${Math.floor(size / MINUTE)}${THIN}min`;
	const [big, small, bigName, smallName] = size < DAY ? [HOUR, MINUTE, 'h', 'min'] : [DAY, HOUR, 'd', 'h'];
	const rest = Math.floor((size % (big as number)) / (small as number));
	const whole = `${formatCount(Math.floor(size / (big as number)))}${THIN}${bigName}`;
	return rest === 0 ? whole : `${whole} ${rest}${THIN}${smallName}`;
}

/** A moment seen from `nowMs`, for lists: "now", "41 min ago", "3 d ago", the date after 30 days. */
export function formatAgo(ms: number, nowMs: number): string {
	const age = nowMs - ms;
	if (age < 10 * SECOND) return 'now';
	if (age >= 30 * DAY) return formatDate(ms);
	if (age < MINUTE) return `${Math.floor(age / SECOND)}${THIN}s ago`;
	if (age < HOUR) return `${Math.floor(age / MINUTE)}${THIN}min ago`;
	if (age < DAY) return `${Math.floor(age / HOUR)}${THIN}h ago`;
	return `${Math.floor(age / DAY)}${THIN}d ago`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Local time of day: 14:02:11, or 14:02 without seconds. */
export function formatClock(ms: number, seconds = true): string {
	const date = new Date(ms);
	return `${two(date.getHours())}:${two(date.getMinutes())}${seconds ? `:${two(date.getSeconds())}` : ''}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Local date: 24 Nov 2026. */
export function formatDate(ms: number, year = true): string {
	const date = new Date(ms);
	return `${date.getDate()} ${MONTHS[date.getMonth()]}${year ? ` ${date.getFullYear()}` : ''}`;
}

/** The full form that goes into a title: ISO 8601 in UTC. */
export function isoTitle(ms: number): string {
	return new Date(ms).toISOString();
}

/**
 * Labels of one axis: as many decimals as tell its ticks apart, the same for all of them, thousands as 1k, 1.5M.
 * `step` is the distance between two ticks; 0 for the uneven ticks of a log axis.
 */
export function formatTick(value: number, step = 0): string {
	if (value === 0) return '0';
	const size = Math.abs(value);
	for (const [unit, name] of [
		[1e9, 'G'],
		[1e6, 'M'],
		[1e3, 'k'],
	] as const) {
		if (size < unit) continue;
		if (size >= 1e12) return exponential(value, 3);
		const scaled = value / unit;
		const decimals = step > 0 ? Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9)) : 0;
		// A step like 2,500 needs one decimal only at every other tick; the zero of "5.0k" says nothing.
		return withMinus(`${Number(scaled.toFixed(Math.min(6, step > 0 ? decimals + 1 : 1)))}${name}`);
	}
	if (size < 1e-3) return exponential(value, step > 0 ? Math.min(6, Math.max(1, Math.ceil(Math.log10(size / step) + 1 - 1e-9))) : 1);
	if (step <= 0) return withMinus(String(Number(value.toPrecision(3))));
	const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
	const isHalf = decimals > 0 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6;
	return withMinus(value.toFixed(Math.min(12, decimals + (isHalf ? 1 : 0))));
}

/** A duration on an axis, in seconds: 0, 30 s, 5 min, 1 h 30. */
export function formatSecondsTick(seconds: number): string {
	if (seconds === 0) return '0';
	if (Math.abs(seconds) < 60) return `${withMinus(String(Number(seconds.toPrecision(3))))}${THIN}s`;
	const minutes = seconds / 60;
	if (minutes < 60) return Number.isInteger(minutes) ? `${minutes}${THIN}min` : `${Math.floor(minutes)}:${two(Math.round(seconds % 60))}`;
	const hours = Math.floor(minutes / 60);
	const rest = Math.round(minutes % 60);
	return rest === 0 ? `${formatCount(hours)}${THIN}h` : `${formatCount(hours)}${THIN}h${THIN}${two(rest)}`;
}

/** Any logged value on one line: config entries and summary values that are not numbers. */
export function formatAny(value: LineValue | undefined): string {
	if (value === undefined || value === null) return NOTHING;
	if (typeof value === 'number' || typeof value === 'bigint') return formatSetting(value);
	if (typeof value === 'string') return value === '' ? '“”' : value;
	if (typeof value === 'boolean') return value ? 'yes' : 'no';
	if (Array.isArray(value)) return value.length === 0 ? '[]' : value.map(formatAny).join(', ');
	if (typeof value._type === 'string') return value._type;
	return Object.entries(value)
		.map(([key, member]) => `${key} ${formatAny(member)}`)
		.join(', ');
}

/** A number that somebody chose, such as a learning rate: all its digits, not four. */
export function formatSetting(value: number | bigint): string {
	if (typeof value === 'bigint' || !Number.isFinite(value)) return formatValue(value);
	if (Number.isInteger(value) && Math.abs(value) < 1e15) return formatCount(value);
	const text = Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
	return withMinus(text.replace('e-', `e${MINUS}`).replace('e+', 'e'));
}

/** Unit that the name of a metric speaks of: `step_ms` → ms, `gpu_percent` → %. */
export function unitOf(key: string): string {
	const found = /(?:^|[_./])(ms|s|sec|seconds|percent|pct|gb|mb|kb|bytes|celsius|watts)$/i.exec(key)?.[1]?.toLowerCase();
	if (!found) return '';
	const units: Record<string, string> = {
		ms: 'ms',
		s: 's',
		sec: 's',
		seconds: 's',
		percent: '%',
		pct: '%',
		gb: 'GB',
		mb: 'MB',
		kb: 'kB',
		bytes: 'B',
		celsius: '°C',
		watts: 'W',
	};
	// `images_per_s` is a rate, not seconds.
	if (found === 's' && /per_s$/i.test(key)) return '';
	return units[found] ?? '';
}

/**
 * Cuts a name in two so that it can lose its middle: names of runs differ at their ends. The head may be shortened by the layout,
 * the tail always shows.
 */
export function cutMiddle(name: string, tailLength = 10): [head: string, tail: string] {
	const characters = Array.from(name);
	const tail = Math.min(tailLength, Math.floor(characters.length * 0.45));
	return [characters.slice(0, characters.length - tail).join(''), characters.slice(characters.length - tail).join('')];
}
