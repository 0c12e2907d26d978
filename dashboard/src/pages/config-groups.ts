import type { LineValue } from '../../../src/core/json-line.ts';

export interface ConfigGroup {
	/** Empty for the entries that stand at the top. */
	name: string;
	entries: [key: string, value: LineValue][];
}

/**
 * Sorts a config into what stands at its top and one group for each object in it. Objects inside those become dotted keys; lists
 * and objects with `_type` are values. Keys keep the order they were given in.
 */
export function groupConfig(config: Readonly<Record<string, LineValue>>): ConfigGroup[] {
	const top: ConfigGroup = { name: '', entries: [] };
	const groups: ConfigGroup[] = [];
	for (const [key, value] of Object.entries(config)) {
		if (key === '_wandb') continue;
		if (!isGroup(value)) {
			top.entries.push([key, value]);
			continue;
		}
		const group: ConfigGroup = { name: key, entries: [] };
		flatten(value, '', group.entries);
		if (group.entries.length > 0) groups.push(group);
	}
	return top.entries.length > 0 ? [top, ...groups] : groups;
}

function isGroup(value: LineValue): value is { [key: string]: LineValue } {
	return value !== null && typeof value === 'object' && !Array.isArray(value) && !('_type' in value);
}

function flatten(value: { [key: string]: LineValue }, prefix: string, entries: ConfigGroup['entries']): void {
	for (const [key, member] of Object.entries(value)) {
		if (isGroup(member)) flatten(member, `${prefix}${key}.`, entries);
		else entries.push([prefix + key, member]);
	}
}
