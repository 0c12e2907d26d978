import type { LineObject, LineValue } from '../../src/core/json-line.ts';
import { applyEdit, type Edit, type PlacedEdit } from '../../src/core/meta.ts';
import { isLater } from '../../src/core/place.ts';

/**
 * The config with edits made, as clients would have sent it: `{"lr": {"value": 0.1}}`. An edit is made unless a later one of the same path is
 * known; those of the same top-level key that are later are made again, so that the order of arrival does not matter (but for objects that a deletion below
 * them has left empty). What other tools have put into the config stays where no edit goes.
 *
 * @param known edits made before; brought up to date. @returns the edits to keep.
 */
export function editConfig(config: LineObject, known: PlacedEdit[], added: readonly PlacedEdit[]): { config: LineObject; kept: PlacedEdit[] } {
	const byPath = new Map(known.map((edit) => [pathName(edit), edit]));
	let newest = known.reduce<PlacedEdit | undefined>((latest, edit) => (latest && isLater(latest, edit) ? latest : edit), undefined);
	const kept: PlacedEdit[] = [];
	let edited = config;
	for (const edit of added) {
		const [path] = edit.edit;
		const same = byPath.get(pathName(edit));
		// The config as a whole is no path of its own: `_wandb` lives in it too.
		if (path.length === 0 || (same && !isLater(edit, same))) continue;
		byPath.set(pathName(edit), edit);
		kept.push(edit);
		edited = applyEdit(edited, wrapped(edit.edit));
		if (newest && !isLater(edit, newest)) {
			const later = [...byPath.values()].filter((other) => other !== edit && isLater(other, edit) && other.edit[0][0] === path[0]);
			for (const other of later.sort((a, b) => (isLater(a, b) ? 1 : -1))) edited = applyEdit(edited, wrapped(other.edit));
		} else newest = edit;
	}
	return { config: edited, kept };
}

/** Config as logged: unwrapped of W&B's `{value}`; keys of clients' own (`_wandb`) left out. */
export function unwrapConfig(config: LineObject): Record<string, LineValue> {
	const out = Object.create(null) as Record<string, LineValue>;
	for (const [key, value] of Object.entries(config)) {
		if (key.startsWith('_')) continue;
		const isWrapped = isObject(value) && 'value' in value;
		out[key] = isWrapped ? (value.value as LineValue) : value;
	}
	return out;
}

/** What clients keep about themselves in the config, under `_wandb`. */
export function wandbValue(config: LineObject): LineObject {
	const { _wandb: wandb } = config;
	return isObject(wandb) && isObject(wandb.value) ? wandb.value : {};
}

/** The config with one member of `_wandb` set. */
export function withWandbValue(config: LineObject, key: string, value: LineValue): LineObject {
	return applyEdit(config, [['_wandb', 'value', key], value]);
}

function wrapped([[key, ...below], value]: Edit): Edit {
	const path = value === undefined && below.length === 0 ? [key as string] : [key as string, 'value', ...below];
	return value === undefined ? [path] : [path, value];
}

function pathName({ edit }: PlacedEdit): string {
	return JSON.stringify(edit[0]);
}

function isObject(value: LineValue | undefined): value is LineObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
