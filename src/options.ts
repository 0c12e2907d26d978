import { toLineValue } from './core/flatten.ts';
import type { LineValue } from './core/json-line.ts';
import { TidelogError } from './errors.ts';

/** What `init()` takes. */
export interface InitOptions {
	/** Named group of runs, 1 to 128 characters without `/ \ # ? % :` (W&B's rule, client 0.30). Created when it is new. */
	project: string;
	/** For people; three words at random when left out. */
	name?: string;
	/** Inputs of the run: hyper-parameters, data set, code version. Numbers, text, booleans, lists, nested objects. */
	config?: Record<string, unknown>;
	/**
	 * Address of a Tidelog server, e.g. `http://127.0.0.1:8420`. Left out: the run stays in this browser. What could not be sent (no
	 * network, closed tab) is sent at the next `init()` with the same server on this origin.
	 */
	server?: string;
	/** API key or ingest token for the server. Never stored on the device. */
	token?: string;
	/** Whose project it is on a server with accounts; the server's default when left out. */
	entity?: string;
	/** `persistent` (default): IndexedDB. `memory`: leaves nothing on the device; what is not sent when the page closes is lost. */
	store?: 'persistent' | 'memory';
	/**
	 * Address of the file `tidelog/worker.js`, served by yourself. Needed only where the page's Content-Security-Policy forbids `blob:` workers.
	 * The first `init()` of a page decides.
	 */
	workerUrl?: string;
	/** Called with each failure of the world (`code` says which) and each loss of data; at most once a message and run. */
	onError?: (error: TidelogError) => void;
}

/** @throws TidelogError `invalid-argument` that names the option, its value and what to do. */
export function checkOptions(options: InitOptions): void {
	const bad = (message: string): never => {
		throw new TidelogError('invalid-argument', `init(): ${message}`);
	};
	if (typeof options !== 'object' || options === null) bad(`options must be an object with at least \`project\`, but were ${String(options)}.`);
	for (const key of Object.keys(options)) if (!KNOWN.has(key)) bad(`there is no option \`${key}\`. Known are ${[...KNOWN].join(', ')}.`);
	const { project, name, config, server, token, entity, store, workerUrl, onError } = options;
	if (typeof project !== 'string' || project === '')
		bad(`\`project\` is ${project === '' ? 'empty' : `of type ${typeof project}`}. Give a name of 1 to 128 characters.`);
	if (project.length > 128) bad(`\`project\` has ${project.length} characters; 128 are the most.`);
	if (/[/\\#?%:]/.test(project)) bad(`\`project\` must not hold any of / \\ # ? % : but was "${project}".`);
	for (const [key, value] of Object.entries({ name, server, token, entity, workerUrl })) {
		if (value !== undefined && (typeof value !== 'string' || value === ''))
			bad(`\`${key}\` must be text that is not empty, but was ${JSON.stringify(value)}.`);
	}
	if (config !== undefined && (typeof config !== 'object' || config === null || Array.isArray(config))) bad('`config` must be an object.');
	if (store !== undefined && store !== 'persistent' && store !== 'memory')
		bad(`\`store\` must be "persistent" or "memory", but was ${JSON.stringify(store)}.`);
	if (onError !== undefined && typeof onError !== 'function') bad('`onError` must be a function.');
	if (server !== undefined && !/^https?:\/\/[^/]/.test(server))
		bad(`\`server\` must be an http or https address such as http://127.0.0.1:8420, but was "${server}".`);
}

const KNOWN: ReadonlySet<string> = new Set<keyof InitOptions>([
	'project',
	'name',
	'config',
	'server',
	'token',
	'entity',
	'store',
	'workerUrl',
	'onError',
]);

/** @throws TidelogError `invalid-argument` that names the key whose value cannot be kept. */
export function configValues(config: Record<string, unknown>): Record<string, LineValue> {
	const values: Record<string, LineValue> = {};
	for (const [key, value] of Object.entries(config)) {
		if (value === undefined) continue;
		try {
			values[key] = toLineValue(value, 0);
		} catch (error) {
			throw new TidelogError('invalid-argument', `init(): config.${key}: ${error instanceof Error ? error.message : String(error)}.`);
		}
	}
	return values;
}
