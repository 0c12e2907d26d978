import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunRow } from '../../server/src/store/meta-store.ts';
import { Tracker } from '../../server/src/tracker.ts';
import { type LineObject, type LineValue, parseLine, writeLine } from '../../src/core/json-line.ts';
import { HISTORY_FILE, SUMMARY_FILE } from '../../src/core/protocol.ts';
import { chartOf } from './support.ts';

const W1 = 'a000000000000001';
const W2 = 'b000000000000002';

let folder: string;
let tracker: Tracker;
let run: RunRow;
let count = 0;

const open = () => {
	tracker = new Tracker(folder, () => 1_000_000);
};
const newRun = () => {
	run = tracker.upsertRun({ project: 'p', name: `run${count++}` }).run;
};
const again = () => {
	tracker.close();
	open();
	run = tracker.runNamed('local', 'p', run.name);
};

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tidelog-store-'));
	open();
	newRun();
});

afterEach(() => {
	tracker.close();
	rmSync(folder, { recursive: true, force: true });
});

const line = (values: Record<string, LineValue>, step: number) => writeLine({ ...values, _step: step, _runtime: step / 2, _timestamp: 100 + step });
const send = (offset: number, content: string[], writer = W1, startedMs = 1, upTo = offset + content.length) =>
	tracker.stream(run, { tidelog: { v: 1, writer, startedMs, upTo, gen: 0 }, files: { [HISTORY_FILE]: { offset, content } } })?.next[HISTORY_FILE];
const records = () => [...tracker.history.lines(run, HISTORY_FILE)].map(({ writer, n, line: text }) => `${writer}:${n}:${text}`);
const rows = () => [...tracker.rowLines(run)];
const points = (key: string) => chartOf(tracker.history, run, key);
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => line({ a: from + i }, from + i));

describe('lines of a writer', () => {
	test('that come again change nothing, whole, in part, and after a restart', () => {
		expect(send(0, lines(0, 5))).toBe(5);
		expect(send(0, lines(0, 5))).toBe(5);
		again();
		expect(send(3, lines(3, 8))).toBe(8);
		expect(records()).toEqual(lines(0, 8).map((text, n) => `${W1}:${n}:${text}`));
		expect(tracker.history.counts(run)).toMatchObject({ records: 8, lastStep: 7, hidden: 0 });
	});

	test('after a gap are not stored, and the answer says where to go on', () => {
		send(0, lines(0, 3));
		expect(send(5, lines(5, 9))).toBe(3);
		expect(records()).toHaveLength(3);
	});

	test('with other bytes under a known number leave the first ones', () => {
		send(0, lines(0, 3));
		expect(send(1, [line({ a: 99 }, 1)])).toBe(3);
		expect(records()).toEqual(lines(0, 3).map((text, n) => `${W1}:${n}:${text}`));
	});

	test('that are no JSON refuse the request and leave nothing of it', () => {
		expect(() => send(0, [line({ a: 1 }, 0), '{"a": '])).toThrow(/not JSON/);
		expect(records()).toEqual([]);
		expect(send(0, lines(0, 1))).toBe(1);
	});

	test('keep NaN, infinities, minus zero, large integers, text, lists and media', () => {
		const values: Record<string, LineValue> = {
			nan: Number.NaN,
			inf: -Infinity,
			zero: -0,
			big: 2n ** 60n,
			text: 'héllo',
			yes: true,
			none: null,
			list: [1, 2],
			image: { _type: 'image-file', path: 'media/images/a_0_b.png', size: 3 },
		};
		send(0, [line(values, 0)]);
		again();
		expect(rows()[0]).toEqual({ ...values, _step: 0, _runtime: 0, _timestamp: 100 });
		expect(tracker.summary(run)).toEqual(values);
		expect(points('nan')).toMatchObject({
			points: 1,
			nonFinite: [1],
			nonFiniteAt: [{ x: 0, value: Number.NaN }],
			min: [Number.NaN],
			last: [Number.NaN],
		});
		expect(tracker.files.all(run)).toEqual([{ path: 'media/images/a_0_b.png', sizeBytes: 0, uploadedMs: undefined, sha256: undefined }]);
	});
});

describe('rows', () => {
	test('hold all records of a step: late ones join theirs, a later value wins, and what it hides is counted', () => {
		send(0, [line({ a: 1, b: 1 }, 0), line({ a: 2 }, 5), line({ a: 3 }, 0)]);
		expect(rows().map(({ a, b, _step }) => [a, b, _step])).toEqual([
			[3, 1, 0],
			[2, undefined, 5],
		]);
		expect(points('a')).toMatchObject({ x: [0, 5], last: [3, 2] });
		expect(tracker.history.counts(run).hidden).toBe(1);
	});

	test('take the value of the writer that started later, whatever arrives first', () => {
		send(0, [line({ a: 'late starter' }, 0)], W2, 20);
		send(0, [line({ a: 'early starter' }, 0)], W1, 10);
		expect(rows()[0]?.a).toBe('late starter');
		expect(tracker.summary(run).a).toBe('late starter');
	});
});

test("an official client's summary is kept as it was sent, and its lines are answered without the tidelog member", () => {
	expect(
		tracker.stream(run, {
			files: { [HISTORY_FILE]: { offset: 0, content: [line({ a: 1 }, 0)] }, [SUMMARY_FILE]: { offset: 0, content: ['{"a":7,"n":{"x":1}}'] } },
		}),
	).toBeUndefined();
	run = tracker.runNamed('local', 'p', run.name);
	expect(tracker.summary(run)).toEqual({ a: 7, 'n.x': 1 });
	expect(tracker.lineCount(run)).toBe(1);
});

interface Put {
	writer: 0 | 1;
	from: number;
	length: number;
}

test('any appends with repeats, overlaps, gaps, two writers and restarts give what a naive store gives', () => {
	const logs = [W1, W2].map((_, w) => Array.from({ length: 30 }, (_unused, n) => line({ [n % 3 === 0 ? 'a' : 'b']: w * 100 + n }, (n * 7 + w) % 11)));
	fc.assert(
		fc.property(
			fc.array(fc.record({ writer: fc.constantFrom<0 | 1>(0, 1), from: fc.nat(29), length: fc.integer({ min: 1, max: 12 }) }), { maxLength: 25 }),
			fc.nat(25),
			(puts: Put[], restartAt) => {
				newRun();
				const model = [0, 0];
				for (const [i, { writer, from, length }] of puts.entries()) {
					const known = model[writer] as number;
					const content = (logs[writer] as string[]).slice(from, from + length);
					if (from <= known) model[writer] = Math.max(known, from + content.length);
					expect(send(from, content, [W1, W2][writer], writer + 1)).toBe(model[writer]);
					if (i === restartAt) again();
				}
				const held = [0, 1].flatMap((w) => (logs[w] as string[]).slice(0, model[w]));
				expect(records().map((text) => text.split(':').slice(2).join(':'))).toEqual(held);
				// Laid over each other by writer, then number: exactly the order of `held`.
				const byStep = new Map<number, LineObject>();
				for (const text of held) {
					const row = parseLine(text) as LineObject;
					byStep.set(row._step as number, { ...byStep.get(row._step as number), ...row });
				}
				const expected = [...byStep.entries()].sort(([a], [b]) => a - b).map(([, row]) => row);
				expect(rows()).toEqual(expected);
				for (const key of ['a', 'b']) {
					const values = expected.filter((row) => row[key] !== undefined);
					expect(points(key)?.x ?? []).toEqual(values.map((row) => row._step));
					expect(points(key)?.last ?? []).toEqual(values.map((row) => row[key]));
				}
			},
		),
		{ numRuns: 60 },
	);
});

test('a chart leaves no point out: buckets add up, and each keeps its extremes', () => {
	const values = Array.from({ length: 5_000 }, (_, i) => Math.sin(i + 1) * ((i % 97) + 1));
	send(
		0,
		values.map((a, i) => line({ a }, i)),
	);
	const series = chartOf(tracker.history, run, 'a', { buckets: 100 });
	if (!series) throw new Error('there is no series');
	expect(series.x.length).toBeLessThanOrEqual(100);
	expect(series.count.reduce((sum, n) => sum + n, 0)).toBe(5_000);
	expect(Math.min(...series.min)).toBe(Math.min(...values));
	expect(Math.max(...series.max)).toBe(Math.max(...values));
	let at = 0;
	for (const [i, n] of series.count.entries()) {
		const part = values.slice(at, at + n);
		expect([series.min[i], series.max[i], series.first[i], series.last[i], series.x[i]]).toEqual([
			Math.min(...part),
			Math.max(...part),
			part[0],
			part.at(-1),
			at + n - 1,
		]);
		at += n;
	}
});
