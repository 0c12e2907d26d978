import type { LineValue } from '../../../src/core/json-line.ts';
import type { MediaPoint } from '../../../src/core/query.ts';

/** One thing to show: an image, a sound, a video, or a file of a kind that is only named. */
export interface MediaItem {
	kind: 'image' | 'audio' | 'video' | 'other';
	/** `_type` as logged. */
	type: string;
	/** Path in the run; undefined for what has no file. */
	path: string | undefined;
	/** Whether the server has the bytes. */
	isUploaded: boolean;
	caption: string;
	width: number | undefined;
	height: number | undefined;
	sizeBytes: number | undefined;
}

type Fields = { [key: string]: LineValue };

/** How W&B 0.30 names media (`_type`), and their list forms with the member that holds the elements. */
const KINDS: Record<string, MediaItem['kind']> = {
	'image-file': 'image',
	'audio-file': 'audio',
	'video-file': 'video',
	'images/separated': 'image',
};
const LISTS: Record<string, { member: string; kind: MediaItem['kind'] }> = {
	audio: { member: 'audio', kind: 'audio' },
	videos: { member: 'videos', kind: 'video' },
	html: { member: 'html', kind: 'other' },
	object3D: { member: 'objects', kind: 'other' },
};

/** Takes apart what was logged under a media key at one step: a single object, a list form, or a plain list of objects. */
export function mediaItems(key: string, point: MediaPoint): MediaItem[] {
	const uploaded = new Map(point.files.map((file) => [file.path, file.isUploaded]));
	return itemsOf(key, point.step, point.value).map((item) => ({ ...item, isUploaded: item.path !== undefined && (uploaded.get(item.path) ?? true) }));
}

function itemsOf(key: string, step: number, value: LineValue): MediaItem[] {
	if (Array.isArray(value)) return value.flatMap((member) => itemsOf(key, step, member));
	if (value === null || typeof value !== 'object') return [];
	const type = textOf(value._type) ?? '';
	if (type === 'images/separated') return imageList(key, step, value);
	const list = LISTS[type];
	const members = list && value[list.member];
	if (list && Array.isArray(members)) {
		return members.flatMap((member, i) => (isFields(member) ? [single(member, list.kind, captionAt(value.captions, i))] : []));
	}
	return [single(value, KINDS[type] ?? 'other', '')];
}

function single(value: Fields, kind: MediaItem['kind'], listCaption: string): MediaItem {
	return {
		kind,
		type: textOf(value._type) ?? 'object',
		path: textOf(value.path),
		isUploaded: true,
		caption: textOf(value.caption) ?? listCaption,
		width: sizeOf(value.width),
		height: sizeOf(value.height),
		sizeBytes: sizeOf(value.size),
	};
}

/** Width and height are those of the first image only, so they are not repeated for the others. */
function imageList(key: string, step: number, value: Fields): MediaItem[] {
	const names = Array.isArray(value.filenames) ? value.filenames : undefined;
	const format = textOf(value.format) ?? 'png';
	const count = sizeOf(value.count) ?? names?.length ?? 0;
	return Array.from({ length: names?.length ?? count }, (_, i) => ({
		kind: 'image' as const,
		type: 'image-file',
		// Servers that promise little are sent no names; the client's own rule for them is key, step and place.
		path: textOf(names?.[i]) ?? `media/images/${key}_${step}_${i}.${format}`,
		isUploaded: true,
		caption: captionAt(value.captions, i),
		width: i === 0 ? sizeOf(value.width) : undefined,
		height: i === 0 ? sizeOf(value.height) : undefined,
		sizeBytes: undefined,
	}));
}

function isFields(value: LineValue): value is Fields {
	return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function textOf(value: LineValue | undefined): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

function sizeOf(value: LineValue | undefined): number | undefined {
	return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** `captions` may be `false` or leave elements out as `""` or null. */
function captionAt(captions: LineValue | undefined, index: number): string {
	return Array.isArray(captions) ? (textOf(captions[index]) ?? '') : '';
}

/** The point that holds at a step: the last one at or before it. */
export function pointAt(points: readonly MediaPoint[], step: number): MediaPoint | undefined {
	let found: MediaPoint | undefined;
	for (const point of points) {
		if (point.step > step) break;
		found = point;
	}
	return found;
}

/** Ticks of the slider over several keys: all steps, and whether every key has media there. */
export function mediaTicks(keys: readonly (readonly MediaPoint[])[]): { step: number; isPartial: boolean }[] {
	const counts = new Map<number, number>();
	for (const points of keys) for (const point of points) counts.set(point.step, (counts.get(point.step) ?? 0) + 1);
	const filled = keys.filter((points) => points.length > 0).length;
	return [...counts].sort((a, b) => a[0] - b[0]).map(([step, count]) => ({ step, isPartial: count < filled }));
}

/** Small images are shown with their pixels, as squares; large ones are smoothed by the browser. */
export function isPixelArt(item: Pick<MediaItem, 'width' | 'height'>, natural?: { width: number; height: number }): boolean {
	const width = natural?.width ?? item.width;
	const height = natural?.height ?? item.height;
	return width !== undefined && height !== undefined && Math.max(width, height) <= 128;
}
