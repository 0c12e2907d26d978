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
 * the same bytes. Whole numbers up to 2^53 are written without a point, larger doubles with an exponent, −0 as `-0.0`, members in their own order; `undefined` members are left out.
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
	// Digits alone stand for an exact integer; a double that large is written so that nobody takes it for one.
	if (Number.isInteger(value) && !Number.isSafeInteger(value)) return value.toExponential();
	if (Number.isFinite(value)) return String(value);
	return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

/** Values between strings that JSON.parse may not know; numbers are matched whole. */
const TOKENS = /-?Infinity|NaN|-?\d[\d.eE+-]*/g;
/** Whether a line may need more than JSON.parse: a word, or an integer of 16 digits or more (not the digits of a fraction). */
const MAY_BE_SPECIAL = /Infinity|NaN|(?<![\d.])\d{16}/;
/** Begins a text that stands in for what JSON cannot say. A logged text that begins so is marked as well, by a quote after it. */
const MARK = '\u0000tidelog:';

/**
 * Parses one line. Bare `NaN`, `Infinity`, `-Infinity` become those numbers; integers that a double cannot hold become `bigint`.
 * @throws SyntaxError when the text is not JSON even so.
 */
export function parseLine(text: string): LineValue {
	if (!MAY_BE_SPECIAL.test(text)) return JSON.parse(text) as LineValue;
	let isMarked = false;
	const mark = (token: string) => {
		const isSpecial = /[IN]/.test(token) || (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)));
		if (!isSpecial) return token;
		isMarked = true;
		return JSON.stringify(MARK + token);
	};
	let plain = '';
	for (let at = 0; at < text.length; ) {
		// A token or a digit inside a string is no value. (An expression that matches strings runs out of stack at a few million escapes.)
		const begin = indexOr(text.length, text.indexOf('"', at));
		const end = endOfString(text, begin);
		const string = text.slice(begin, end);
		plain += text.slice(at, begin).replace(TOKENS, mark) + (string.startsWith('"\\u0000tidelog:') && !isKey(text, end) ? markText(string) : string);
		at = end;
	}
	if (!isMarked) return JSON.parse(text) as LineValue;
	return JSON.parse(plain, (_key, value: unknown) =>
		typeof value === 'string' && value.startsWith(MARK) ? readMarked(value.slice(MARK.length)) : value,
	) as LineValue;
}

/** The place after the string that begins at `begin`. */
function endOfString(text: string, begin: number): number {
	for (let quote = text.indexOf('"', begin + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
		let slashes = 0;
		while (text[quote - 1 - slashes] === '\\') slashes++;
		if (slashes % 2 === 0) return quote + 1;
	}
	return text.length;
}

function indexOr(otherwise: number, index: number): number {
	return index === -1 ? otherwise : index;
}

function isKey(text: string, after: number): boolean {
	return /^\s*:/.test(text.slice(after, after + 64));
}

function markText(token: string): string {
	return JSON.stringify(`${MARK}"${JSON.parse(token) as string}`);
}

function readMarked(token: string): LineValue {
	if (token.startsWith('"')) return token.slice(1);
	if (token === 'NaN') return Number.NaN;
	if (token.endsWith('Infinity')) return token.startsWith('-') ? -Infinity : Infinity;
	return BigInt(token);
}
