import { init } from 'tidelog';

/** What any of these programs logs; the test knows it too and compares. */
export const row = (i) => ({ loss: 1 / (i + 1), 'val/acc': i / 100, label: `row ${i}`, isLast: i === 249 });

/** Logs one run of 250 rows towards the server and says how it went. */
export async function logRun(name, { server, workerUrl }) {
	const errors = [];
	const run = init({
		project: 'pack',
		name,
		config: { lr: 0.01, layers: [8, 16] },
		server,
		...(workerUrl && { workerUrl }),
		onError: (error) => {
			errors.push(`${error.code}: ${error.message}`);
			// The page shows what went wrong even when the run never gets anywhere.
			globalThis.tidelogErrors = errors;
		},
	});
	for (let i = 0; i < 250; i++) run.log(row(i));
	await run.synced();
	const { isSynced } = await run.finish();
	return { id: run.id, isSynced, errors };
}
