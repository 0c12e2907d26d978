import type { LineValue } from './json-line.ts';
import type { Leaf } from './packer.ts';

/**
 * Turns what a user logs into leaves with dotted keys. Numbers stay numbers; text, booleans, null and lists are kept as they are;
 * a Date becomes its ISO text, a typed array a list of numbers, a bigint stays exact. What cannot be kept (functions, symbols,
 * `undefined`, objects that contain themselves) is left out and reported, never thrown.
 */
export interface MediaValue {
	/** Takes the snapshot that the writer will encode. Called inside `log()`, since the source may change on the next line. */
	snapshot(): unknown;
}

/** Stands in a leaf for media that the writer has yet to encode; `items` are snapshots. */
export interface MediaLeaf {
	media: string;
	isList: boolean;
	items: unknown[];
}

export type ExtraLeaf = LineValue | MediaLeaf;

/** How deep objects and lists may nest; deeper ones are taken to contain themselves. */
const MAX_DEPTH = 32;

export interface Flattened {
	leaves: Leaf<ExtraLeaf>[];
	/** Dotted keys that were left out, with the reason. */
	refused: { key: string; reason: string }[];
}

export function flatten(data: Record<string, unknown>, mediaType: (value: object) => string | undefined): Flattened {
	const out: Flattened = { leaves: [], refused: [] };
	visit(data, '', 0, out, mediaType);
	return out;
}

function visit(data: Record<string, unknown>, prefix: string, depth: number, out: Flattened, mediaType: (value: object) => string | undefined): void {
	for (const name of Object.keys(data)) {
		const key = prefix + name;
		try {
			const value = data[name];
			if (typeof value === 'number') out.leaves.push({ key, value });
			else if (isPlainObject(value) && !('_type' in value)) {
				if (depth >= MAX_DEPTH) throw new Error(`objects nest deeper than ${MAX_DEPTH}, or contain themselves`);
				visit(value, `${key}.`, depth + 1, out, mediaType);
			} else out.leaves.push({ key, value: mediaLeaf(value, mediaType) ?? toLineValue(value, 0) });
		} catch (error) {
			out.refused.push({ key, reason: error instanceof Error ? error.message : String(error) });
		}
	}
}

function mediaLeaf(value: unknown, mediaType: (value: object) => string | undefined): MediaLeaf | undefined {
	const first: unknown = Array.isArray(value) ? value[0] : value;
	if (typeof first !== 'object' || first === null) return undefined;
	const media = mediaType(first);
	if (media === undefined) return undefined;
	const items: unknown[] = Array.isArray(value) ? value : [value];
	for (const item of items) {
		if (typeof item !== 'object' || item === null || mediaType(item) !== media) throw new Error('a list of media must hold one kind of media only');
	}
	return { media, isList: Array.isArray(value), items: (items as MediaValue[]).map((item) => item.snapshot()) };
}

/** @throws Error whose message is the reason, when the value cannot be kept. */
export function toLineValue(value: unknown, depth: number): LineValue {
	switch (typeof value) {
		case 'number':
		case 'string':
		case 'boolean':
		case 'bigint':
			return value;
		case 'object':
			break;
		default:
			throw new Error(`a value of type ${typeof value} cannot be logged`);
	}
	if (value === null) return null;
	if (depth >= MAX_DEPTH) throw new Error(`values nest deeper than ${MAX_DEPTH}, or contain themselves`);
	if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
	if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as unknown as ArrayLike<number | bigint>);
	if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : toLineValue(item, depth + 1)));
	if (!isPlainObject(value)) throw new Error(`an object of class ${value.constructor?.name ?? 'unknown'} cannot be logged; log its numbers`);
	const copy: Record<string, LineValue> = {};
	for (const key of Object.keys(value)) if (value[key] !== undefined) copy[key] = toLineValue(value[key], depth + 1);
	return copy;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
	const prototype: unknown = Object.getPrototypeOf(value);
	// An object of another realm (an iframe's) has another Object.prototype, whose own prototype is null too.
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}
