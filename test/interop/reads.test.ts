import { expect, test } from 'vitest';
import { withEachVersion } from './support.ts';

withEachVersion('Reading and editing', (bench) => {
	test('wandb.Api() reads what was logged, edits it and deletes it', async () => {
		await bench.run('basics', { args: ['one'] });
		await bench.run('resume', { args: ['two', '0', '3', 'finish'] });
		const { told } = await bench.run('reads', { args: ['one', bench.folder] });
		expect(told.run).toEqual({ name: 'Größe Ω', state: 'finished', tags: ['a', 'b'], group: 'g', lr: 0.1, best: 0.5, user: 'local' });
		const losses = Array.from({ length: 50 }, (_, n) => [n, 1 / (n + 1)]);
		const steps = [...Array.from({ length: 52 }, (_, n) => n), 60];
		expect(told.history).toEqual([...losses, [50, null], [51, null], [60, null]]);
		expect(told.few).toBe(10);
		expect(told.sampled).toEqual(losses.map(([step, loss]) => [step, loss, -(step as number) === 0 ? 0 : -(step as number)]));
		expect(told.scan).toEqual(steps);
		expect(told.scan_small).toEqual(steps);
		expect(told.scan_keys).toEqual(losses);
		expect(told).toMatchObject({ system: true, metadata: true, text: 'saved by hand', missing: 0, filtered: ['one'] });
		expect(told.ordered).toEqual(['one', 'two']);
		expect(told.reversed).toEqual(['two', 'one']);
		expect(told.edited).toEqual([7, 0.1, ['a', 'b', 'later'], 'changed', 0.75, 2]);
		expect(told).toMatchObject({ projects: ['interop'], deleted_file: false, gone: true });
		expect((await bench.get('one')).status).toBe(410);
	});
});
