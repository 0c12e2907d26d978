import type { LineValue } from './json-line.ts';
import { RUNTIME, STEP, TIMESTAMP } from './keys.ts';
import type { Leaf } from './packer.ts';

/**
 * Turns what a user logs into leaves with dotted keys. Numbers stay numbers; text, booleans, null and lists are kept as they are;
 * a Date becomes its ISO text, a typed array a list of numbers, a bigint stays exact, an object that wraps a number, text or boolean is unwrapped. What cannot be
 * kept (functions, symbols, `undefined`, objects that contain themselves or are of a class of their own, values that would make the line too long for a
 * server) is left out and reported, never thrown.
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
/**
 * Longest row. A character may be seven bytes of a request (a control character, escaped twice), and our server takes requests of 40 MiB; a W&B server
 * takes lines of 10,383,360 bytes, and the assembler leaves out what is longer.
 */
const MAX_LENGTH = 4_000_000;
const TOO_DEEP = `values nest deeper than ${MAX_DEPTH}, contain themselves, or are too many`;
const RESERVED = new Set([STEP, TIMESTAMP, RUNTIME]);

export interface Flattened {
	leaves: Leaf<ExtraLeaf>[];
	/** Dotted keys that were left out, with the reason. */
	refused: { key: string; reason: string }[];
}

export function flatten(data: Record<string, unknown>, mediaType: (value: object) => string | undefined): Flattened {
	const out: Flattened = { leaves: [], refused: [] };
	new Visit(out, mediaType).object(data, '');
	return out;
}

class Visit {
	readonly #out: Flattened;
	readonly #mediaType: (value: object) => string | undefined;
	/** Characters of the leaves so far. */
	#length = 0;
	/** Objects on the way down to the one at hand. */
	readonly #above = new Set<object>();

	constructor(out: Flattened, mediaType: (value: object) => string | undefined) {
		this.#out = out;
		this.#mediaType = mediaType;
	}

	object(data: Record<string, unknown>, prefix: string): void {
		this.#above.add(data);
		for (const name of Object.keys(data)) {
			const key = prefix + name;
			try {
				this.#member(key, data[name]);
			} catch (error) {
				this.#out.refused.push({ key, reason: messageOf(error) });
			}
		}
		this.#above.delete(data);
	}

	#member(key: string, value: unknown): void {
		const { leaves } = this.#out;
		if (RESERVED.has(key)) throw new Error('every row has that of its own');
		this.#length += key.length + 20;
		this.#check();
		if (typeof value === 'number') leaves.push({ key, value });
		else if (isPlainObject(value) && !('_type' in value)) {
			if (this.#above.has(value) || this.#above.size > MAX_DEPTH) throw new Error(TOO_DEEP);
			this.object(value, `${key}.`);
		} else {
			const media = mediaLeaf(value, this.#mediaType);
			const kept = media ?? toLineValue(value);
			if (!media) this.#check(lengthOf(kept as LineValue));
			leaves.push({ key, value: kept });
		}
	}

	/** Objects that share others may stand for more leaves than memory holds; a text may be longer than any line. */
	#check(length = 0): void {
		if (this.#length + length > MAX_LENGTH) throw new Error(`a row holds at most ${MAX_LENGTH} characters; log it in parts or as a file`);
		this.#length += length;
	}
}

/** What was thrown may be anything, a proxy that throws again included. */
function messageOf(error: unknown): string {
	try {
		return error instanceof Error ? error.message : String(error);
	} catch {
		return 'it cannot be read';
	}
}

/** Characters of a value, as far as they count for the length of a line. */
function lengthOf(value: LineValue): number {
	if (typeof value === 'string') return value.length;
	if (typeof value !== 'object' || value === null) return 20;
	let length = 0;
	for (const key in value) length += key.length + lengthOf((value as Record<string, LineValue>)[key] as LineValue);
	return length;
}

function mediaLeaf(value: unknown, mediaType: (value: object) => string | undefined): MediaLeaf | undefined {
	const first: unknown = Array.isArray(value) ? value[0] : value;
	if (typeof first !== 'object' || first === null) return undefined;
	const media = mediaType(first);
	if (media === undefined) return undefined;
	const items: unknown[] = Array.isArray(value) ? value : [value];
	for (const item of items) {
		if (typeof item !== 'object' || item === null || mediaType(item) !== media) throw new Error('a list of media must be of one kind');
	}
	return { media, isList: Array.isArray(value), items: (items as MediaValue[]).map((item) => item.snapshot()) };
}

export function isMediaLeaf(value: ExtraLeaf): value is MediaLeaf {
	return typeof value === 'object' && value !== null && 'media' in value && 'items' in value && 'isList' in value;
}

/** @throws Error whose message is the reason, when the value cannot be kept. */
export function toLineValue(value: unknown, depth = 0, room = { left: MAX_LENGTH }): LineValue {
	// Lists that share others may stand for more values than memory holds.
	if (depth > MAX_DEPTH || room.left-- < 0) throw new Error(TOO_DEEP);
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
	if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
	if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf();
	if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as unknown as ArrayLike<number | bigint>);
	if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : toLineValue(item, depth + 1, room)));
	if (!isPlainObject(value)) throw new Error(`an object of class ${value.constructor?.name ?? 'unknown'} cannot be logged; log its numbers`);
	// Without a prototype, so that `__proto__` is a key like any other.
	const copy: Record<string, LineValue> = Object.create(null);
	for (const key of Object.keys(value)) if (value[key] !== undefined) copy[key] = toLineValue(value[key], depth + 1, room);
	return copy;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
	const prototype: unknown = Object.getPrototypeOf(value);
	// An object of another realm (an iframe's) has another Object.prototype, whose own prototype is null too.
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}
