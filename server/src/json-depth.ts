/** Most levels of brackets that JSON from outside may have: whatever walks it takes stack for each. */
export const MAX_JSON_DEPTH = 100;

/** Whether JSON text is nested deeper than {@link MAX_JSON_DEPTH}. Few brackets at all, as in most lines, are seen at once; strings, the bulk of large bodies, are skipped. */
export function isTooDeep(text: string): boolean {
	if (!hasMoreBrackets(text, MAX_JSON_DEPTH)) return false;
	let depth = 0;
	for (let at = 0; at < text.length; at++) {
		const letter = text[at];
		if (letter === '"') at = endOfString(text, at);
		else if (letter === '[' || letter === '{') {
			if (++depth > MAX_JSON_DEPTH) return true;
		} else if (letter === ']' || letter === '}') depth--;
	}
	return false;
}

function hasMoreBrackets(text: string, most: number): boolean {
	let left = most;
	for (const bracket of '[{') {
		for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) if (left-- === 0) return true;
	}
	return false;
}

function endOfString(text: string, start: number): number {
	for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
		let slashes = 0;
		while (text[at - 1 - slashes] === '\\') slashes++;
		if (slashes % 2 === 0) return at;
	}
	return text.length;
}
