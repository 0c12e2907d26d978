/**
 * Checks the design tokens: node dashboard/check-tokens.mjs (exit code 1 when something is broken)
 * - no colour and no font size outside src/tokens.css;
 * - WCAG 2.2 contrast of text (4.5), and of edges and run colours (3), on the surfaces they lie on, in both themes;
 * - run colours that stay apart: CIEDE2000 between the nearest two of the first 12, as seen normally (10) and with protanopia,
 *   deuteranopia and tritanopia (6; Machado, Oliveira, Fernandes 2009, full severity).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How linear sRGB is seen. */
const VISIONS = {
	normal: [
		[1, 0, 0],
		[0, 1, 0],
		[0, 0, 1],
	],
	protanope: [
		[0.152286, 1.052583, -0.204868],
		[0.114503, 0.786281, 0.099216],
		[-0.003882, -0.048116, 1.051998],
	],
	deuteranope: [
		[0.367322, 0.860646, -0.227968],
		[0.280085, 0.672501, 0.047413],
		[-0.01182, 0.04294, 0.968881],
	],
	tritanope: [
		[1.255528, -0.076749, -0.178779],
		[-0.078411, 0.930809, 0.147602],
		[0.004733, 0.691367, 0.3039],
	],
};

const source = fileURLToPath(new URL('src', import.meta.url));
const problems = [...strayValues(), ...themeProblems()];
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function strayValues() {
	const found = [];
	for (const name of readdirSync(source, { recursive: true })) {
		if (!/\.(css|tsx?)$/.test(name) || name === 'tokens.css') continue;
		const lines = readFileSync(join(source, name), 'utf8').split('\n');
		for (const [i, line] of lines.entries()) {
			const code = line.replace(/\/\*.*?\*\/|\/\/ .*$/g, '');
			const colour =
				/#[0-9a-f]{3,8}\b(?![\w-])|\b(?:rgb|hsl|oklch|lab)a?\(|(?:color|background|border|fill|stroke)[\w-]*:\s*(?:white|black|red|green|blue|gr[ae]y|orange)\b/i.exec(
					code,
				);
			const size = name.endsWith('.css') ? /font(?:-size)?:[^;]*?\b\d+(?:\.\d+)?(?:px|rem|pt)/.exec(code) : undefined;
			for (const [match] of [colour, size].filter(Boolean))
				found.push(`dashboard/src/${name}:${i + 1} has ${match.trim()}; colours and sizes stand in tokens.css`);
		}
	}
	return found;
}

function themeProblems() {
	const css = readFileSync(join(source, 'tokens.css'), 'utf8');
	const dark = css.indexOf('[data-theme="dark"]');
	const themes = { light: tokens(css.slice(0, dark)), dark: tokens(css.slice(dark, css.indexOf('@media', dark))) };
	return Object.entries(themes).flatMap(([theme, t]) => [...contrastProblems(theme, t), ...paletteProblems(theme, t)]);
}

function tokens(block) {
	return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})\b/g)].map((match) => [match[1], match[2]]));
}

function contrastProblems(theme, t) {
	const runs = Object.keys(t).filter((name) => /^run-\d+$/.test(name));
	const pairs = [
		...['ink-1', 'ink-2', 'ink-3', 'accent', 'accent-ink', 'good', 'warn', 'bad'].flatMap((ink) =>
			['sheet', 'ground', 'hover'].map((on) => [ink, on, 4.5]),
		),
		...[
			'on-accent/accent',
			'ink-1/warn-soft',
			'ink-1/bad-soft',
			'warn/warn-soft',
			'bad/bad-soft',
			'accent-ink/accent-soft',
			'ink-3/sunken',
			'ink-3/accent-soft',
		].map((pair) => [...pair.split('/'), 4.5]),
		...['ink-4', 'control', ...runs].flatMap((edge) => ['sheet', 'ground'].map((on) => [edge, on, 3])),
	];
	return pairs.flatMap(([ink, on, least]) => {
		if (!t[ink] || !t[on]) return [`tokens.css (${theme}): --${t[ink] ? on : ink} is missing`];
		const ratio = contrast(t[ink], t[on]);
		return ratio < least ? [`tokens.css (${theme}): --${ink} on --${on} has contrast ${ratio.toFixed(2)}, and needs ${least}`] : [];
	});
}

function paletteProblems(theme, t) {
	const colours = Array.from({ length: 12 }, (_, i) => t[`run-${i + 1}`]).filter(Boolean);
	return Object.entries(VISIONS).flatMap(([vision, matrix]) => {
		const labs = colours.map((colour) => toLab(linear(colour).map((_, row, rgb) => clamp(dot(matrix[row], rgb)))));
		const nearest = Math.min(...labs.flatMap((a, i) => labs.slice(0, i).map((b) => deltaE2000(a, b))));
		const least = vision === 'normal' ? 10 : 6;
		return nearest < least
			? [`tokens.css (${theme}): two of the first 12 run colours are ${nearest.toFixed(1)} apart with ${vision} vision, and need ${least}`]
			: [];
	});
}

function contrast(a, b) {
	const [high, low] = [a, b].map((colour) => dot([0.2126, 0.7152, 0.0722], linear(colour))).sort((x, y) => y - x);
	return (high + 0.05) / (low + 0.05);
}

function linear(hex) {
	return [1, 3, 5]
		.map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
		.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
}

/** CIE L*a*b*, D65, from linear sRGB. */
function toLab(rgb) {
	const xyz = [
		dot([0.4124564, 0.3575761, 0.1804375], rgb) / 0.95047,
		dot([0.2126729, 0.7151522, 0.072175], rgb),
		dot([0.0193339, 0.119192, 0.9503041], rgb) / 1.08883,
	];
	const [x, y, z] = xyz.map((v) => (v > 216 / 24389 ? Math.cbrt(v) : (24389 / 27 / 116) * v + 16 / 116));
	return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Sharma, Wu, Dalal 2005. */
function deltaE2000([l1, a1, b1], [l2, a2, b2]) {
	const mean = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
	const g = 0.5 * (1 - Math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7)));
	const [c1, c2] = [Math.hypot(a1 * (1 + g), b1), Math.hypot(a2 * (1 + g), b2)];
	const [h1, h2] = [angle(b1, a1 * (1 + g)), angle(b2, a2 * (1 + g))];
	const turn = c1 * c2 === 0 ? 0 : ((h2 - h1 + 540) % 360) - 180;
	const dH = 2 * Math.sqrt(c1 * c2) * sin(turn / 2);
	const l = (l1 + l2) / 2;
	const c = (c1 + c2) / 2;
	const h = c1 * c2 === 0 ? h1 + h2 : (h1 + turn / 2 + 360) % 360;
	const t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.2 * cos(4 * h - 63);
	const sl = 1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2);
	const sc = 1 + 0.045 * c;
	const sh = 1 + 0.015 * c * t;
	const rotation = -2 * Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7)) * sin(60 * Math.exp(-(((h - 275) / 25) ** 2)));
	const [dl, dc, dh] = [(l2 - l1) / sl, (c2 - c1) / sc, dH / sh];
	return Math.sqrt(dl ** 2 + dc ** 2 + dh ** 2 + rotation * dc * dh);
}

function angle(y, x) {
	return x === 0 && y === 0 ? 0 : ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360;
}
function sin(degrees) {
	return Math.sin((degrees * Math.PI) / 180);
}
function cos(degrees) {
	return Math.cos((degrees * Math.PI) / 180);
}
function dot(row, vector) {
	return row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2];
}
function clamp(value) {
	return Math.min(1, Math.max(0, value));
}
