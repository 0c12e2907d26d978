import { toLineValue } from './core/flatten.ts';
import type { LineValue } from './core/json-line.ts';
import { TidelogError } from './errors.ts';

/** An object whose properties can be read, set and deleted; each change is told. `update()` sets several at once. */
export type LiveObject = { [key: string]: unknown } & {
	/** Sets each given key; keys not given stay. One change, told once. */
	update(values: Record<string, unknown>): void;
};

/**
 * @param where Named in errors, e.g. `run.config`.
 * @param onChange Called with a plain copy of all values after each change.
 * @throws TidelogError `invalid-argument` from a setter when a value cannot be kept (functions, symbols, cycles); nothing changes then.
 */
export function createLiveObject(
	where: string,
	initial: Record<string, LineValue>,
	onChange: (values: Record<string, LineValue>) => void,
): LiveObject {
	const values: Record<string, LineValue> = { ...initial };
	const set = (key: string, value: unknown) => {
		try {
			values[key] = toLineValue(value, 0);
		} catch (error) {
			throw new TidelogError('invalid-argument', `${where}.${key}: ${error instanceof Error ? error.message : String(error)}. The old value stays.`);
		}
	};
	const update = (changes: Record<string, unknown>) => {
		for (const [key, value] of Object.entries(changes)) if (value !== undefined) set(key, value);
		onChange({ ...values });
	};
	return new Proxy(values as LiveObject, {
		get: (target, key) => (key === 'update' ? update : Reflect.get(target, key)),
		set: (_target, key, value) => {
			set(String(key), value);
			onChange({ ...values });
			return true;
		},
		deleteProperty: (target, key) => {
			Reflect.deleteProperty(target, key);
			onChange({ ...values });
			return true;
		},
	});
}
