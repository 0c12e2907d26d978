import type { LineValue } from './json-line.ts';
import { RUNTIME, STEP, TIMESTAMP } from './keys.ts';
import type { Edit } from './meta.ts';
import type { Leaf } from './packer.ts';

/**
 * Under which an object says what kind of media it is. Of the registry of all symbols: the classes are a part of their own (`tidelog/media`), which
 * nobody loads who does not use it.
 */
export const MEDIA = Symbol.for('tidelog.media');

/** What `log()` needs to know of an object of the media part. */
export interface MediaValue {
	readonly [MEDIA]: string;
	/**
	 * Takes the snapshot that the writer will encode. Called inside `log()`, since the source may change on the next line. A promise (tensors are read
	 * that way, and large files are not to hold up rows): the value joins its row when it is there.
	 */
	snapshot(): unknown;
	/** What the run's config has to say of the key: names of classes, a chart's settings. */
	about?(key: string): Edit[];
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
const TOO_DEEP = `values nest deeper than ${MAX_DEPTH}, or contain themselves`;
/** What a number, or what else is short, is taken for, its key and signs included. */
const SHORT = 20;
const RESERVED = new Set([STEP, TIMESTAMP, RUNTIME]);

export interface Flattened {
	leaves: Leaf<ExtraLeaf>[];
	/** Media that join their row in a record of their own: those whose snapshot is a promise. */
	late: { key: string; leaf: MediaLeaf }[];
	/** What the config has to say of media keys. */
	edits: Edit[];
	/** Dotted keys that were left out, with the reason. */
	refused: { key: string; reason: string }[];
}

/**
 * Turns what a user logs into leaves with dotted keys. Numbers stay numbers; text, booleans, null and lists are kept as they are;
 * a Date becomes its ISO text, a typed array a list of numbers, a bigint stays exact, an object that wraps a number, text or boolean is unwrapped. What cannot be
 * kept (functions, symbols, `undefined`, objects that contain themselves or are of a class of their own, values that would make the line too long for a
 * server) is left out and reported, never thrown.
 *
 * @param isFull Whether there is no room for media now: they stop before rows do.
 * @param isApart Whether records are stored by the thread that logs, which does not encode: then all media come late.
 */
export function flatten(data: Record<string, unknown>, isFull: () => boolean, isApart = false): Flattened {
	const out: Flattened = { leaves: [], late: [], edits: [], refused: [] };
	try {
		new Visit(out, isFull, isApart).object(data, '');
	} catch {
		// A proxy that does not even list its keys: the record stands, empty, so that steps stay as the program counts them.
		out.refused.push({ key: '*', reason: 'it cannot be read' });
	}
	return out;
}

/** Characters that are left of a row: objects and lists that share others may stand for more values than memory holds. */
interface Room {
	left: number;
}

class Visit {
	readonly #out: Flattened;
	readonly #isFull: () => boolean;
	readonly #isApart: boolean;
	readonly #room: Room = { left: MAX_LENGTH };
	/** Objects on the way down to the one at hand. */
	readonly #above = new Set<object>();

	constructor(out: Flattened, isFull: () => boolean, isApart: boolean) {
		this.#out = out;
		this.#isFull = isFull;
		this.#isApart = isApart;
	}

	object(data: Record<string, unknown>, prefix: string): void {
		const names = Object.keys(data);
		this.#above.add(data);
		for (const name of names) {
			const key = prefix + name;
			const { left } = this.#room;
			try {
				this.#member(key, data[name]);
			} catch (error) {
				// What is left out takes no room from what follows.
				this.#room.left = left;
				this.#out.refused.push({ key, reason: messageOf(error) });
			}
		}
		this.#above.delete(data);
	}

	#member(key: string, value: unknown): void {
		const { leaves } = this.#out;
		if (RESERVED.has(key)) throw new Error('every row has that of its own');
		take(this.#room, key.length + SHORT);
		if (typeof value === 'number') leaves.push({ key, value });
		else if (isPlainObject(value) && !('_type' in value)) {
			if (this.#above.has(value) || this.#above.size > MAX_DEPTH) throw new Error(TOO_DEEP);
			this.object(value, `${key}.`);
		} else if (!this.#media(key, value)) leaves.push({ key, value: toLineValue(value, this.#room) });
	}

	#media(key: string, value: unknown): boolean {
		const isList = Array.isArray(value);
		const items = (isList ? value : [value]) as MediaValue[];
		const media = mediaOf(items[0]);
		if (media === undefined) return false;
		if (items.some((item) => mediaOf(item) !== media)) throw new Error('a list of media must be of one kind');
		if (this.#isFull()) throw new Error('the local store does not keep up');
		const leaf = { media, isList, items: items.map((item) => item.snapshot()) };
		if (this.#isApart || leaf.items.some((item) => item instanceof Promise)) this.#out.late.push({ key, leaf });
		else this.#out.leaves.push({ key, value: leaf });
		for (const item of items) if (item.about) this.#out.edits.push(...item.about(key));
		return true;
	}
}

function mediaOf(value: unknown): string | undefined {
	return typeof value === 'object' && value !== null ? (value as MediaValue)[MEDIA] : undefined;
}

function take(room: Room, length: number): void {
	if (length > room.left) throw new Error(`a row holds at most ${MAX_LENGTH} characters; log it in parts`);
	room.left -= length;
}

/** What was thrown may be anything, a proxy that throws again and an error whose message is no text included. */
export function messageOf(error: unknown): string {
	try {
		return String(error instanceof Error ? error.message : error);
	} catch {
		return 'it cannot be read';
	}
}

/** An object among the leaves is media, or has a `_type`: all others were taken apart. */
export function isMediaLeaf(value: ExtraLeaf): value is MediaLeaf {
	return typeof value === 'object' && value !== null && 'media' in value && !('_type' in value);
}

/** @throws Error whose message is the reason, when the value cannot be kept. */
export function toLineValue(value: unknown, room: Room = { left: MAX_LENGTH }, depth = 0): LineValue {
	const inner = (item: unknown) => toLineValue(item, room, depth + 1);
	if (depth > MAX_DEPTH) throw new Error(TOO_DEEP);
	take(room, typeof value === 'string' ? value.length : typeof value === 'bigint' ? String(value).length : SHORT);
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
	// What these methods give may be anything in a class derived from them.
	if (value instanceof Date) return inner(value.toJSON());
	if (value instanceof Number || value instanceof String || value instanceof Boolean) return inner(value.valueOf());
	// Not `map`, which leaves the holes of a sparse list.
	if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))
		return Array.from(value as ArrayLike<unknown>, (item) => inner(item ?? null));
	if (!isPlainObject(value)) throw new Error(`an object of class ${value.constructor?.name ?? 'unknown'} cannot be logged; log its numbers`);
	// Without a prototype, so that `__proto__` is a key like any other.
	const copy: Record<string, LineValue> = Object.create(null);
	for (const key of Object.keys(value)) {
		const member = value[key];
		if (member === undefined) continue;
		take(room, key.length);
		copy[key] = inner(member);
	}
	return copy;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
	const prototype: unknown = Object.getPrototypeOf(value);
	// An object of another realm (an iframe's) has another Object.prototype, whose own prototype is null too.
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}
