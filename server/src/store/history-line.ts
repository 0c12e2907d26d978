import { type LineObject, type LineValue, parseLine } from '../../../src/core/json-line.ts';
import { RequestError } from '../request-error.ts';

/**
 * Parses a line that must be an object. The common line, of numbers that a double holds, takes one JSON.parse; whatever may be more goes through
 * `parseLine`, whose search for such costs two thirds of the parsing.
 * @throws RequestError 400 when it is not an object.
 */
export function parseHistoryLine(text: string): LineObject {
	let value: LineValue;
	try {
		value = JSON.parse(text) as LineValue;
		if (isObject(value) && mayBeInexact(value) && /\d{16}/.test(text)) value = parseLine(text);
	} catch {
		value = parsed(text);
	}
	if (!isObject(value)) throw new RequestError(400, 'A line must be a JSON object.');
	return value;
}

function parsed(text: string): LineValue {
	try {
		return parseLine(text);
	} catch (error) {
		throw new RequestError(400, `A line is not JSON (${error instanceof Error ? error.message : String(error)}).`);
	}
}

function mayBeInexact(line: LineObject): boolean {
	for (const key in line) {
		const value = line[key];
		if (typeof value === 'number' ? value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER : typeof value === 'object' && value !== null)
			return true;
	}
	return false;
}

export function isObject(value: LineValue): value is LineObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
