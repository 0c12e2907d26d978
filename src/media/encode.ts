import type { MediaLeaf } from '../core/flatten.ts';
import { encodeImages } from './encode-image.ts';
import type { EncodedMedia } from './encoded.ts';
import type { ImageSnapshot } from './image.ts';

/** Turns snapshots into files and the value that stands in the row. @throws Error whose message is the reason, when they cannot be encoded. */
export function encodeMedia(key: string, step: number, { media, isList, items }: MediaLeaf): Promise<EncodedMedia> {
	if (media === 'image') return encodeImages(key, step, items as (ImageSnapshot | ImageSnapshot[])[], isList);
	throw new Error(`this release does not know media of the kind "${media}"`);
}
