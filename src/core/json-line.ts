/**
 * JSON lines as W&B writes them (wandb 0.30, history and summary lines): ordinary JSON, but the bare tokens `NaN`, `Infinity`
 * and `-Infinity` may stand where a number may, and integers may be larger than 2^53. `JSON.parse` refuses the first and
 * rounds the second, so both directions are here.
 */

/** A value that a line can carry. A `bigint` stands for an integer beyond ±(2^53 − 1). */
export type LineValue = number | bigint | string | boolean | null | LineValue[] | { [key: string]: LineValue };
export type LineObject = { [key: string]: LineValue };

/**
 * One value as line text, without a newline. The same value gives the same text, always: a line that is sent twice must be
 * the same bytes. Whole numbers are written without a point, −0 as `-0.0`, members in their own order; `undefined` members are left out.
 */
export function writeLine(value: LineValue): string {
	switch (typeof value) {
		case 'number':
			return writeNumber(value);
		case 'bigint':
			return value.toString();
		case 'string':
			return JSON.stringify(value);
		case 'boolean':
			return value ? 'true' : 'false';
	}
	if (value === null || value === undefined) return 'null';
	if (Array.isArray(value)) return `[${value.map(writeLine).join(',')}]`;
	let text = '';
	for (const key of Object.keys(value)) {
		const member = value[key];
		if (member === undefined) continue;
		text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${writeLine(member)}`;
	}
	return `{${text}}`;
}

function writeNumber(value: number): string {
	if (value === 0 && Object.is(value, -0)) return '-0.0';
	if (Number.isFinite(value)) return String(value);
	return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

/** Strings are matched first, so that a token or a digit inside one is never taken for a value. */
const SPECIAL = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d{16,}(?![\d.eE])/g;
const HAS_SPECIAL = /Infinity|NaN|\d{16}/;
/** Stands in for what JSON cannot say; no logged string can contain it unescaped by accident, since it is checked for below. */
const MARK = '\u0000tidelog:';

/**
 * Parses one line. Bare `NaN`, `Infinity`, `-Infinity` become those numbers; integers that a double cannot hold become `bigint`.
 * @throws SyntaxError when the text is not JSON even so.
 */
export function parseLine(text: string): LineValue {
	if (!HAS_SPECIAL.test(text)) return JSON.parse(text) as LineValue;
	let replaced = false;
	const plain = text.replace(SPECIAL, (token) => {
		if (token.startsWith('"')) return token;
		if (!/[IN]/.test(token) && Number.isSafeInteger(Number(token))) return token;
		replaced = true;
		return JSON.stringify(MARK + token);
	});
	if (!replaced) return JSON.parse(text) as LineValue;
	return JSON.parse(plain, (_key, value: unknown) => {
		if (typeof value !== 'string' || !value.startsWith(MARK)) return value;
		const token = value.slice(MARK.length);
		if (token === 'NaN') return Number.NaN;
		if (token.endsWith('Infinity')) return token.startsWith('-') ? -Infinity : Infinity;
		return /^-?\d+$/.test(token) ? BigInt(token) : value;
	}) as LineValue;
}
