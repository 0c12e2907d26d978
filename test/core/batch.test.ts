import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eachRecord, joinBatches, recordLine } from '../../src/core/batch.ts';
import { decodeChunk, encodeChunk } from '../../src/core/chunk.ts';
import { type LineValue, parseLine } from '../../src/core/json-line.ts';
import { BatchPacker } from '../../src/core/packer.ts';

const leafValue = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.double()));
const records = fc.array(
	fc.record({
		leaves: fc.uniqueArray(fc.record({ key: fc.oneof(fc.constantFrom('loss', 'acc', 'lr'), fc.string()), value: leafValue }), {
			selector: (leaf) => leaf.key,
		}),
		step: fc.nat(),
	}),
	{ maxLength: 40 },
);

function pack(list: { leaves: { key: string; value: LineValue }[]; step: number }[], n0 = 7) {
	const packer = new BatchPacker<LineValue>(n0);
	for (const { leaves, step } of list) {
		const data = Object.fromEntries(leaves.map((leaf) => [leaf.key, leaf.value]));
		const isOrdered = Object.keys(data).every((key, i) => key === leaves[i]?.key);
		if (!isOrdered || !packer.addSame(data, step, 1_000 + step, 0.5)) packer.add(leaves, step, 1_000 + step, 0.5);
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
				expect(out.map(({ keys, values, step }) => ({ leaves: keys.map((key, i) => ({ key, value: values[i] })), step }))).toEqual(list);
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

test('a record that repeats the keys of the one before takes the fast path, any other does not', () => {
	const packer = new BatchPacker<LineValue>(0);
	expect(packer.addSame({ loss: 1 }, 0, 0, 0)).toBe(false);
	packer.add([{ key: 'loss', value: 1 }], 0, 0, 0);
	expect(packer.addSame({ loss: 2 }, 1, 0, 0)).toBe(true);
	expect(packer.addSame({ loss: 2, acc: 1 }, 2, 0, 0)).toBe(false);
	expect(packer.addSame({}, 2, 0, 0)).toBe(false);
	expect(packer.addSame({ loss: '2' }, 2, 0, 0)).toBe(false);
	expect(packer.addSame({ acc: 2 }, 2, 0, 0)).toBe(false);
	expect([...eachRecord(packer.take())].map((record) => record.values)).toEqual([[1], [2]]);
});

test('the next batch goes on counting where the last one ended', () => {
	const packer = new BatchPacker<LineValue>(0);
	packer.add([{ key: 'loss', value: 1 }], 0, 0, 0);
	packer.take();
	expect(packer.addSame({ loss: 2 }, 1, 0, 0)).toBe(true);
	const batch = packer.take();
	expect([batch.n0, batch.count, batch.shapes]).toEqual([1, 1, [['loss']]]);
});

test('a batch keeps its numbers while later ones are packed, until it is given back', () => {
	const packer = new BatchPacker<LineValue>(0);
	packer.add([{ key: 'loss', value: 1 }], 0, 0, 0);
	const first = packer.take();
	packer.add([{ key: 'loss', value: 2 }], 1, 0, 0);
	const second = packer.take();
	expect([first, second].map((batch) => [...eachRecord(batch)][0]?.values)).toEqual([[1], [2]]);
	packer.recycle(first);
	packer.add([{ key: 'loss', value: 3 }], 2, 0, 0);
	const third = packer.take();
	packer.add([{ key: 'loss', value: 4 }], 3, 0, 0);
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
		1_732_340_000_120,
		3.91,
	);
	const [record] = [...eachRecord(packer.take())];
	expect(recordLine(record as never)).toBe('{"loss":NaN,"__proto__":"kept","_step":12,"_runtime":3.91,"_timestamp":1732340000.12}');
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
