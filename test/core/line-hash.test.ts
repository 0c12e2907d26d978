import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_HASH, hashLines } from '../../src/core/line-hash.ts';

/** Lines hold no line break. */
const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''));
const lines = fc.array(line, { maxLength: 12 });

test('hashing lines in any number of parts gives the hash of all', () => {
	fc.assert(
		fc.property(lines, fc.nat(12), fc.nat(12), (list, a, b) => {
			const [from, to] = a < b ? [a, b] : [b, a];
			const parts = [list.slice(0, from), list.slice(from, to), list.slice(to)];
			expect(parts.reduce(hashLines, EMPTY_HASH)).toBe(hashLines(EMPTY_HASH, list));
		}),
	);
});

test('a hash is 16 hex digits, and the same on every machine', () => {
	expect(hashLines(EMPTY_HASH, [])).toBe(EMPTY_HASH);
	fc.assert(fc.property(lines, (list) => /^[0-9a-f]{16}$/.test(hashLines(EMPTY_HASH, list))));
	// The first lane is FNV-1a (draft-eastlake-fnv): of "a" and a newline, and of nothing but a newline.
	expect(hashLines(EMPTY_HASH, ['a']).slice(0, 8)).toBe(fnv1a('a\n'));
	expect(hashLines(EMPTY_HASH, ['']).slice(0, 8)).toBe(fnv1a('\n'));
});

function fnv1a(text: string): string {
	const hash = [...text].reduce((known, unit) => ((known ^ BigInt(unit.charCodeAt(0))) * 16_777_619n) % 2n ** 32n, 0x811c9dc5n);
	return hash.toString(16).padStart(8, '0');
}

test('lines in another order have another hash', () => {
	fc.assert(
		fc.property(lines, line, line, lines, (before, a, b, after) => {
			fc.pre(a !== b);
			expect(hashLines(EMPTY_HASH, [...before, a, b, ...after])).not.toBe(hashLines(EMPTY_HASH, [...before, b, a, ...after]));
		}),
	);
});

test('a character that moves to the next line gives another hash', () => {
	fc.assert(
		fc.property(lines, line, line, lines, (before, a, b, after) => {
			fc.pre(a !== '');
			const moved = [a.slice(0, -1), a.slice(-1) + b];
			expect(hashLines(EMPTY_HASH, [...before, ...moved, ...after])).not.toBe(hashLines(EMPTY_HASH, [...before, a, b, ...after]));
		}),
	);
});

test('one line more, one less, or one of other text gives another hash', () => {
	fc.assert(
		fc.property(lines, line, line, lines, (before, a, b, after) => {
			const hash = hashLines(EMPTY_HASH, [...before, a, ...after]);
			expect(hashLines(EMPTY_HASH, [...before, ...after])).not.toBe(hash);
			if (a !== b) expect(hashLines(EMPTY_HASH, [...before, b, ...after])).not.toBe(hash);
		}),
	);
});
