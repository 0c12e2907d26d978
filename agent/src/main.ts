#!/usr/bin/env node
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type RunningAgent, startAgent } from './agent.ts';

const HELP = `Reads GPU, CPU, memory, disk and network of this machine for runs of Tidelog.

  tidelog-agent --origin http://127.0.0.1:8421        pages of that origin may read (run.connectAgent())
  tidelog-agent --server URL --run ID --project NAME  samples go to that run
  tidelog-agent --server URL --project NAME           samples go to a run of their own

  --origin <origin>     may be given several times
  --port <number>       port for pages, 8425
  --server <url>        a Tidelog server; its token is read from TIDELOG_TOKEN
  --run <id>, --project <name>, --entity <name>
  --label <name>        ends each key with /l:<name>, where several machines report to one run; "" takes this machine's name
  --interval <seconds>  from one sample to the next, 0.1 or more, 15 by default
  --nvidia-smi <path>   where nvidia-smi is
  --dir <folder>        what waits to be sent, tidelog
`;

let options: ReturnType<typeof readArguments>;
try {
	options = readArguments();
} catch (error) {
	console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
	process.exit(2);
}
if (options.help) {
	console.log(HELP);
	process.exit(0);
}

let agent: RunningAgent;
try {
	const { origin: origins, port, server, run, project, entity, label, dir, intervalMs } = options;
	const token = process.env.TIDELOG_TOKEN;
	agent = await startAgent({
		intervalMs,
		...(options['nvidia-smi'] === undefined ? {} : { nvidiaSmi: { path: options['nvidia-smi'] } }),
		...(origins.length === 0
			? {}
			: { pages: { origins, tokenFile: join(homedir(), '.config', 'tidelog', 'agent.json'), ...(port === undefined ? {} : { port }) } }),
		...(server === undefined || project === undefined
			? {}
			: {
					server: {
						server,
						project,
						dir,
						...(token === undefined ? {} : { token }),
						...(run === undefined ? {} : { run }),
						...(entity === undefined ? {} : { entity }),
						...(label === undefined ? {} : { label }),
					},
				}),
		say: (message) => console.log(message),
	});
} catch (error) {
	console.error(error instanceof Error ? `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}` : error);
	process.exit(1);
}
// Sampling keeps no process alive by itself.
setInterval(() => undefined, 2 ** 30);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void agent.close().then(() => process.exit(0)));

/** @throws Error that says what is wrong. */
function readArguments() {
	const text = { type: 'string' } as const;
	const { values } = parseArgs({
		options: {
			origin: { ...text, multiple: true, default: [] as string[] },
			port: text,
			server: text,
			run: text,
			project: text,
			entity: text,
			label: text,
			interval: { ...text, default: '15' },
			'nvidia-smi': text,
			dir: { ...text, default: 'tidelog' },
			help: { type: 'boolean', short: 'h', default: false },
		},
	});
	const intervalMs = 1000 * Number(values.interval);
	if (!(intervalMs >= 100 && intervalMs <= 86_400_000)) throw new Error(`--interval must be seconds from 0.1 to 86,400, but was ${values.interval}.`);
	const port = values.port === undefined ? undefined : Number(values.port);
	if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
		throw new Error(`--port must be a whole number from 0 to 65535, but was ${values.port}.`);
	for (const origin of values.origin)
		if (!isOrigin(origin)) throw new Error(`--origin must be an origin such as http://127.0.0.1:8421, but was ${origin}.`);
	if (values.server !== undefined && !/^https?:\/\/[^/]/.test(values.server))
		throw new Error('--server must be an address such as http://127.0.0.1:8420.');
	if (values.server !== undefined && values.project === undefined) throw new Error('--server needs the --project of the run.');
	if (values.server === undefined && (values.run ?? values.project) !== undefined) throw new Error('--run and --project need a --server.');
	if (!values.help && values.server === undefined && values.origin.length === 0)
		throw new Error('Nobody would get the samples: give --origin or --server.');
	return { ...values, intervalMs, port, label: values.label === '' ? hostname() : values.label };
}

/** As browsers send it: scheme, host and port, nothing behind; also of schemes of one's own (Electron). */
function isOrigin(text: string): boolean {
	return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s@]+$/.test(text);
}
