import { expect, test } from 'vitest';
import { withEachVersion } from './support.ts';

withEachVersion('Artifacts', (bench) => {
	test('artifacts and tables are logged, used, read back, edited and deleted', async () => {
		const { told, output } = await bench.run('artifacts', { args: [bench.folder] });
		expect(told, output).toEqual({
			used: ['v1', 'dataset', 'text', { rows: 3 }, ['best', 'latest'], true],
			same: ['beta', true],
			first: 'alpha',
			made: ['dataset', 'dataset', 'run_table', 'run_table'],
			inputs: ['data:v0', 'data:v1'],
			table: [
				['n', 'name'],
				[
					[1, 'a'],
					[2, 'b'],
				],
			],
			by: ['maker', ['user']],
			edited: ['v0', 'changed'],
			gone: true,
		});
	});
});
