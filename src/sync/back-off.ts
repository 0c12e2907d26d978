const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * How long to wait after the given number of failures in a row (1 …): doubling from 1 s to 60 s, of which a random half is
 * taken away, so that many devices do not come back at the same moment.
 */
export function backOffMs(failures: number, random: number): number {
	const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
	return full * (0.5 + 0.5 * random);
}
