import { type LineObject, type LineValue, parseLine } from '../../src/core/json-line.ts';
import { isLeaf, STEP } from '../../src/core/keys.ts';
import type { StoredRow } from './store/history-store.ts';

/** A row: its records laid over each other by key path, with its step. */
export function rowObject({ step, lines }: StoredRow): LineObject {
	const row = Object.create(null) as LineObject;
	for (const line of lines) layOver(row, parseLine(line) as LineObject);
	row[STEP] = step;
	return row;
}

function layOver(under: LineObject, over: LineObject): void {
	for (const key of Object.keys(over)) {
		const value = over[key] as LineValue;
		const there = under[key];
		if (there !== undefined && !isLeaf(there) && !isLeaf(value)) {
			// A copy without a prototype, in which `__proto__` is a key like others.
			const both = Object.assign(Object.create(null) as LineObject, there);
			layOver(both, value as LineObject);
			under[key] = both;
		} else under[key] = value;
	}
}
