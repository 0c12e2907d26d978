import { parquetReadObjects } from 'hyparquet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parquet } from '../../server/src/history-export.ts';
import type { LineObject } from '../../src/core/json-line.ts';
import { historyLine as line, TestServer } from './support.ts';

let server: TestServer;
beforeEach(() => {
	server = new TestServer();
	server.newRun('r');
});
afterEach(() => server.close());

const fetched = async (ending: string) => {
	const response = await server.request('GET', `/api/projects/p/runs/r/history.${ending}`);
	expect(response.status).toBe(200);
	return response.arrayBuffer();
};
const send = () =>
	server.send('r', 'a000000000000001', {
		history: [
			0,
			[
				line({ loss: 0.5, mixed: 1, note: 'a "b", c' }, 4),
				line({ loss: Number.NaN, mixed: 'two', ok: true, empty: '' }, 2),
				line({ list: [1, 2], big: 2n ** 60n }, 7),
			],
		],
	});

test('CSV has a row for each step and a column for each key', async () => {
	send();
	const [head, ...rows] = new TextDecoder()
		.decode(await fetched('csv'))
		.trimEnd()
		.split('\r\n');
	const wanted = ['_step', 'loss', 'mixed', 'note', 'ok', 'empty', 'big'];
	const at = wanted.map((key) => String(head).split(',').indexOf(key));
	expect(at.every((index) => index >= 0)).toBe(true);
	expect(rows.length).toBe(3);
	expect(rows[0]).toMatch(/NaN/);
	expect(rows[0]).toMatch(/""/);
	expect(rows[1]).toContain('"a ""b"", c"');
	expect(rows[2]).toContain('"[1,2]"');
	expect(rows[2]).toContain('1152921504606846976');
});

test('Parquet holds the same values, typed', async () => {
	send();
	const rows = await parquetReadObjects({ file: await fetched('parquet') });
	expect(rows.map(({ _step }) => _step)).toEqual([2n, 4n, 7n]);
	expect(rows[0]).toMatchObject({ loss: Number.NaN, mixed: '"two"', ok: true, empty: '', note: null, list: null });
	expect(rows[1]).toMatchObject({ loss: 0.5, mixed: '1', note: 'a "b", c', ok: null });
	expect(rows[2]).toMatchObject({ loss: null, list: '[1,2]', big: '1152921504606846976' });
});

test('a run without rows is a table without rows', async () => {
	expect(new TextDecoder().decode(await fetched('csv'))).toBe('_step\r\n');
	expect(await parquetReadObjects({ file: await fetched('parquet') })).toEqual([]);
});

test('many rows come in row groups, and are read no further than they are taken', async () => {
	let read = 0;
	function* rows(): Iterable<LineObject> {
		for (let step = 0; step < 120_000; step++) {
			read++;
			yield { _step: step, loss: step / 2 };
		}
	}
	const pieces: Uint8Array[] = [];
	for await (const piece of parquet(rows)) {
		if (pieces.length === 0) expect(read).toBe(120_000 + 50_000);
		pieces.push(piece);
	}
	expect(pieces.length).toBe(4);
	const file = (await new Blob(pieces as BlobPart[]).arrayBuffer()) as ArrayBuffer;
	const back = await parquetReadObjects({ file });
	expect(back.length).toBe(120_000);
	expect(back[119_999]).toEqual({ _step: 119_999n, loss: 59_999.5 });
});
