import { expect, test } from 'vitest';
import { withEachVersion } from './support.ts';

/** The short form; `TIDELOG_INTEROP_CLIENTS=20 TIDELOG_INTEROP_ROWS=50000` is a long one. */
const CLIENTS = Number(process.env.TIDELOG_INTEROP_CLIENTS ?? 10);
const ROWS = Number(process.env.TIDELOG_INTEROP_ROWS ?? 100);

withEachVersion('Load', (bench, version) => {
	test('processes that log at once lose nothing', async ({ skip }) => {
		if (version !== 'newest') return skip('the load is put on by the newest version only');
		const offline = await bench.run('load', { args: ['off', String(CLIENTS), String(ROWS)], env: { WANDB_MODE: 'offline' } });
		const online = await bench.run('load', { args: ['on', String(CLIENTS), String(ROWS)] });
		console.log(`${CLIENTS} processes × ${ROWS} rows × 100 floats: ${online.told.seconds} s, offline ${offline.told.seconds} s`);
		expect(online.told.codes).toEqual(Array.from({ length: CLIENTS }, () => 0));
		for (let n = 0; n < CLIENTS; n++) {
			const rows = (await (await bench.get(`on${n}/history.jsonl`)).text()).trim().split('\n');
			expect(rows).toHaveLength(ROWS);
			rows.forEach((text, step) => {
				const row = JSON.parse(text) as Record<string, number>;
				expect([row._step, ...Array.from({ length: 100 }, (_, k) => row[`m${k}`])]).toEqual([
					step,
					...Array.from({ length: 100 }, (_, k) => step + k / 128),
				]);
			});
		}
	});
});
