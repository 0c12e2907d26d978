#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { StartError, startServer } from './index.ts';

const command = new Command('tidelog-server')
	.description('Experiment tracking server that speaks the W&B protocol')
	.option('--port <number>', 'port to listen on, 0 for a free one', toPort, 8420)
	.option('--data <folder>', 'where everything is kept', 'tidelog/server')
	.option('--origin <origins...>', 'origins of pages that may log here, e.g. http://127.0.0.1:8421', [])
	.option('--dashboard <folder>', 'built dashboard to serve')
	.showSuggestionAfterError(false)
	.parse();
const options = command.opts<{ port: number; data: string; origin: string[]; dashboard?: string }>();

try {
	const server = await startServer({
		port: options.port,
		dataDir: options.data,
		origins: options.origin,
		...(options.dashboard === undefined ? {} : { dashboardDir: options.dashboard }),
	});
	console.log(`Tidelog server: ${server.url}`);
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.once(signal, () => void server.close().then(() => process.exit(0)));
	}
} catch (error) {
	if (!(error instanceof StartError)) throw error;
	console.error(error.message);
	process.exitCode = 1;
}

function toPort(text: string): number {
	const port = Number(text);
	if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
	return port;
}
