export interface ImageKind {
	/** As the file's extension. */
	format: 'png' | 'jpg' | 'webp' | 'gif';
	width: number;
	height: number;
}

/** What kind of image bytes are, and its size, read from their head; undefined when they are none that is known. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
	if (bytes.length < 30) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const text = (at: number, length: number) => String.fromCharCode(...bytes.subarray(at, at + length));
	if (text(1, 3) === 'PNG') return { format: 'png', width: view.getUint32(16), height: view.getUint32(20) };
	if (text(0, 4) === 'GIF8') return { format: 'gif', width: view.getUint16(6, true), height: view.getUint16(8, true) };
	if (text(0, 4) === 'RIFF' && text(8, 4) === 'WEBP') return webp(view, text(12, 4));
	return view.getUint16(0) === 0xffd8 ? jpeg(view) : undefined;
}

/** RFC 9649, §2.5 to §2.7. */
function webp(view: DataView, chunk: string): ImageKind | undefined {
	const uint24 = (at: number) => view.getUint16(at, true) + 65_536 * view.getUint8(at + 2);
	if (chunk === 'VP8X') return { format: 'webp', width: uint24(24) + 1, height: uint24(27) + 1 };
	if (chunk === 'VP8 ') return { format: 'webp', width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
	if (chunk !== 'VP8L') return undefined;
	const bits = view.getUint32(21, true);
	return { format: 'webp', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

/** The frame header, SOF0 to SOF15 without DHT, JPG and DAC (ITU-T T.81, B.2.2). */
function jpeg(view: DataView): ImageKind | undefined {
	for (let at = 2; at + 9 < view.byteLength; ) {
		if (view.getUint8(at) !== 0xff) return undefined;
		const marker = view.getUint8(at + 1);
		if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
			return { format: 'jpg', width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
		at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
	}
	return undefined;
}
