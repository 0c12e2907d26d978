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

	test('a run is resumed: allow, must, never, and again after its process was killed', async () => {
		const steps = async () => {
			const rows = (await (await bench.get('again/history.jsonl')).text()).trim().split('\n');
			return rows.map((row) => JSON.parse(row) as { _step: number; row?: number }).filter(({ row }) => row !== undefined);
		};
		await bench.run('resume', { args: ['again', '0', '10', 'finish'] });
		await bench.run('resume', { args: ['again', '10', '20', 'fail', 'allow'] });
		expect((await steps())[10]).toMatchObject({ _step: 10, row: 10 });
		expect(await bench.detail('again')).toMatchObject({ state: 'failed', exitCode: 3 });
		const killed = await bench.run('resume', {
			args: ['again', '20', '25', 'die', 'must'],
			code: null,
			// What a killed process has not sent is on its disk only; here it is killed once its rows are on the server.
			onOutput: (output, kill) => {
				if (!output.includes('IS WAITING')) return;
				void steps().then((rows) => {
					if (rows.at(-1)?.row === 24) kill('SIGKILL');
				});
			},
		});
		expect(killed.signal).toBe('SIGKILL');
		await bench.run('resume', { args: ['again', '25', '30', 'finish', 'must'] });
		const rows = await steps();
		expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 30 }, (_, n) => n));
		expect(rows.slice(0, 25).map(({ _step }) => _step)).toEqual(Array.from({ length: 25 }, (_, n) => n));
		expect(rows[25]?._step).toBeGreaterThan(25);
		const never = await bench.run('resume', { args: ['again', '0', '1', 'finish', 'never'], code: 1 });
		expect(never.output).toContain('resume');
		await bench.run('resume', { args: ['nothing', '0', '1', 'finish', 'must'], code: 1 });
	});

	test('a run written offline and sent twice is there once', async () => {
		const { told, output } = await bench.run('offline', { args: ['offline'] });
		expect(told.code, output).toBe(0);
		const run = await bench.detail('offline');
		expect(run).toMatchObject({ state: 'finished', config: { lr: 0.5 }, lastStep: 200 });
		const rows = (await (await bench.get('offline/history.jsonl')).text()).trim().split('\n');
		expect(rows).toHaveLength(201);
		expect(rows[199]).toContain('"odd":NaN');
		expect(Object.keys(await bench.files('offline'))).toEqual(expect.arrayContaining([expect.stringMatching(/^media\/images\/image_200_/)]));
	});

	test('a run that is told to stop interrupts its script', async () => {
		const { url } = await bench.server();
		let isAsked = false;
		const { told } = await bench.run('resume', {
			args: ['stopping', '0', '3', 'stop'],
			// An interrupt that Python's script lets through ends its process by the signal.
			code: null,
			env: { WANDB__FILE_STREAM_TRANSMIT_INTERVAL: '0.3', WANDB__FILE_STREAM_HEARTBEAT_SECONDS: '1' },
			onOutput: (output) => {
				if (isAsked || !output.includes('console of 0')) return;
				isAsked = true;
				void (async () => {
					const ask = (query: string) =>
						fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) });
					const found = (await (await ask('{ project(name: "interop") { run(name: "stopping") { id } } }')).json()) as {
						data: { project: { run: { id: string } } };
					};
					await ask(`mutation { stopRun(input: { id: "${found.data.project.run.id}" }) { success } }`);
				})();
			},
		});
		expect(told.stopped).toBe(true);
		expect(await bench.detail('stopping')).toMatchObject({ state: 'failed', exitCode: 255 });
	});
});
