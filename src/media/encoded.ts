import type { LineValue } from '../core/json-line.ts';

/** An encoded file and the path in the run that it gets. */
export interface MediaFile {
	path: string;
	sha256: string;
	bytes: Uint8Array;
}

/** What stands in the row, and the files that it names. */
export interface EncodedMedia {
	value: LineValue;
	files: MediaFile[];
	/** What the user should know of it, in words that end no sentence. */
	notice?: string;
}

/** `media/<dir>/<key>_<step>_<first 20 hex of sha256><extension>`; a `/` in the key makes folders (W&B's client 0.30: base_types/media.py). */
export async function mediaFile(dir: string, key: string, step: number, bytes: Uint8Array, extension: string): Promise<MediaFile> {
	const sha256 = await sha256Hex(bytes);
	const safe = key
		.split('/')
		.filter((part, i) => part !== '' || i > 0)
		.map((part) => (part === '.' || part === '..' ? part.replaceAll('.', '_') : part))
		.join('/');
	return { path: `media/${dir}/${safe}_${step}_${sha256.slice(0, 20)}${extension}`, sha256, bytes };
}

/** The members that every media object with a file has. */
export function fileValue(type: string, { sha256, bytes, path }: MediaFile): { [key: string]: LineValue } {
	return { _type: type, sha256, size: bytes.length, path };
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
	const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
	return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
