import { expect, test } from 'vitest';
import { withEachVersion } from './support.ts';

withEachVersion('Branches', (bench) => {
	test('a fork begins with the rows up to its step, and a rewound run goes on after its own', async () => {
		await bench.run('branches');
		const rows = async (run: string) =>
			(await (await bench.get(`${run}/history.jsonl`)).text())
				.trim()
				.split('\n')
				.map((line) => JSON.parse(line) as { _step: number; row: number })
				.map(({ _step, row }) => [_step, row]);
		expect(await rows('fork')).toEqual([
			[0, 0],
			[1, 1],
			[2, 2],
			[3, 30],
		]);
		expect(await rows('trunk')).toEqual([
			[0, 0],
			[1, 1],
			[2, 2],
			[3, 3],
			[4, 40],
		]);
	});
});
