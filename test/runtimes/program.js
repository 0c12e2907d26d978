/**
 * The same small program on every runtime: a thousand rows, a value that comes late, config and summary, and both promises.
 *
 * @param {typeof import('tidelog').init} init
 * @param {{ server: string, dir?: string }} options
 */
export async function train(init, options) {
	const run = init({ project: 'runtimes', config: { lr: 0.01, model: { layers: 2 } }, ...options });
	run.defineMetric('acc', { summary: 'max' });
	for (let i = 0; i < 1_000; i++) run.log({ loss: 1 / (i + 1), acc: i % 7, big: 2n ** 60n + BigInt(i) });
	run.log({ late: Number.NaN }, { step: 10 });
	run.config.batch = 32;
	run.summary.best = 0.98;
	await run.flush();
	const { durable } = run.status;
	await run.synced();
	const { synced } = run.status;
	const { isSynced, status } = await run.finish();
	return { id: run.id, durable, synced, isSynced, status };
}
