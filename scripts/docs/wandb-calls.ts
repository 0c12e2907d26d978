import type { TidelogErrorCode } from '../../src/errors.ts';

/**
 * Every public call of W&B's Python client (0.31: `wandb/__init__.pyi`, `wandb/sdk/wandb_run.py`), every argument of `wandb.init`, every member of its `Run`, and what
 * becomes of it here. docs/wandb.md is made from this list; test/docs/wandb-table.test.ts holds it against the code.
 */
export type How =
	/** The same name in JavaScript's spelling, and the same outcome. */
	| 'same'
	| 'differs'
	/** Throws, or tells `onError`, the code given. */
	| 'refused'
	/** Comes with another part of Tidelog: until then the call is not there, and throws what JavaScript throws. */
	| 'not there yet'
	/** Nothing to call: there is no such thing in JavaScript, or in this design. Not there. */
	| 'no such thing';

/** A name of Tidelog that the row speaks of: `init.project` an option, `run.log` a member of a run, `log.step` an option of a call, `Image` an export. */
export type Name = string;

export interface WandbCall {
	section: (typeof SECTIONS)[number];
	/** As W&B writes it. */
	theirs: string;
	/** As it is written here. */
	ours?: string;
	how: How;
	note: string;
	/** Must exist. */
	has?: readonly Name[];
	/** Must not exist, or this row is out of date. */
	lacks?: readonly Name[];
	/** For refusals: a program, run by the test with `init`, `run`, `server` and `client` in scope, … */
	snippet?: string;
	/** … that must throw this, or tell it to `onError`. */
	code?: TidelogErrorCode;
}

export const SECTIONS = [
	'Functions of the module',
	'Arguments of wandb.init',
	'Methods of a run',
	'Properties of a run',
	'Options of the calls',
	'Only in Tidelog',
] as const;

const MEDIA = 'Comes with the media part.';
const ARTIFACTS = 'Comes with artifacts.';
const SWEEPS = 'Comes with sweeps.';

type Row = Omit<WandbCall, 'section'>;

/** An argument of theirs that is no option here: `init()` names it and throws. */
const unknownOption = (theirs: string, option: string, note: string): Row => ({
	theirs,
	how: 'refused',
	note,
	lacks: [`init.${option}`],
	snippet: `init({ project: 'p', ${option}: true })`,
	code: 'invalid-argument',
});

const module: Row[] = [
	{
		theirs: '`wandb.init()`',
		ours: '`init()`',
		how: 'differs',
		note: 'Returns at once: no `await`, no network on the calling thread. `project` has to be given.',
		has: ['init'],
	},
	{ theirs: '`wandb.init()` without project', how: 'refused', note: 'There is no “uncategorized”.', snippet: 'init({})', code: 'invalid-argument' },
	{
		theirs: '`wandb.log()`',
		ours: '`run.log()`',
		how: 'differs',
		note: 'There is no global run: call it on the run. See *Methods of a run*.',
		has: ['run.log'],
		lacks: ['log'],
	},
	{ theirs: '`wandb.finish()`', ours: '`run.finish()`', how: 'differs', note: 'On the run, see below.', has: ['run.finish'], lacks: ['finish'] },
	{
		theirs: '`wandb.config, wandb.summary`',
		ours: '`run.config, run.summary`',
		how: 'differs',
		note: 'On the run, see below.',
		has: ['run.config', 'run.summary'],
		lacks: ['config', 'summary'],
	},
	{
		theirs: '`wandb.run`',
		how: 'no such thing',
		note: 'Keep what `init()` returns; `reinit: "return_previous"` gives the open run back.',
		has: ['init.reinit'],
		lacks: ['run'],
	},
	{
		theirs: '`wandb.define_metric()`',
		ours: '`run.defineMetric()`',
		how: 'differs',
		note: 'On the run, see below.',
		has: ['run.defineMetric'],
		lacks: ['defineMetric'],
	},
	{
		theirs: '`wandb.login()`',
		ours: '`init({ token })`',
		how: 'no such thing',
		note: 'The key is given to `init()` and never stored. Nothing is read from the environment or from netrc.',
		has: ['init.token'],
		lacks: ['login'],
	},
	{
		theirs: '`wandb.setup(), wandb.teardown()`',
		how: 'no such thing',
		note: 'There is no service process to begin or end.',
		lacks: ['setup', 'teardown'],
	},
	{
		theirs: '`wandb.Settings, wandb.require(), wandb.ensure_configured(), wandb.termlog() …`',
		how: 'no such thing',
		note: 'Everything is an option of `init()`.',
		lacks: ['Settings', 'require', 'termlog'],
	},
	{
		theirs: '`wandb.Api()`',
		how: 'not there yet',
		note: 'Reads are plain HTTP on our server: `/api/projects/P/runs/R/records.jsonl`, `history.jsonl`. W&B’s own `Api` can be pointed at it as far as the protocol goes.',
		lacks: ['Api'],
	},
	{
		theirs: '`wandb.Image`',
		ours: '`new Image()`',
		how: 'differs',
		note: 'From `tidelog/media`. Takes canvases, bitmaps, elements, frames, pixels, tensors, Blobs and URLs, with caption, masks, boxes and lists ([media](media.md)). `mode`, `grouping` and `file_type` of other formats than PNG, JPEG and WebP are not there. Node has no canvas: pixels and tensors become PNG.',
		has: ['Image'],
	},
	{
		theirs: '`wandb.Video, Audio, Html, Object3D, Molecule, box3d, Histogram, Graph, Plotly, Table, EvalTable`',
		how: 'not there yet',
		note: MEDIA,
		lacks: ['Video', 'Audio', 'Html', 'Object3D', 'Molecule', 'box3d', 'Histogram', 'Graph', 'Plotly', 'Table', 'EvalTable'],
	},
	{ theirs: '`wandb.plot.*, wandb.plot_table()`', how: 'not there yet', note: 'Comes with tables.', lacks: ['plot', 'plotTable'] },
	{
		theirs: '`wandb.Artifact, log_artifact(), use_artifact(), log_model(), use_model(), link_model(), ArtifactTTL`',
		how: 'not there yet',
		note: ARTIFACTS,
		lacks: ['Artifact', 'logArtifact', 'useArtifact', 'logModel', 'useModel', 'linkModel'],
	},
	{ theirs: '`wandb.save(), wandb.restore()`', how: 'not there yet', note: 'Comes with files of runs.', lacks: ['save', 'restore'] },
	{ theirs: '`wandb.sweep(), agent(), controller()`', how: 'not there yet', note: SWEEPS, lacks: ['sweep', 'agent', 'controller'] },
	{
		theirs: '`wandb.watch(), unwatch()`',
		how: 'no such thing',
		note: 'PyTorch only. `run.tfjs()` logs what TensorFlow.js tells of a training.',
		has: ['run.tfjs'],
		lacks: ['watch', 'unwatch'],
	},
	{
		theirs: '`wandb.Error`',
		ours: '`TidelogError`',
		how: 'differs',
		note: 'One class; `code` says which error. See durability.md.',
		has: ['TidelogError'],
	},
];

const init: Row[] = [
	{ theirs: '`project`', ours: '`project`', how: 'same', note: '1 to 128 characters without `/ \\ # ? % :`.', has: ['init.project'] },
	{ theirs: '`entity`', ours: '`entity`', how: 'same', note: '', has: ['init.entity'] },
	{
		theirs: '`dir`',
		ours: '`dir`',
		how: 'differs',
		note: 'Node, Deno and Bun: the local directory, `./tidelog` by default (not `./wandb`). Of no effect in a page.',
		has: ['init.dir'],
	},
	{ theirs: '`id`', ours: '`id`', how: 'same', note: 'A random one has 12 characters, not 8.', has: ['init.id'] },
	{ theirs: '`id` with / \\ # ? % :', how: 'refused', note: 'As by W&B.', snippet: "init({ project: 'p', id: 'a/b' })", code: 'invalid-argument' },
	{
		theirs: '`name, notes, tags, group`',
		ours: '`name, notes, tags, group`',
		how: 'same',
		note: 'A run without name gets one such as `quiet-reef-417`.',
		has: ['init.name', 'init.notes', 'init.tags', 'init.group'],
	},
	{ theirs: '`job_type`', ours: '`jobType`', how: 'same', note: '', has: ['init.jobType'] },
	{ theirs: '`config`', ours: '`config`', how: 'differs', note: 'An object. No files, no `config-defaults.yaml`.', has: ['init.config'] },
	{
		theirs: '`config` as the path of a file',
		how: 'refused',
		note: '',
		snippet: "init({ project: 'p', config: 'config.yaml' })",
		code: 'invalid-argument',
	},
	{
		theirs: '`config` with a function, a class, a cycle',
		how: 'refused',
		note: 'W&B turns it into text.',
		snippet: "init({ project: 'p', config: { loss: () => 1 } })",
		code: 'invalid-argument',
	},
	unknownOption('`config_exclude_keys, config_include_keys`', 'configExcludeKeys', 'Leave the keys out of the object.'),
	unknownOption('`allow_val_change`', 'allowValChange', 'Config may always be changed.'),
	{
		theirs: '`mode="online", "offline", "disabled"`',
		ours: '`mode`',
		how: 'differs',
		note: 'An offline run is sent by `run.resumeSync()`, or by the next `init()` with the same server that is online; there is no `wandb sync`.',
		has: ['init.mode', 'run.resumeSync'],
	},
	{
		theirs: '`mode="shared"`',
		how: 'refused',
		note: 'Not needed: any number of writers may open a run of our server, each with `resume: "allow"`.',
		snippet: "init({ project: 'p', mode: 'shared' })",
		code: 'invalid-argument',
	},
	{
		theirs: '`mode="dryrun", "run"`',
		how: 'refused',
		note: 'W&B’s old names.',
		snippet: "init({ project: 'p', mode: 'dryrun' })",
		code: 'invalid-argument',
	},
	{
		theirs: '`reinit="create_new", "finish_previous", "return_previous"`',
		ours: '`reinit`',
		how: 'differs',
		note: '`create_new` is the default; `finish_previous` in cells of Deno’s Jupyter kernel and IJavascript. A page cannot tell that it is a notebook.',
		has: ['init.reinit'],
	},
	{
		theirs: '`reinit=True, False`',
		how: 'refused',
		note: 'Say which of the three.',
		snippet: "init({ project: 'p', reinit: true })",
		code: 'invalid-argument',
	},
	{
		theirs: '`resume="never", "allow", "must", "auto"`',
		ours: '`resume`',
		how: 'differs',
		note: '`init()` does not wait for the answer. `never` is the default, and really refuses: W&B’s default overwrites. `auto` finds the newest unfinished run of this device.',
		has: ['init.resume', 'run.opened'],
	},
	{
		theirs: '`resume=True, False`',
		how: 'refused',
		note: 'Say which of the four.',
		snippet: "init({ project: 'p', id: 'x', resume: true })",
		code: 'invalid-argument',
	},
	{ theirs: '`resume="must"` without `id`', how: 'refused', note: '', snippet: "init({ project: 'p', resume: 'must' })", code: 'invalid-argument' },
	{
		theirs: '`resume="never"`, and the server has the run',
		how: 'refused',
		note: 'Nothing is sent; the run stays on the device; `run.sendAs(id)` sends it.',
		has: ['run.sendAs'],
		snippet:
			"await init({ project: 'p', id: 'there', server }).finish(); await client().init({ project: 'p', id: 'there', server, onError }).finish({ timeoutMs: 2_000 })",
		code: 'run-exists',
	},
	{
		theirs: '`resume="must"`, and nobody has the run',
		how: 'refused',
		note: 'The same.',
		snippet: "await init({ project: 'p', id: 'nowhere', resume: 'must', server, onError }).finish({ timeoutMs: 2_000 })",
		code: 'run-missing',
	},
	{
		theirs: '`fork_from="run?_step=7"`',
		ours: '`forkFrom: { run, step: 7 }`',
		how: 'differs',
		note: 'An object instead of text.',
		has: ['init.forkFrom'],
	},
	{
		theirs: '`resume_from="run?_step=7"`',
		ours: '`rewindTo: { run, step: 7 }`',
		how: 'differs',
		note: 'An object, and the name of what it does.',
		has: ['init.rewindTo'],
	},
	{
		theirs: '`fork_from` together with `resume`',
		how: 'refused',
		note: 'As by W&B.',
		snippet: "init({ project: 'p', id: 'x', server, resume: 'allow', forkFrom: { run: 'y', step: 1 } })",
		code: 'invalid-argument',
	},
	{
		theirs: 'the text `"run?_step=7"`',
		how: 'refused',
		note: '',
		snippet: "init({ project: 'p', server, forkFrom: 'y?_step=7' })",
		code: 'invalid-argument',
	},
	unknownOption('`force`', 'force', 'A run without network is begun all the same.'),
	unknownOption('`save_code`', 'saveCode', 'Code is not looked at.'),
	unknownOption('`tensorboard, sync_tensorboard`', 'syncTensorboard', 'There is no TensorBoard writer to watch.'),
	unknownOption('`monitor_gym`', 'monitorGym', 'Python only.'),
	unknownOption('`settings`', 'settings', 'Each setting that exists here is an option.'),
	unknownOption('`anonymous`', 'anonymous', 'Gone in W&B as well.'),
	{
		theirs: '`job_type`, `allow_val_change` … in Python’s spelling',
		how: 'refused',
		note: 'The message lists the names that are known.',
		lacks: ['init.job_type'],
		snippet: "init({ project: 'p', job_type: 'train' })",
		code: 'invalid-argument',
	},
	{
		theirs: '`WANDB_PROJECT`, `WANDB_MODE` and other variables',
		how: 'no such thing',
		note: 'Nothing is read from the environment: pass `{ mode: process.env.WANDB_MODE }` yourself.',
	},
	{
		theirs: '`WANDB_BASE_URL, WANDB_API_KEY`',
		ours: '`server, token`',
		how: 'differs',
		note: 'Without `server` the run stays on this device.',
		has: ['init.server', 'init.token'],
	},
];

const methods: Row[] = [
	{
		theirs: '`run.log(data)`',
		ours: '`run.log(data)`',
		how: 'differs',
		note: 'Synchronous, no promise. What becomes of each kind of value: values.md.',
		has: ['run.log'],
	},
	{
		theirs: '`run.log(data, step=n)`',
		ours: '`run.log(data, { step: n })`',
		how: 'differs',
		note: 'Any order: a late value joins its row. W&B drops it with a warning. A call with `step` is a whole call: `commit` stays true, and the next step is after the greatest.',
		has: ['log.step'],
	},
	{
		theirs: '`run.log(data, commit=False)`',
		ours: '`run.log(data, { commit: false })`',
		how: 'same',
		note: 'The next call without a step joins the same row.',
		has: ['log.commit'],
	},
	{ theirs: '`run.log(data, 7)`: the step by place', how: 'refused', note: '', snippet: 'run.log({ a: 1 }, 7)', code: 'invalid-argument' },
	{
		theirs: '`run.log(data, step=2.5)`, negative steps',
		how: 'refused',
		note: 'The call is not logged.',
		snippet: 'run.log({ a: 1 }, { step: 2.5 })',
		code: 'invalid-argument',
	},
	{
		theirs: '`run.log(data, sync=…)`',
		how: 'refused',
		note: 'Gone in W&B as well.',
		lacks: ['log.sync'],
		snippet: 'run.log({ a: 1 }, { sync: true })',
		code: 'invalid-argument',
	},
	{ theirs: '`run.log` of something that is no object', how: 'refused', note: '', snippet: 'run.log(5)', code: 'invalid-argument' },
	{ theirs: '`run.log` after `run.finish()`', how: 'refused', note: '', snippet: 'run.finish(); run.log({ a: 1 })', code: 'invalid-argument' },
	{
		theirs: '`run.log` of a value that cannot be kept',
		how: 'refused',
		note: 'Told, not thrown; the rest of the call is logged.',
		snippet: 'run.log({ f: () => 1, a: 1 })',
		code: 'data-dropped',
	},
	{
		theirs: '`run.finish(exit_code)`',
		ours: '`run.finish({ exitCode, timeoutMs })`',
		how: 'differs',
		note: 'A promise that settles within 30 s whatever the network does, and says what did not arrive. `await using run = init(…)` does it by itself.',
		has: ['run.finish', 'finish.exitCode', 'finish.timeoutMs'],
	},
	{ theirs: '`run.finish(1)`: the code by place', how: 'refused', note: 'It rejects.', snippet: 'await run.finish(1)', code: 'invalid-argument' },
	{
		theirs: '`run.finish(quiet=…)`',
		how: 'refused',
		note: 'Nothing is printed.',
		lacks: ['finish.quiet'],
		snippet: 'await run.finish({ quiet: true })',
		code: 'invalid-argument',
	},
	{ theirs: '`with wandb.init() as run`', ours: '`await using run = init()`', how: 'same', note: '' },
	{
		theirs: '`run.define_metric()`',
		ours: '`run.defineMetric()`',
		how: 'differs',
		note: 'See steps-and-summary.md and *Options of the calls*. Returns nothing.',
		has: ['run.defineMetric'],
	},
	{
		theirs: '`run.alert()`',
		ours: '`run.alert()`',
		how: 'differs',
		note: 'Shown by our server; W&B’s sends it on. `waitMs` in milliseconds.',
		has: ['run.alert'],
	},
	{ theirs: '`run.status()`', ours: '`run.status`', how: 'differs', note: 'A property: where every record is.', has: ['run.status'] },
	{ theirs: '`run.save(), restore()`', how: 'not there yet', note: 'Comes with files of runs.', lacks: ['run.save', 'run.restore'] },
	{ theirs: '`run.log_code()`', how: 'not there yet', note: ARTIFACTS, lacks: ['run.logCode'] },
	{ theirs: '`run.write_logs()`', how: 'not there yet', note: 'Comes with console logs.', lacks: ['run.writeLogs'] },
	{
		theirs: '`run.log_artifact(), use_artifact(), upsert_artifact(), finish_artifact(), link_artifact()`',
		how: 'not there yet',
		note: ARTIFACTS,
		lacks: ['run.logArtifact', 'run.useArtifact', 'run.upsertArtifact', 'run.finishArtifact', 'run.linkArtifact'],
	},
	{
		theirs: '`run.log_model(), use_model(), link_model()`',
		how: 'not there yet',
		note: ARTIFACTS,
		lacks: ['run.logModel', 'run.useModel', 'run.linkModel'],
	},
	{ theirs: '`run.pin_config_keys()`', how: 'not there yet', note: 'Comes with saved views.', lacks: ['run.pinConfigKeys'] },
	{
		theirs: '`run.mark_preempting()`',
		how: 'no such thing',
		note: 'A run that is gone is resumed with its `id`; what it had stored is sent by whoever opens it next.',
		lacks: ['run.markPreempting'],
	},
	{ theirs: '`run.watch(), unwatch()`', how: 'no such thing', note: 'PyTorch only.', lacks: ['run.watch', 'run.unwatch'] },
	{ theirs: '`run.display(), to_html()`', how: 'no such thing', note: 'Open `run.url`.', has: ['run.url'], lacks: ['run.display', 'run.toHtml'] },
	{
		theirs: '`run.config.update(d), run.config[k] = v`',
		ours: '`run.config.update(d), run.config.k = v`',
		how: 'same',
		note: 'Nested as well: `run.config.model.layers = 4`; `delete run.config.k`. `allow_val_change` is not needed.',
	},
	{
		theirs: '`run.config` set to what cannot be kept',
		how: 'refused',
		note: 'Nothing is changed.',
		snippet: 'run.config.f = () => 1',
		code: 'invalid-argument',
	},
	{
		theirs: '`run.config.setdefaults(), as_dict(), get(), items() …`',
		how: 'no such thing',
		note: 'It is an object: `run.config.lr ??= 0.1`, `Object.entries(run.config)`, `{ ...run.config }`.',
	},
	{
		theirs: '`run.summary[k] = v, update(), del`',
		ours: '`run.summary.k = v, update(), delete`',
		how: 'differs',
		note: 'Holds what was set by hand; it wins over what the rows say until deleted.',
	},
];

const properties: Row[] = [
	{
		theirs: '`run.id, run.project, run.name, run.notes, run.tags`',
		ours: 'the same',
		how: 'same',
		note: 'Name, notes and tags can be set at any time.',
		has: ['run.id', 'run.project', 'run.name', 'run.notes', 'run.tags'],
	},
	{ theirs: '`run.tags += ("x",)`', ours: "`run.tags = [...run.tags, 'x']`", how: 'same', note: '' },
	{ theirs: '`run.tags` of something else than text', how: 'refused', note: '', snippet: 'run.tags = [1]', code: 'invalid-argument' },
	{
		theirs: '`run.config, run.summary`',
		ours: 'the same',
		how: 'differs',
		note: 'See *Methods of a run*. After `await run.opened` a resumed run shows what it held before.',
		has: ['run.config', 'run.summary', 'run.opened'],
	},
	{
		theirs: '`run.url, get_url()`',
		ours: '`run.url`',
		how: 'differs',
		note: 'Undefined until the server has taken the run.',
		has: ['run.url'],
		lacks: ['run.getUrl'],
	},
	{
		theirs: '`run.group, run.job_type, run.entity`',
		how: 'no such thing',
		note: 'You gave them to `init()`; they are shown by the server.',
		lacks: ['run.group', 'run.jobType', 'run.entity'],
	},
	{
		theirs: '`run.step, run.starting_step`',
		how: 'no such thing',
		note: 'The next step of a resumed run may be known to the server only. Keep your own counter and name steps.',
		lacks: ['run.step', 'run.startingStep'],
	},
	{ theirs: '`run.resumed`', how: 'no such thing', note: 'After `await run.opened` look at `run.config`.', lacks: ['run.resumed'] },
	{
		theirs: '`run.offline, run.disabled`',
		ours: '`run.status.connection`',
		how: 'differs',
		note: '`paused` where nothing is sent, `local` without a server.',
		has: ['run.status'],
		lacks: ['run.offline', 'run.disabled'],
	},
	{
		theirs: '`run.path, project_url, dir, sync_dir, start_time, settings, config_static`',
		how: 'no such thing',
		note: '',
		lacks: ['run.path', 'run.projectUrl', 'run.dir', 'run.syncDir', 'run.startTime', 'run.settings', 'run.configStatic'],
	},
	{ theirs: '`run.sweep_id, sweep_url`', how: 'not there yet', note: SWEEPS, lacks: ['run.sweepId', 'run.sweepUrl'] },
	{
		theirs: 'a new property set on the run',
		how: 'no such thing',
		note: 'A run is an ordinary object of JavaScript: a misspelt `run.nmae = "x"` makes a property that nobody reads. TypeScript tells it.',
	},
];

const options: Row[] = [
	{ theirs: '`define_metric(name), "val/*"`', ours: "`defineMetric('val/*')`", how: 'same', note: 'A `*` at the end only.', has: ['metric.name'] },
	{ theirs: '`define_metric("a*b")`', how: 'refused', note: 'As by W&B.', snippet: "run.defineMetric('a*b')", code: 'invalid-argument' },
	{
		theirs: '`step_metric=, step_sync=`',
		ours: '`{ step, stepSync }`',
		how: 'same',
		note: 'A key, not a metric object.',
		has: ['metric.step', 'metric.stepSync'],
	},
	{
		theirs: '`hidden=, goal=, overwrite=`',
		ours: '`{ hidden, goal, overwrite }`',
		how: 'same',
		note: '',
		has: ['metric.hidden', 'metric.goal', 'metric.overwrite'],
	},
	{
		theirs: '`summary="min", "max", "mean", "last", "first", "none"`',
		ours: "`{ summary: 'min' }, ['min', 'max']`",
		how: 'differs',
		note: 'A list instead of `"min,max"`. `last` is the value at the greatest step. `min`, `max`, `mean` are over finite values, with a count of the others; to W&B’s servers they are NaN once there was one, as its client has it.',
		has: ['metric.summary'],
	},
	{
		theirs: '`summary="best", "copy", "min,max"`',
		how: 'refused',
		note: '`best` and `copy` are deprecated in W&B.',
		snippet: "run.defineMetric('loss', { summary: 'best' })",
		code: 'invalid-argument',
	},
	{
		theirs: '`step_metric` in Python’s spelling',
		how: 'refused',
		note: '',
		lacks: ['metric.step_metric'],
		snippet: "run.defineMetric('loss', { step_metric: 'epoch' })",
		code: 'invalid-argument',
	},
	{ theirs: '`alert(title, text)`', ours: '`alert({ title, text })`', how: 'differs', note: 'One object.', has: ['alert.title', 'alert.text'] },
	{ theirs: '`alert(level=AlertLevel.WARN)`', ours: "`{ level: 'warn' }`", how: 'differs', note: '', has: ['alert.level'] },
	{
		theirs: '`alert(wait_duration=60)`',
		ours: '`{ waitMs: 60_000 }`',
		how: 'differs',
		note: 'One minute by default, as in W&B.',
		has: ['alert.waitMs'],
	},
	{ theirs: '`alert` without a title', how: 'refused', note: '', snippet: "run.alert({ text: 'x' })", code: 'invalid-argument' },
];

const own: Row[] = [
	{ theirs: '', ours: '`run.flush()`', how: 'differs', note: 'Durable on this device.', has: ['run.flush'] },
	{ theirs: '', ours: '`run.synced()`', how: 'differs', note: 'Acknowledged by the server.', has: ['run.synced'] },
	{ theirs: '', ours: '`run.pauseSync(), resumeSync()`', how: 'differs', note: '', has: ['run.pauseSync', 'run.resumeSync'] },
	{ theirs: '', ours: '`run.sendAs(id)`', how: 'differs', note: 'Sends a run that was refused under another id.', has: ['run.sendAs'] },
	{
		theirs: '',
		ours: '`run.on(event, listener), onError`',
		how: 'differs',
		note: '`status`, `dropped`, `error`, `synced`.',
		has: ['run.on', 'init.onError'],
	},
	{ theirs: '', ours: '`run.opened, run.isFinished`', how: 'differs', note: '', has: ['run.opened', 'run.isFinished'] },
	{
		theirs: '',
		ours: '`run.connectAgent(options)`',
		how: 'differs',
		note: 'Samples of the machine, in a page; see [the agent](agent.md).',
		has: ['run.connectAgent'],
	},
	{
		theirs: '',
		ours: '`run.logSystem(values, timestampMs)`',
		how: 'differs',
		note: 'Values of the machine by hand, under `system.`.',
		has: ['run.logSystem'],
	},
	{
		theirs: '',
		ours: '`init({ system })`',
		how: 'differs',
		note: 'Samples of the machine, in Node, Deno and Bun; see [what is collected](automatic.md).',
		has: ['init.system'],
	},
	{ theirs: '', ours: '`run.tfjs(options)`', how: 'differs', note: 'Callbacks for `model.fit`.', has: ['run.tfjs'] },
	{
		theirs: '',
		ours: '`store, keepBytes, workerUrl`',
		how: 'differs',
		note: 'Options of `init()`: where records are kept, how many of those that the server has, and where the worker’s file is.',
		has: ['init.store', 'init.keepBytes', 'init.workerUrl'],
	},
];

export const CALLS: readonly WandbCall[] = [module, init, methods, properties, options, own].flatMap((rows, i) =>
	rows.map((row) => ({ section: SECTIONS[i] as WandbCall['section'], ...row })),
);
