import type { LineValue } from '../../../src/core/json-line.ts';

/** Paths of the files that a media value names: `path` of a single one, `filenames` of a list (W&B's shapes, client 0.30). */
export function namedFiles(value: LineValue): string[] {
	if (typeof value !== 'object' || value === null || Array.isArray(value) || typeof value._type !== 'string') return [];
	const names = [value.path, ...(Array.isArray(value.filenames) ? value.filenames : [])];
	return names.filter((name): name is string => typeof name === 'string');
}

/** What kind of media a value is, or undefined when it is none. */
export function mediaType(value: LineValue): string | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value) && typeof value._type === 'string' ? value._type : undefined;
}
