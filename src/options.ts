import { BRANCH, check, FUNCTION, invalid, isObject, NAME, NOT_NEGATIVE, OBJECT, oneOf, type Rule, TEXT, TEXTS } from './checks.ts';
import type { Resume } from './core/store.ts';
import type { TidelogError } from './errors.ts';

/** What `init()` takes. */
export interface InitOptions {
	/** Named group of runs, 1 to 128 characters without `/ \ # ? % :` (W&B's rule, client 0.30). Created when it is new. */
	project: string;
	/** For people; a random one (`quiet-reef-417`) when left out. */
	name?: string;
	/**
	 * Names the run for ever and everywhere: 1 to 128 characters without `/ \ # ? % :`. 12 random characters of `[0-9a-z]` when left out. Give one to
	 * {@link resume} a run.
	 */
	id?: string;
	/** Inputs of the run: hyper-parameters, data set, code version. Numbers, text, booleans, lists, nested objects. */
	config?: Record<string, unknown>;
	/** Runs that belong together, e.g. the folds of one cross-validation. */
	group?: string;
	/** What this run does in its group, e.g. `train` or `eval`. */
	jobType?: string;
	tags?: string[];
	/** Anything worth remembering, Markdown. */
	notes?: string;
	/**
	 * What to do when there is a run of this `id` already. `never` (default): refuse; `allow`: go on with it, or begin it; `must`: go on with it, or
	 * refuse; `auto` (without `id`): go on with the newest run of this project that this device has and that nobody has finished, or begin one.
	 *
	 * Asked of the local store if the run is there, else of the server at first contact, before anything is sent. `init()` never waits for it. A refusal loses nothing:
	 * the run stays on this device, `onError` is told (`run-exists`, `run-missing`), `run.sendAs(id)` sends it under another id.
	 */
	resume?: Resume;
	/** Begins a new run with the rows of another one up to and including `step`; its own begin at the step after. Needs a server that has that run. */
	forkFrom?: { run: string; step: number };
	/** Goes on with a run from after `step`; the server archives what came later. Takes the place of `id` and `resume`. Needs a server that has that run. */
	rewindTo?: { run: string; step: number };
	/**
	 * Address of a Tidelog or W&B server, e.g. `http://127.0.0.1:8420`. Left out: the run stays on this device. What could not be sent (no
	 * network, closed tab) is sent at the next `init()` with the same server on this origin, or in this folder.
	 */
	server?: string;
	/** API key or ingest token for the server. Never stored on the device. */
	token?: string;
	/** Whose project it is on a server with accounts; the server's default when left out. */
	entity?: string;
	/**
	 * `online` (default); `offline`: everything is stored and nothing sent before `run.resumeSync()`, or before the next `init()` with the same
	 * server that is online; `disabled`: every call is checked and does nothing.
	 */
	mode?: 'online' | 'offline' | 'disabled';
	/**
	 * What happens to a run that this context has begun before and not finished: `create_new` (default) leaves it as it is, so that several are open
	 * at once; `finish_previous` (default in notebooks of Deno's kernel and IJavascript) finishes it; `return_previous` gives it back instead of a new one.
	 * A page cannot tell that it is a notebook: name `finish_previous` in a cell that is run again.
	 */
	reinit?: 'create_new' | 'finish_previous' | 'return_previous';
	/** `persistent` (default): IndexedDB, or a folder in Node. `memory`: leaves nothing on the device; what is not sent when the page closes is lost. */
	store?: 'persistent' | 'memory';
	/** Most bytes of data that the server has already are kept on this device; the smaller of 200 MB and a tenth of the browser's quota by default. What the server lacks is always kept. */
	keepBytes?: number;
	/**
	 * Address of the file `tidelog/worker.js`, served by yourself. Needed only where the page's Content-Security-Policy forbids `blob:` workers.
	 * The first `init()` of a page decides. Browsers only.
	 */
	workerUrl?: string;
	/** Folder of the local directory, `tidelog` by default. Node, Deno and Bun only; the first `init()` decides. */
	dir?: string;
	/**
	 * Samples of this machine and process as events of the run: GPU, CPU, memory, disk, network (docs/automatic.md); `{}` switches them on. Every `intervalMs` milliseconds,
	 * 15,000 by default, 100 at least. `nvidiaSmi`: path of that program, looked for when left out. Node, Deno, Bun and Electron's main process only; a page has `run.connectAgent()`.
	 */
	system?: { intervalMs?: number; nvidiaSmi?: string };
	/** Called with each failure of the world (`code` says which) and each loss of data; at most once a message and run. `run.on('error')` is the same. */
	onError?: (error: TidelogError) => void;
}

const RULES: Record<keyof InitOptions, Rule> = {
	project: NAME,
	name: TEXT,
	id: NAME,
	config: OBJECT,
	group: TEXT,
	jobType: TEXT,
	tags: TEXTS,
	notes: TEXT,
	resume: oneOf('never', 'allow', 'must', 'auto'),
	forkFrom: BRANCH,
	rewindTo: BRANCH,
	server: [(value) => /^https?:\/\/[^/]/.test(String(value)), 'an address such as http://127.0.0.1:8420'],
	token: TEXT,
	entity: TEXT,
	mode: oneOf('online', 'offline', 'disabled'),
	reinit: oneOf('create_new', 'finish_previous', 'return_previous'),
	store: oneOf('persistent', 'memory'),
	keepBytes: NOT_NEGATIVE,
	workerUrl: TEXT,
	dir: TEXT,
	system: OBJECT,
	onError: FUNCTION,
};

/** @throws TidelogError `invalid-argument` that names the option, its value and what to do. */
export function checkOptions(options: InitOptions): void {
	check('init()', isObject(options) ? { ...options, project: options.project ?? null } : options, RULES);
	const { id, server, resume, forkFrom, rewindTo } = options;
	const isResumed = resume === 'must' || resume === 'allow' || resume === 'auto';
	if ((isResumed && resume !== 'auto' && !id) || ((forkFrom || rewindTo) && (!server || isResumed)) || (rewindTo && (id || forkFrom)))
		throw invalid('init(): `resume` needs `id` (unless it is "auto"); `forkFrom` and `rewindTo` need `server` and no `resume`; `rewindTo` no `id`.');
}
