import { isPlainObject, messageOf, toLineValue } from './core/flatten.ts';
import type { LineObject, LineValue } from './core/json-line.ts';
import type { Edit } from './core/meta.ts';
import { TidelogError } from './errors.ts';

/** An object whose properties can be read, set and deleted, nested ones too (`run.config.model.layers = 4`); each change is told. */
export type LiveObject = { [key: string]: unknown } & {
	/** Sets each given key; keys not given stay. */
	update(values: Record<string, unknown>): void;
};

/** The values behind a {@link LiveObject}. */
export class LiveValues {
	readonly proxy: LiveObject;
	readonly #where: string;
	readonly #onEdit: (edit: Edit) => void;
	readonly #values: LineObject = Object.create(null);

	/**
	 * @param where Named in errors, e.g. `config`.
	 * @param onEdit Called with each change.
	 */
	constructor(where: string, onEdit: (edit: Edit) => void) {
		this.#where = where;
		this.#onEdit = onEdit;
		this.proxy = this.#view(this.#values, []) as LiveObject;
	}

	/** @throws TidelogError `invalid-argument` when a value cannot be kept (functions, symbols, cycles); nothing changes then. */
	update(values: Record<string, unknown>): void {
		const edits = Object.entries(values).map(([key, value]): [string, LineValue | undefined] => [key, this.#checked([key], value)]);
		for (const [key, value] of edits) if (value !== undefined) this.#set(this.#values, [key], value);
	}

	/** Lays the values so far over what the run held before it was opened here. */
	underlay(values: LineObject): void {
		for (const [key, value] of Object.entries(values)) if (!(key in this.#values)) this.#values[key] = value;
	}

	#view(object: LineObject, path: string[]): object {
		return new Proxy(object, {
			get: (_target, key: string) => {
				if (path.length === 0 && key === 'update') return (values: Record<string, unknown>) => this.update(values);
				const value = object[key];
				return isPlainObject(value) ? this.#view(value as LineObject, [...path, key]) : value;
			},
			set: (_target, key: string, value) => {
				this.#set(object, [...path, key], this.#checked([...path, key], value));
				return true;
			},
			deleteProperty: (_target, key: string) => {
				this.#set(object, [...path, key], undefined);
				return true;
			},
		});
	}

	#checked(path: string[], value: unknown): LineValue | undefined {
		try {
			return value === undefined ? undefined : toLineValue(value);
		} catch (error) {
			throw new TidelogError('invalid-argument', `run.${[this.#where, ...path].join('.')}: ${messageOf(error)}. Nothing was changed.`);
		}
	}

	#set(object: LineObject, path: string[], value: LineValue | undefined): void {
		// A copy: what is inside may change before the edit is sent. Told first: a finished run throws.
		this.#onEdit(value === undefined ? [path] : [path, toLineValue(value)]);
		const key = path.at(-1) as string;
		if (value === undefined) delete object[key];
		else object[key] = value;
	}
}
