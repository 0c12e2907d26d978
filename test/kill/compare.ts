import { expect } from 'vitest';
import type { LineObject } from '../../src/core/json-line.ts';
import { logged } from '../e2e/support.ts';
import { valuesOf } from './values.js';

/** What a program told of one run before it was killed; independent of the SDK. */
export interface Account {
	run: string;
	/** Calls that had returned, and when; growing. */
	calls: { upTo: number; ms: number }[];
	/** Calls that flush() had confirmed. */
	flushed: number;
	killedMs: number;
}

/** How old a record may be, at most, that dies with its process. */
export const LOSS_MS = 250;
/** The same while the store is still being opened: before anything was confirmed, on a busy machine. */
const OPENING_MS = 2_000;

/** Every line of a writer once, in order, with what was logged. @returns how many there are. */
export function expectWhole(records: readonly { writer: string; n: number; line: LineObject }[], isStepFixed = true): number {
	const counts = new Map<string, number>();
	for (const { writer, n, line } of records) {
		const next = counts.get(writer) ?? 0;
		if (n !== next) throw new Error(`writer ${writer}: record ${n} follows ${next - 1}`);
		if (isStepFixed) expect(line._step).toBe(n);
		expect(logged(line)).toEqual(valuesOf(n));
		counts.set(writer, n + 1);
	}
	expect(counts.size).toBeLessThanOrEqual(1);
	return records.length;
}

/** @returns calls lost, and how old the oldest of them was when the process was killed. */
export function expectKept({ run, calls, flushed, killedMs }: Account, kept: number): { lost: number; lostMs: number } {
	if (kept < flushed) throw new Error(`run ${run}: flush() had confirmed ${flushed} calls, and ${kept} are left`);
	const firstLost = calls.find(({ upTo }) => upTo > kept);
	const lostMs = firstLost ? killedMs - firstLost.ms : 0;
	if (lostMs > (flushed > 0 ? LOSS_MS : OPENING_MS))
		throw new Error(`run ${run}: ${kept} calls are left; call ${kept}, made ${lostMs} ms before the kill, is missing`);
	return { lost: Math.max(0, (calls.at(-1)?.upTo ?? 0) - kept), lostMs };
}
