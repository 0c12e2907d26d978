/** What `npm start` does: builds what is stale, starts the server and the demo, says where they are. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, TARGETS } from './build.mjs';
import { serveDemo } from './serve-demo.mjs';

const HELP = `npm start -- [options]
  --port <number>       port of the server and dashboard (8420)
  --demo-port <number>  port of the demo (the server's port + 1)
  --data <folder>       where the server keeps everything (tidelog/server)
  --no-open             do not open a browser`;
const root = fileURLToPath(new URL('..', import.meta.url));

try {
	await start();
} catch (error) {
	if (!(error instanceof Error) || error.constructor.name !== 'StartError') throw error;
	console.error(error.message);
	process.exitCode = 1;
}

async function start() {
	const { StartError, startServer } = await import('../server/src/index.ts');
	const options = readOptions(StartError);
	if (options.help) return console.log(HELP);
	const { port, demoPort, data } = options;
	const url = `http://127.0.0.1:${port}`;
	if (port !== 0 && (await isTidelog(url))) return console.log(`Tidelog is already running: ${url}`);

	let server;
	const demo = await serveDemo(join(root, 'demo', 'dist'), demoPort, () => server?.url ?? url).catch((error) => {
		throw new StartError(
			error.code === 'EADDRINUSE'
				? `Port ${demoPort}, for the demo, is taken by another program. Stop it, or choose another with --demo-port.`
				: `The demo cannot listen on port ${demoPort} (${error.code}).`,
		);
	});
	try {
		server = await startServer({
			port,
			dataDir: data,
			origins: [`http://127.0.0.1:${demo.port}`, `http://localhost:${demo.port}`],
			dashboardDir: join(root, 'dashboard', 'dist'),
		});
	} catch (error) {
		await demo.close();
		throw error;
	}
	// After the ports and the folder are ours: what cannot start should say so at once, not after a build.
	if (!build(TARGETS)) {
		await Promise.all([server.close(), demo.close()]);
		throw new StartError('Building failed; what was printed above says why.');
	}
	console.log(`\n  Dashboard  ${server.url}\n  Demo       ${demo.url}\n\n  Everything is kept in ${data}. Stop with Ctrl-C.\n`);
	if (options.open) for (const address of [server.url, demo.url]) openInBrowser(address);
	let isClosing = false;
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
		process.on(signal, () => {
			if (isClosing) return;
			isClosing = true;
			void Promise.all([server.close(), demo.close()]).then(() => process.exit(0));
		});
	}
}

function readOptions(StartError) {
	let values;
	try {
		({ values } = parseArgs({
			options: {
				port: { type: 'string', default: '8420' },
				'demo-port': { type: 'string' },
				data: { type: 'string', default: join('tidelog', 'server') },
				open: { type: 'boolean', default: true },
				help: { type: 'boolean', short: 'h', default: false },
			},
			allowNegative: true,
		}));
	} catch (error) {
		throw new StartError(`${error.message.split('. ')[0]}. \`npm start -- --help\` lists the options.`);
	}
	const port = toPort('--port', values.port, StartError);
	const demoPort = values['demo-port'] === undefined ? (port === 0 ? 0 : port + 1) : toPort('--demo-port', values['demo-port'], StartError);
	return { port, demoPort, data: values.data, open: values.open && hasDisplay(), help: values.help };
}

function toPort(option, text, StartError) {
	const port = Number(text);
	if (!Number.isInteger(port) || port < 0 || port > 65_534)
		throw new StartError(`${option} must be a whole number from 0 to 65534, but was "${text}".`);
	return port;
}

/** Whether a Tidelog server answers there; anything else on the port is found when it is to be bound. */
async function isTidelog(url) {
	try {
		const response = await fetch(`${url}/api/server`, { signal: AbortSignal.timeout(2_000) });
		return (await response.json()).name === 'tidelog';
	} catch {
		return false;
	}
}

function hasDisplay() {
	if (process.env.CI || !process.stdout.isTTY) return false;
	return process.platform === 'darwin' || process.platform === 'win32' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

function openInBrowser(url) {
	const [command, ...args] =
		process.platform === 'darwin' ? ['open', url] : process.platform === 'win32' ? ['cmd', '/c', 'start', '', url] : ['xdg-open', url];
	// No browser to open is no failure: the address is printed.
	spawn(command, args, { stdio: 'ignore', detached: true })
		.on('error', () => undefined)
		.unref();
}
