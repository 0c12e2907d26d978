import { expect, test } from 'vitest';
import { withEachVersion } from './support.ts';

withEachVersion('The life of a run', (bench) => {
	test('what is logged is there: rows, config, summary, console, media and files', async () => {
		const { told } = await bench.run('basics', { args: ['basics'] });
		const run = await bench.detail('basics');
		expect(run).toMatchObject({
			name: 'Größe Ω',
			group: 'g',
			jobType: 'train',
			tags: ['a', 'b'],
			notes: 'some notes',
			state: 'finished',
			exitCode: 0,
			config: { lr: 0.1, model: { layers: 3 }, added: [1, null] },
			summary: { best: 0.5, 'deep.x': 1, loss: 1 / 50, 'nested.b.c': -49, 'val/acc.min': 0, 'val/acc.max': 49 / 50 },
			alerts: [{ title: 'Title', text: 'Text', level: 'warn' }],
		});
		const rows = (await (await bench.get('basics/history.jsonl')).text()).trim().split('\n');
		expect(rows).toHaveLength(53);
		expect(JSON.parse(rows[7] as string)).toMatchObject({ _step: 7, loss: 1 / 8, nested: { a: 7, b: { c: -7 } }, 'größe/Ω': 7, epoch: 0 });
		for (const part of ['"odd":NaN', '"up":Infinity', '"down":-Infinity', '"big":9007199254740993', '"flag":true']) expect(rows[50]).toContain(part);
		expect(JSON.parse(rows[52] as string)).toMatchObject({ _step: 60, masked: { _type: 'image-file', masks: { truth: { _type: 'mask' } } } });
		const files = await bench.files('basics');
		expect(files).toEqual(expect.objectContaining(told.files));
		expect(files).toHaveProperty(['my notes Ω.txt']);
		const console = (await bench.lines('basics', 'console')).map((line) => (JSON.parse(line) as { line: string }).line);
		expect(console.filter((line) => line.includes('a line of the console'))).toHaveLength(1);
		expect(console.filter((line) => line.includes('progress'))).toEqual([expect.stringMatching(/progress 999$/)]);
		expect(console.filter((line) => /ERROR .*error line/.test(line))).toHaveLength(1);
		expect((await bench.lines('basics', 'events')).length).toBeGreaterThan(0);
	});
});
