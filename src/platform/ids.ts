/** A random name of `length` characters of `[0-9a-z]`: 12 for a run, 16 for a writer. */
export function randomId(length: number): string {
	let id = '';
	while (id.length < length) {
		// 252 is the largest multiple of 36 in a byte: dropping the rest keeps all letters equally likely.
		for (const byte of crypto.getRandomValues(new Uint8Array(length))) if (byte < 252 && id.length < length) id += (byte % 36).toString(36);
	}
	return id;
}
