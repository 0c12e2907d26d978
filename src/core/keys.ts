import type { LineObject, LineValue } from './json-line.ts';

/**
 * Keys of a row. Nested objects are addressed by a dotted path: `{ a: { b: 1 } }` is the metric `a.b`. An object with `_type` is
 * one value (media, histogram: wandb 0.30), and so is an array. Keys that begin with `_` are the system's own.
 */
export const STEP = '_step';
export const TIMESTAMP = '_timestamp';
export const RUNTIME = '_runtime';

export function isInternalKey(key: string): boolean {
	return key.startsWith('_');
}

/** Whether a value is a leaf: everything but a plain object without `_type`. */
export function isLeaf(value: LineValue): boolean {
	return value === null || typeof value !== 'object' || Array.isArray(value) || '_type' in value;
}

/** Calls `visit` for each leaf with its dotted path. An empty object has no leaf. */
export function eachLeaf(row: LineObject, visit: (key: string, value: LineValue) => void, prefix = ''): void {
	for (const key of Object.keys(row)) {
		const value = row[key];
		if (value === undefined) continue;
		if (isLeaf(value)) visit(prefix + key, value);
		else eachLeaf(value as LineObject, visit, `${prefix + key}.`);
	}
}
