import { refuse } from './violation.ts';

/** A `bigint` stands for an integer that a double cannot hold. */
export type JsonValue = number | bigint | string | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
	[key: string]: JsonValue;
}

export interface JsonRules {
	/** Whether `NaN`, `Infinity` and `-Infinity` may stand where a number may: in history, events and summary lines (wandb 0.30). */
	bareNumbers: boolean;
}

export interface JsonReading {
	value: JsonValue;
	/** The members of the outermost object whose value is a number, with that number as it is written. */
	literals: Map<string, string>;
}

/**
 * Reads JSON text with its own eyes (RFC 8259), since `JSON.parse` knows no bare NaN, rounds large integers, hides how a number was
 * written and lets a second member of the same name win without a word.
 * @throws Violation saying what is wrong and where.
 */
export function readJson(text: string, rules: JsonRules): JsonReading {
	return new JsonReader(text, rules).read();
}

export function readObject(text: string, rules: JsonRules): { value: JsonObject; literals: Map<string, string> } {
	const { value, literals } = readJson(text, rules);
	return isObject(value) ? { value, literals } : refuse('is JSON, but not an object');
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON text that any reader takes: what a double cannot say becomes a string, as W&B hands it back in GraphQL answers. */
export function plainJson(value: JsonValue): string {
	if (typeof value === 'bigint') return value.toString();
	if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
	if (Array.isArray(value)) return `[${value.map(plainJson).join(',')}]`;
	if (isObject(value))
		return `{${Object.entries(value)
			.map(([key, member]) => `${JSON.stringify(key)}:${plainJson(member)}`)
			.join(',')}}`;
	return JSON.stringify(value);
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BARE_NUMBER = /NaN|-?Infinity/y;
const WORD = /true|false|null/y;
const WORDS = { true: true, false: false, null: null };
export const INTEGER = /^-?(?:0|[1-9]\d*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON forbids inside a string.
const CONTROL = /[\u0000-\u001f]/;
/** Deeper nesting is taken for an attack or a loop; no real row comes near. */
const MOST_LEVELS = 1000;

class JsonReader {
	readonly #text: string;
	readonly #rules: JsonRules;
	readonly #literals = new Map<string, string>();
	#at = 0;
	#level = 0;

	constructor(text: string, rules: JsonRules) {
		this.#text = text;
		this.#rules = rules;
	}

	read(): JsonReading {
		const value = this.#value();
		this.#take(SPACE);
		if (this.#at < this.#text.length) this.#fail('is not JSON: something follows the value');
		return { value, literals: this.#literals };
	}

	#value(): JsonValue {
		this.#take(SPACE);
		switch (this.#text[this.#at]) {
			case '{':
				return this.#object();
			case '[':
				return this.#list();
			case '"':
				return this.#string();
		}
		const word = this.#take(WORD) as keyof typeof WORDS | '';
		if (word) return WORDS[word];
		// Before the numbers, which would take the minus of -Infinity for their own.
		const bare = this.#take(BARE_NUMBER);
		if (bare) {
			if (!this.#rules.bareNumbers) this.#fail(`is not JSON: bare ${bare}`);
			return Number(bare);
		}
		const literal = this.#take(NUMBER);
		if (!literal) this.#fail('is not JSON');
		return this.#number(literal);
	}

	#number(literal: string): number | bigint {
		const value = Number(literal);
		if (!Number.isFinite(value)) this.#fail(`has the number ${quoteNumber(literal)}, which no double can hold`);
		return INTEGER.test(literal) && !Number.isSafeInteger(value) ? BigInt(literal) : value;
	}

	#object(): JsonObject {
		const object: JsonObject = {};
		this.#enter();
		this.#take(SPACE);
		for (let isFirst = true; !this.#skip('}'); isFirst = false) {
			if (!isFirst) this.#expect(',');
			this.#take(SPACE);
			if (this.#text[this.#at] !== '"') this.#fail('is not JSON: a member needs a name');
			const key = this.#string();
			if (Object.hasOwn(object, key)) this.#fail(`has the member ${JSON.stringify(key)} twice`);
			this.#take(SPACE);
			this.#expect(':');
			this.#take(SPACE);
			const start = this.#at;
			const value = this.#value();
			// Plain assignment would take "__proto__" for something else.
			Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
			if (this.#level === 1 && (typeof value === 'number' || typeof value === 'bigint')) this.#literals.set(key, this.#text.slice(start, this.#at));
			this.#take(SPACE);
		}
		this.#level--;
		return object;
	}

	#list(): JsonValue[] {
		const list: JsonValue[] = [];
		this.#enter();
		this.#take(SPACE);
		while (!this.#skip(']')) {
			if (list.length > 0) this.#expect(',');
			list.push(this.#value());
			this.#take(SPACE);
		}
		this.#level--;
		return list;
	}

	/** Looked for by its end, since a regular expression over a string of many megabytes runs out of stack. */
	#string(): string {
		const start = this.#at;
		let end = start;
		do {
			end = this.#text.indexOf('"', end + 1);
			if (end < 0) this.#fail('is not JSON: a string has no end');
		} while (this.#isEscaped(end));
		this.#at = end + 1;
		const literal = this.#text.slice(start, this.#at);
		if (CONTROL.test(literal)) this.#fail('is not JSON: a control character in a string');
		if (!literal.includes('\\')) return literal.slice(1, -1);
		try {
			return JSON.parse(literal) as string;
		} catch {
			this.#fail('is not JSON: an unknown escape in a string');
		}
	}

	#isEscaped(at: number): boolean {
		let backslashes = 0;
		while (this.#text[at - 1 - backslashes] === '\\') backslashes++;
		return backslashes % 2 === 1;
	}

	#enter(): void {
		this.#at++;
		if (++this.#level > MOST_LEVELS) this.#fail(`is nested deeper than ${MOST_LEVELS} levels`);
	}

	/** What `pattern` (sticky) finds here, or nothing. */
	#take(pattern: RegExp): string {
		pattern.lastIndex = this.#at;
		const found = pattern.exec(this.#text)?.[0] ?? '';
		this.#at += found.length;
		return found;
	}

	#skip(character: string): boolean {
		if (this.#text[this.#at] !== character) return false;
		this.#at++;
		return true;
	}

	#expect(character: string): void {
		if (!this.#skip(character)) this.#fail(`is not JSON: expected ${character}`);
	}

	#fail(what: string): never {
		refuse(`${what} (at character ${this.#at})`);
	}
}

function quoteNumber(literal: string): string {
	return literal.length > 40 ? `${literal.slice(0, 40)}…` : literal;
}
