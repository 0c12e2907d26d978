import { expect, test } from 'vitest';
import {
	cutMiddle,
	formatAgo,
	formatBytes,
	formatCount,
	formatElapsed,
	formatSetting,
	formatTick,
	formatValue,
	THIN,
} from '../../dashboard/src/format.ts';

const plain = (text: string) => text.replaceAll(THIN, ' ');

test('values have four significant digits; what is not finite is a word and what was not logged a dash', () => {
	const written = [0.17124, 0.0814, 999.96, 10_000, 12_345.6, 3e-4, -2.5, 0, Number.NaN, -Infinity, null, 2n ** 64n].map(formatValue).map(plain);
	expect(written).toEqual(['0.1712', '0.08140', '1 000', '10 000', '12 346', '3e−4', '−2.500', '0', 'NaN', '−∞', '–', '18 446 744 073 709 551 616']);
});

test('settings keep all their digits', () => {
	expect([0.0001234567, 1e-5, 7_760_401, 0.9].map(formatSetting).map(plain)).toEqual(['1.234567e−4', '1e−5', '7 760 401', '0.9']);
});

test('counts, bytes and times come with their units', () => {
	expect(plain(formatCount(-1_234_567))).toBe('−1 234 567');
	expect([38_100, 999_960, 11.3e9, 0].map(formatBytes).map(plain)).toEqual(['38.1 kB', '1.0 MB', '11.3 GB', '0 B']);
	expect([86, 8_200, 41 * 60_000, 4 * 3_600_000 + 12 * 60_000].map(formatElapsed).map(plain)).toEqual(['86 ms', '8.2 s', '41 min', '4 h 12 min']);
	expect(plain(formatAgo(0, 3 * 3_600_000))).toBe('3 h ago');
});

test('ticks of one axis have the decimals that tell them apart', () => {
	expect([0, 0.25, 0.5].map((tick) => formatTick(tick, 0.25))).toEqual(['0', '0.25', '0.50']);
	expect([2_500, 5_000, 1_500_000].map((tick) => formatTick(tick, 2_500))).toEqual(['2.5k', '5k', '1.5M']);
});

test('a long name loses its middle and keeps every character somewhere', () => {
	const name = 'nuclei-unet-resnet34-mixup0.2-lr3e-4-bs32-seed1729';
	const [head, tail] = cutMiddle(name);
	expect(head + tail).toBe(name);
	expect(tail).toBe('2-seed1729');
	expect(cutMiddle('ab').join('')).toBe('ab');
});
