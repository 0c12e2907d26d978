import { TidelogError } from './errors.ts';

/** Whether a value is good, and what a good one is. */
export type Rule = readonly [(value: unknown) => boolean, string];

export const isObject = (value: unknown): value is Record<string, unknown> => {
	try {
		return typeof value === 'object' && value !== null && !Array.isArray(value);
	} catch {
		// A proxy that was revoked.
		return false;
	}
};
export const isStep = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isName = (value: unknown) => isText(value) && /^[^/\\#?%:]{1,128}$/.test(value);

/** Text that may stand in an address. */
export const NAME: Rule = [isName, 'text of 1 to 128 characters without / \\ # ? % :'];
export const TEXT: Rule = [isText, 'text that is not empty'];
export const ANY_TEXT: Rule = [(value) => typeof value === 'string', 'text'];
export const TEXTS: Rule = [(value) => Array.isArray(value) && value.every(isText), 'a list of text'];
export const OBJECT: Rule = [isObject, 'an object'];
export const BOOLEAN: Rule = [(value) => typeof value === 'boolean', 'true or false'];
export const FUNCTION: Rule = [(value) => typeof value === 'function', 'a function'];
export const INTEGER: Rule = [Number.isInteger, 'a whole number'];
export const NOT_NEGATIVE: Rule = [(value) => typeof value === 'number' && value >= 0, 'a number from 0'];
export const BRANCH: Rule = [(value) => isObject(value) && isName(value.run) && isStep(value.step), '{ run: id, step: whole number }'];

export function oneOf(...names: readonly string[]): Rule {
	return [(value) => names.includes(value as string), names.join(' or ')];
}

export function someOf(...names: readonly string[]): Rule {
	return [(value) => [value].flat().every((item) => names.includes(item as string)), `of ${names.join(', ')}`];
}

/** @throws TidelogError `invalid-argument` that names the first member that is not known, or not good, with its value. Members that are undefined are good. */
export function check<Name extends string>(where: string, values: unknown, rules: Record<Name, Rule>): void {
	if (!isObject(values)) throw invalid(`${where}: options must be an object, but were ${shown(values)}.`);
	for (const [key, value] of Object.entries(values)) {
		if (!Object.hasOwn(rules, key)) throw invalid(`${where}: there is no \`${key}\`. Known are ${Object.keys(rules).join(', ')}.`);
		const [isGood, wanted] = rules[key as Name];
		if (value !== undefined && !isGood(value)) throw invalid(`${where}: \`${key}\` must be ${wanted}, but was ${shown(value)}.`);
	}
}

export function invalid(message: string): TidelogError {
	return new TidelogError('invalid-argument', message);
}

/** The value as a message shows it. An object may throw when it is turned to text. */
export function shown(value: unknown): string {
	return isText(value) ? `"${value.slice(0, 200)}"` : typeof value === 'object' && value ? 'an object' : String(value);
}
