/**
 * A running hash over the lines of a stream, by which both ends see that they hold the same: not only as many lines, but these.
 * Two FNV-1a lanes of 32 bits (prime 16777619; offsets 0x811c9dc5 and its complement), fed each UTF-16 unit of a line, then a newline; the second
 * lane is turned by 13 bits after each unit, so that the two do not fail together. 16 hex digits. It guards against mistakes, not against malice.
 *
 * Law: `hashLines(hashLines(h, a), b)` = `hashLines(h, a.concat(b))`.
 */
export const EMPTY_HASH = '811c9dc57ee3623a';

const PRIME = 16_777_619;

export function hashLines(hash: string, lines: Iterable<string>): string {
	let first = Number.parseInt(hash.slice(0, 8), 16);
	let second = Number.parseInt(hash.slice(8), 16);
	for (const line of lines) {
		for (let i = 0; i <= line.length; i++) {
			const unit = i < line.length ? line.charCodeAt(i) : 10;
			first = Math.imul(first ^ unit, PRIME);
			second = Math.imul(((second << 13) | (second >>> 19)) ^ unit, PRIME);
		}
	}
	return hex(first) + hex(second);
}

function hex(word: number): string {
	return (word >>> 0).toString(16).padStart(8, '0');
}
