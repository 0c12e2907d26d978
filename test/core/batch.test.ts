import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eachRecord, joinBatches, nextOf, recordLine, recordObject, stepOf } from '../../src/core/batch.ts';
import { cutChunk, decodeChunk, encodeChunk } from '../../src/core/chunk.ts';
import { type LineValue, parseLine } from '../../src/core/json-line.ts';
import { BatchPacker } from '../../src/core/packer.ts';

const leafValue = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.double()));
const records = fc.array(
	fc.record({
		leaves: fc.uniqueArray(fc.record({ key: fc.oneof(fc.constantFrom('loss', 'acc', 'lr'), fc.string()), value: leafValue }), {
			selector: (leaf) => leaf.key,
		}),
		step: fc.nat(),
		isNamed: fc.boolean(),
	}),
	{ maxLength: 40 },
);

function pack(list: { leaves: { key: string; value: LineValue }[]; step: number; isNamed?: boolean }[], n0 = 7) {
	const packer = new BatchPacker<LineValue>(n0);
	for (const { leaves, step, isNamed } of list) {
		const relative = isNamed ? Number.NEGATIVE_INFINITY : step;
		const data = Object.fromEntries(leaves.map((leaf) => [leaf.key, leaf.value]));
		const isOrdered = Object.keys(data).every((key, i) => key === leaves[i]?.key);
		if (!isOrdered || !packer.addSame(data, relative, step >> 1, 1_000 + step, 0.5)) packer.add(leaves, relative, step >> 1, 1_000 + step, 0.5);
	}
	return packer.take();
}

test('records come out of a batch, and out of its bytes, as they went in', () => {
	fc.assert(
		fc.property(records, (list) => {
			const batch = pack(list);
			for (const read of [batch, decodeChunk(encodeChunk(batch))]) {
				const out = [...eachRecord(read)];
				expect(out.map((record) => record.n)).toEqual(list.map((_, i) => 7 + i));
				const heads = list.map(({ step, isNamed }) => [isNamed ? Number.NEGATIVE_INFINITY : step, step >> 1, 1_000 + step, 0.5]);
				expect(out.map(({ relative, least, timestampMs, runtimeS }) => [relative, least, timestampMs, runtimeS])).toEqual(heads);
				expect(out.map(({ keys, values }) => keys.map((key, i) => ({ key, value: values[i] })))).toEqual(list.map(({ leaves }) => leaves));
			}
		}),
	);
});

test('joined batches hold the records of the batches, one after the other', () => {
	fc.assert(
		fc.property(fc.array(records, { minLength: 1, maxLength: 4 }), (lists) => {
			let n0 = 7;
			const batches = lists.map((list) => {
				const batch = pack(list, n0);
				n0 += list.length;
				return batch;
			});
			const joined = decodeChunk(encodeChunk(joinBatches(batches)));
			expect([...eachRecord(joined)]).toEqual(batches.flatMap((batch) => [...eachRecord(batch)]));
		}),
	);
});

test('a chunk that is cut holds the records from there on', () => {
	fc.assert(
		fc.property(
			records.filter((list) => list.length > 0),
			fc.nat(),
			(list, at) => {
				const batch = pack(list);
				const cut = at % (batch.count + 1);
				const chunk = cutChunk({ n0: batch.n0, count: batch.count, bytes: encodeChunk(batch) }, batch.n0 + cut);
				expect([chunk.n0, chunk.count]).toEqual([batch.n0 + cut, batch.count - cut]);
				expect([...eachRecord(decodeChunk(chunk.bytes))]).toEqual([...eachRecord(batch)].slice(cut));
			},
		),
	);
});

test('what follows a batch is one more than its greatest steps, whatever is joined to it', () => {
	fc.assert(
		fc.property(records, (list) => {
			const batch = pack(list);
			const all = [...eachRecord(batch)];
			expect(nextOf(batch)).toEqual({
				relative: Math.max(0, ...all.map(({ relative }) => relative + 1)),
				least: Math.max(0, ...all.map(({ least }) => least + 1)),
				runtimeS: Math.max(0, ...all.map(({ runtimeS }) => runtimeS)),
			});
		}),
	);
});

test('the step of a record is its own when it was named, else it counts from the base and follows those named before', () => {
	const named = { relative: Number.NEGATIVE_INFINITY, least: 12 };
	expect([0, 5, 100, null].map((base) => stepOf(named, base))).toEqual([12, 12, 12, 12]);
	const counted = { relative: 3, least: 0 };
	expect([0, 5, null].map((base) => stepOf(counted, base))).toEqual([3, 8, undefined]);
	expect(stepOf({ relative: 3, least: 20 }, 5)).toBe(20);
});

test('a record that repeats the keys of the one before takes the fast path, any other does not', () => {
	const packer = new BatchPacker<LineValue>(0);
	expect(packer.addSame({ loss: 1 }, 0, 0, 0, 0)).toBe(false);
	packer.add([{ key: 'loss', value: 1 }], 0, 0, 0, 0);
	expect(packer.addSame({ loss: 2 }, 1, 0, 0, 0)).toBe(true);
	expect(packer.addSame({ loss: 2, acc: 1 }, 2, 0, 0, 0)).toBe(false);
	expect(packer.addSame({}, 2, 0, 0, 0)).toBe(false);
	expect(packer.addSame({ loss: '2' }, 2, 0, 0, 0)).toBe(false);
	expect(packer.addSame({ acc: 2 }, 2, 0, 0, 0)).toBe(false);
	expect([...eachRecord(packer.take())].map((record) => record.values)).toEqual([[1], [2]]);
});

test('the next batch goes on counting where the last one ended', () => {
	const packer = new BatchPacker<LineValue>(0);
	packer.add([{ key: 'loss', value: 1 }], 0, 0, 0, 0);
	packer.take();
	expect(packer.addSame({ loss: 2 }, 1, 0, 0, 0)).toBe(true);
	const batch = packer.take();
	expect([batch.n0, batch.count, batch.shapes]).toEqual([1, 1, [['loss']]]);
});

test('a batch keeps its numbers while later ones are packed, until it is given back', () => {
	const packer = new BatchPacker<LineValue>(0);
	packer.add([{ key: 'loss', value: 1 }], 0, 0, 0, 0);
	const first = packer.take();
	packer.add([{ key: 'loss', value: 2 }], 1, 0, 0, 0);
	const second = packer.take();
	expect([first, second].map((batch) => [...eachRecord(batch)][0]?.values)).toEqual([[1], [2]]);
	packer.recycle(first);
	packer.add([{ key: 'loss', value: 3 }], 2, 0, 0, 0);
	const third = packer.take();
	packer.add([{ key: 'loss', value: 4 }], 3, 0, 0, 0);
	const fourth = packer.take();
	expect(fourth.numbers.buffer).toBe(first.numbers.buffer);
	expect([second, third, fourth].map((batch) => [...eachRecord(batch)][0]?.values)).toEqual([[2], [3], [4]]);
});

test('the line of a record holds its values, then step, runtime in seconds and timestamp in seconds', () => {
	const packer = new BatchPacker<LineValue>(0);
	packer.add(
		[
			{ key: 'loss', value: Number.NaN },
			{ key: '__proto__', value: 'kept' },
		],
		12,
		0,
		1_732_340_000_120,
		3.91,
	);
	const [record] = [...eachRecord(packer.take())];
	if (!record) throw new Error('no record');
	expect(recordLine(record, 12, 0)).toBe('{"loss":NaN,"__proto__":"kept","_step":12,"_runtime":3.91,"_timestamp":1732340000.12}');
	expect(recordLine(record, undefined, 100)).toBe('{"loss":NaN,"__proto__":"kept","_runtime":103.91,"_timestamp":1732340000.12}');
	expect(Object.keys(recordObject(record))).toEqual(['loss', '__proto__']);
	expect(Object.keys(parseLine('{"__proto__":"kept"}') as object)).toEqual(['__proto__']);
});

test('bytes that are no chunk, are cut short, or are of a newer version are refused with what is wrong', () => {
	const bytes = encodeChunk(pack([{ leaves: [{ key: 'a', value: 1 }], step: 0 }]));
	expect(() => decodeChunk(bytes.subarray(0, bytes.length - 1))).toThrow(/damaged/);
	expect(() => decodeChunk(new Uint8Array(64))).toThrow(/not a chunk/);
	const newer = bytes.slice();
	newer[4] = 9;
	expect(() => decodeChunk(newer)).toThrow(/version 9/);
});
