#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import { backupCommand } from './backup-command.ts';
import { LOG_FORMATS, LOG_LEVELS, Log, type LogFormat, type LogLevel, StartError, startServer } from './index.ts';
import { dataOption, tokenCommand } from './token-command.ts';

interface StartOptions {
	port: number;
	host: string;
	data: string;
	origin: string[];
	publicUrl: string[];
	auth?: boolean;
	dashboard?: string;
	logLevel: LogLevel;
	logFormat: LogFormat;
	keepDays?: number;
}

const command = new Command('tidelog-server')
	.description('Experiment tracking server that speaks the W&B protocol')
	.option('--port <number>', 'port to listen on, 0 for a free one', toPort, 8420)
	.option('--host <address>', 'address to listen on; one that others reach needs a token first', '127.0.0.1')
	.addOption(dataOption())
	.option('--origin <origins...>', 'origins of pages that may log here, e.g. https://example.org', [])
	.option('--public-url <urls...>', 'addresses under which people reach this server, e.g. of a proxy', [])
	.option('--auth', 'ask everybody for a token; without it, from the first API key on')
	.option('--dashboard <folder>', 'built dashboard to serve')
	.addOption(new Option('--log-level <level>', 'least that is told on standard error').choices(LOG_LEVELS).default('info'))
	.addOption(new Option('--log-format <format>', 'text for people, json for programs').choices(LOG_FORMATS).default('text'))
	.option('--keep-days <number>', 'delete runs for good that ended more days ago than this; without it, none', toDays)
	.showSuggestionAfterError(false)
	// --data after `token list` is the one of `token list`.
	.enablePositionalOptions()
	.action(start)
	.addCommand(tokenCommand())
	.addCommand(backupCommand());

try {
	await command.parseAsync();
} catch (error) {
	if (!(error instanceof StartError)) throw error;
	console.error(error.message);
	process.exitCode = 1;
}

async function start({ port, host, data, origin, publicUrl, auth, dashboard, keepDays, logLevel, logFormat }: StartOptions): Promise<void> {
	const log = new Log({ level: logLevel, format: logFormat });
	// What nobody has caught may have left anything half done: it is told in the log's form, and a supervisor starts the server again.
	process.once('uncaughtException', (error) => {
		log.error('the server ends by a failure that nobody caught', {}, error);
		process.exit(1);
	});
	const server = await startServer({
		port,
		host,
		dataDir: data,
		origins: origin,
		publicUrls: publicUrl,
		needsToken: auth === true,
		log,
		...(dashboard === undefined ? {} : { dashboardDir: dashboard }),
		...(keepDays === undefined ? {} : { keepDays }),
	});
	console.log(`Tidelog server: ${server.url}`);
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.once(signal, () => void server.close().then(() => process.exit(0)));
	}
}

function toPort(text: string): number {
	const port = Number(text);
	if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
	return port;
}

function toDays(text: string): number {
	const days = Number(text);
	if (!Number.isInteger(days) || days < 1 || days > 36_500) throw new InvalidArgumentError('It must be a whole number of days from 1 to 36500.');
	return days;
}
