import { writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { scrub, startRecorder } from './record.ts';
import { withEachVersion } from './support.ts';

/** Makes test/interop/recorded/ anew when `TIDELOG_INTEROP_RECORD=1`; test/server/recorded.test.ts replays it everywhere. */
withEachVersion('Recording', (bench) => {
	test('exchanges of a run with an artifact', async ({ skip }) => {
		if (process.env.TIDELOG_INTEROP_RECORD !== '1')
			return skip('makes test/interop/recorded/ anew, and only when TIDELOG_INTEROP_RECORD=1 asks for it');
		const { url } = await bench.server();
		const recorder = await startRecorder(url);
		const { told } = await bench.run('recorded', { baseUrl: recorder.url });
		recorder.close();
		const { host } = new URL(url);
		const secrets = {
			[url]: 'http://127.0.0.1:1',
			[host]: '127.0.0.1:1',
			[bench.folder]: '/folder',
			[fileURLToPath(new URL('../..', import.meta.url))]: '/repository/',
			[`${tmpdir()}/`]: '/folder/',
			[userInfo().homedir]: '/home',
		};
		// The description of the machine and the list of its packages are nobody's business.
		// The description of the machine and the list of its packages are nobody's business: those files come with other bytes.
		const kept = recorder.exchanges.map((exchange) =>
			exchange.method === 'PUT' && /^\{\s*"os"|^[\w.-]+==\d|^_wandb:/m.test(exchange.body) ? { ...exchange, body: 'scrubbed' } : exchange,
		);
		const lines = scrub(kept, secrets).map((exchange) => JSON.stringify(exchange));
		const origin = JSON.stringify({ origin: 'test/interop/scripts/recorded.py', version: told.version, python: '3' });
		writeFileSync(fileURLToPath(new URL(`recorded/wandb-${String(told.version)}.jsonl`, import.meta.url)), `${[origin, ...lines].join('\n')}\n`);
	});
});
