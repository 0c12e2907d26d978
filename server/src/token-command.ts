import { existsSync, mkdirSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { TokenKind } from './access/secrets.ts';
import { Tokens } from './access/tokens.ts';
import { StartError } from './store/database.ts';
import { SqliteTokenStore } from './store/sqlite-token-store.ts';
import type { TokenRow } from './store/token-store.ts';

const DAY_MS = 24 * 3600_000;

interface CreateOptions {
	kind: TokenKind;
	name?: string;
	project?: string;
	origin?: string[];
	days?: number;
	perMinute?: number;
	data: string;
}

/** `tidelog-server token create|list|revoke`: they work on the data folder, whether a server runs on it or not, and hold for a running one at once. */
export function tokenCommand(): Command {
	const command = new Command('token').description('make, list and revoke the tokens by which clients say who they are');
	command
		.command('create')
		.description('make a token; its secret is shown this once')
		.addOption(
			new Option('--kind <kind>', 'api: everything; ingest: pages that write runs; read: looking only')
				.choices(['api', 'ingest', 'read'])
				.default('api'),
		)
		.option('--name <name>', 'what people call it')
		.option('--project <name>', 'ingest: the one project that it writes to')
		.option('--origin <origins...>', 'ingest: origins of the pages that may use it, e.g. https://example.org')
		.option('--days <number>', 'days until it ends; an ingest token ends after 90, the others never', toPositive)
		.option('--per-minute <number>', 'most requests a minute', toPositive)
		.addOption(dataOption())
		.action(({ kind, name, project, origin, days, perMinute, data }: CreateOptions) =>
			withTokens(data, (tokens) => {
				const { token, secret } = tokens.create({
					kind,
					...(name === undefined ? {} : { name }),
					...(project === undefined ? {} : { project }),
					...(origin === undefined ? {} : { origins: origin }),
					...(days === undefined ? {} : { lifetimeMs: days * DAY_MS }),
					...(perMinute === undefined ? {} : { perMinute }),
				});
				console.error(`Token ${token.id} (${kind}). It is shown this once; only its hash is kept.`);
				console.log(secret);
			}),
		);
	command
		.command('list')
		.description('list the tokens, without their secrets')
		.addOption(dataOption())
		.action(({ data }: { data: string }) =>
			withTokens(data, (tokens) => {
				for (const token of tokens.all()) console.log(lineOf(token, Date.now()));
			}),
		);
	command
		.command('revoke')
		.description('end a token at once')
		.argument('<id>', 'id that `token list` shows')
		.addOption(dataOption())
		.action((id: string, { data }: { data: string }) =>
			withTokens(data, (tokens) => {
				if (!tokens.revoke(id))
					throw new StartError(`There is no token "${id}" that could be revoked in ${data}. \`token list\` shows which there are.`);
				console.error(`Token ${id} is revoked.`);
			}),
		);
	return command;
}

export function dataOption(): Option {
	return new Option('--data <folder>', 'where everything is kept').default('tidelog/server');
}

function withTokens(dataDir: string, use: (tokens: Tokens) => void): void {
	let store: SqliteTokenStore;
	try {
		if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
		store = new SqliteTokenStore(dataDir);
	} catch (error) {
		throw new StartError(
			`The tokens in ${dataDir} cannot be opened (${error instanceof Error ? error.message : String(error)}). Give the folder with --data.`,
		);
	}
	try {
		use(new Tokens(store, Date.now));
	} catch (error) {
		// create() throws plain errors whose message is for whoever asked.
		throw new StartError(error instanceof Error ? error.message : String(error));
	} finally {
		store.close();
	}
}

function lineOf({ id, kind, name, project, origins, createdMs, expiresMs, revokedMs, perMinute }: TokenRow, nowMs: number): string {
	const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
	const end = expiresMs === undefined ? 'never ends' : `${expiresMs > nowMs ? 'ends' : 'ended'} ${day(expiresMs)}`;
	const life = revokedMs === undefined ? end : `revoked ${day(revokedMs)}`;
	const scope = project === undefined ? [] : [`project ${project}`, `pages of ${origins.join(' ')}`];
	return [id, kind.padEnd(6), `made ${day(createdMs)}`, life, `${perMinute}/min`, ...scope, name].join('  ').trimEnd();
}

function toPositive(text: string): number {
	const number = Number(text);
	if (!(number > 0 && number <= 1_000_000)) throw new InvalidArgumentError('It must be a number above 0, up to 1,000,000.');
	return number;
}
