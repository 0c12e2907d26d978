import type { LineObject, LineValue } from './json-line.ts';
import type { MetricDefinition } from './metrics.ts';
import { isLater, type RecordPlace } from './place.ts';

/**
 * What is said about a run as a whole (its config, summary values set by hand, metric definitions, name, alerts, its end) is a record too, in the
 * stream `meta`: it has a writer and a number, is stored like a row and sent like one, exactly once. Readers fold these records; nothing is
 * ever sent "as a whole again", so nothing old can come back.
 */
export interface MetaRecord {
	config?: Edit[];
	/** Values set by hand on `run.summary`. */
	summary?: Edit[];
	metric?: MetricDefinition;
	info?: RunInfoChange;
	alert?: Alert;
	/** The run ended with this code. */
	finish?: { exitCode: number };
	/** The run was opened again after it had ended. */
	resumed?: true;
}

/** A change at a path of keys; without a value the path is deleted, with all that lies below. */
export type Edit = [path: string[]] | [path: string[], value: LineValue];

/** Missing members stay as they are; `null` takes a value away. */
export interface RunInfoChange {
	name?: string;
	notes?: string | null;
	tags?: string[];
	group?: string | null;
	jobType?: string | null;
}

export interface Alert {
	title: string;
	text: string;
	level: 'info' | 'warn' | 'error';
	/** An alert of the same title is not shown again for this long, milliseconds. */
	waitMs: number;
}

export type PlacedEdit = RecordPlace & { edit: Edit };

/**
 * Adds an edit to those that count, one a path, and returns them; the argument is not changed. An edit of a path replaces the earlier one of the
 * same path; those of paths above and below stay, since their order says what is seen.
 *
 * Law: adding the same edits in any order, or some twice, gives edits that fold to the same object.
 */
export function addEdit(edits: readonly PlacedEdit[], added: PlacedEdit): PlacedEdit[] {
	const name = JSON.stringify(added.edit[0]);
	const known = edits.find(({ edit }) => JSON.stringify(edit[0]) === name);
	if (known && !isLater(added, known)) return [...edits];
	// To the end, so that edits of one record stay in the order that they have there.
	return [...edits.filter((edit) => edit !== known), added];
}

/** The object that the edits come to, laid over `base`. */
export function foldEdits(edits: readonly PlacedEdit[], base: LineObject = {}): LineObject {
	const sorted = [...edits].sort((a, b) => Number(isLater(a, b)) - Number(isLater(b, a)));
	return sorted.reduce((object, { edit }) => applyEdit(object, edit), base);
}

/** A copy of `object` with the edit made; objects on the way are made where they are missing. */
export function applyEdit(object: LineObject, [[key, ...below], value]: Edit): LineObject {
	if (key === undefined) return isObject(value) ? value : object;
	const copy = Object.assign(Object.create(null) as LineObject, object);
	if (below.length > 0) {
		const inner = copy[key];
		if (value === undefined && !isObject(inner)) return object;
		copy[key] = applyEdit(isObject(inner) ? inner : {}, value === undefined ? [below] : [below, value]);
	} else if (value === undefined) delete copy[key];
	else copy[key] = value;
	return copy;
}

function isObject(value: LineValue | undefined): value is LineObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
