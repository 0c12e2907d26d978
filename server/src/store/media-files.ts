import type { LineValue } from '../../../src/core/json-line.ts';

/**
 * Paths of the files that a media value names (W&B's shapes, client 0.30): `path` of it and of what lies in it (masks, boxes, members of a list), and
 * the `filenames` of a list of images.
 */
export function namedFiles(value: LineValue): string[] {
	if (typeof value !== 'object' || value === null) return [];
	if (Array.isArray(value)) return value.flatMap(namedFiles);
	if (typeof value._type !== 'string') return [];
	const names = [value.path, ...(Array.isArray(value.filenames) ? value.filenames : [])];
	const inner = Object.values(value).flatMap((member) =>
		typeof member === 'object' && member !== null && !Array.isArray(member) && !('_type' in member)
			? Object.values(member).flatMap(namedFiles)
			: namedFiles(member),
	);
	const sets = [value.all_masks, value.all_boxes].flatMap((list) => (Array.isArray(list) ? list : []));
	const ofSets = sets.flatMap((set) =>
		typeof set === 'object' && set !== null && !Array.isArray(set) ? Object.values(set).flatMap(namedFiles) : [],
	);
	return [...names.filter((name): name is string => typeof name === 'string'), ...inner, ...ofSets];
}

/** What kind of media a value is, or undefined when it is none. */
export function mediaType(value: LineValue): string | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value) && typeof value._type === 'string' ? value._type : undefined;
}
