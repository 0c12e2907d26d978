import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type GpuRow, SMI_FIELDS, SmiTable } from './smi-table.ts';

/** A child that ran this long was in order: its successor is not held back. */
const SETTLED_MS = 60_000;
/** Rows of one moment come together; the last one is known by this silence, or by the next moment's first. */
const SAMPLE_GAP_MS = 50;
const KILL_AFTER_MS = 2_000;
/** A line is under 1 kB; more than this without an end is no table. */
const MAX_LINE = 65_536;

export interface SmiOptions {
	/** Milliseconds from one sample to the next. */
	intervalMs: number;
	/** Path of the program; looked for on PATH and where drivers for Linux, WSL and Windows put it when left out. */
	path?: string;
	/** A child that prints nothing for this long hangs and is killed; 10 s, or three intervals if that is more, when left out. */
	silenceMs?: number;
	/** First and longest wait before a dead child is started again; 1 s and 5 min when left out: each start may cost the driver more than a second. */
	backOffMs?: readonly [number, number];
	onRows(rows: GpuRow[], timestampMs: number): void;
	/** What a person should know, each thing once. */
	onNotice(message: string): void;
}

export type SmiState = 'absent' | 'starting' | 'running' | 'waiting' | 'stopped';

/**
 * One long-lived `nvidia-smi` in loop mode. Starting one for each sample would load the driver each time (up to 1.5 s of work where persistence is off).
 *
 * ```
 * start → starting ──row──▶ running ──exit, silence──▶ waiting ──back-off──▶ starting
 *             └─ no such program ─▶ absent       stop() ─▶ stopped, from anywhere
 * ```
 */
export class NvidiaSmi {
	readonly #options: SmiOptions;
	readonly #told = new Set<string>();
	#fields: string[] = [...SMI_FIELDS];
	#child: ChildProcess | undefined;
	#state: SmiState = 'stopped';
	#waitMs = 0;
	#timer: NodeJS.Timeout | undefined;
	#silence: NodeJS.Timeout | undefined;
	#gap: NodeJS.Timeout | undefined;
	#rows: GpuRow[] = [];

	constructor(options: SmiOptions) {
		this.#options = options;
	}

	get state(): SmiState {
		return this.#state;
	}

	/** Process id of the child, for those who measure what it costs. */
	get pid(): number | undefined {
		return this.#child?.pid;
	}

	start(): void {
		if (this.#state !== 'stopped') return;
		this.#state = 'starting';
		this.#spawn();
	}

	stop(): void {
		this.#state = 'stopped';
		for (const timer of [this.#timer, this.#silence, this.#gap]) clearTimeout(timer);
		this.#rows = [];
		const child = this.#child;
		this.#child = undefined;
		child?.kill();
		// One that hangs may not hear the first signal.
		if (child) setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref();
	}

	#spawn(): void {
		const path = this.#options.path ?? findSmi();
		if (path === undefined) {
			this.#state = 'absent';
			this.#tell('No nvidia-smi was found: NVIDIA GPUs are not seen. Install the driver, or put nvidia-smi on the PATH.');
			return;
		}
		this.#state = 'starting';
		const table = new SmiTable();
		const startedMs = Date.now();
		const args = [`--query-gpu=${this.#fields.join(',')}`, '--format=csv', `--loop-ms=${Math.round(this.#options.intervalMs)}`];
		const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, env: { ...process.env, LC_ALL: 'C' } });
		this.#child = child;
		let said = '';
		let invalidField: string | undefined;
		let isOver = false;
		const over = (why: string) => {
			if (isOver) return;
			isOver = true;
			// A child of before a stop: another one runs by now, or none is wanted.
			if (this.#child !== child) return;
			clearTimeout(this.#silence);
			this.#emit();
			if (invalidField !== undefined && this.#fields.includes(invalidField)) {
				this.#fields = this.#fields.filter((field) => field !== invalidField);
				this.#tell(`This driver's nvidia-smi does not know ${invalidField}; it is left out.`);
				this.#later(0);
				return;
			}
			if (Date.now() - startedMs >= SETTLED_MS) this.#waitMs = 0;
			const [first, most] = this.#options.backOffMs ?? [1000, 300_000];
			this.#waitMs = Math.min(most, this.#waitMs === 0 ? first : 2 * this.#waitMs);
			this.#tell(`nvidia-smi ${why}${said === '' ? '' : ` (${said})`}; GPUs are not seen until it answers again. It is tried again by itself.`);
			this.#later(this.#waitMs);
		};
		const heard = () => {
			clearTimeout(this.#silence);
			this.#silence = setTimeout(
				() => {
					child.kill('SIGKILL');
					over('hangs');
				},
				this.#options.silenceMs ?? Math.max(10_000, 3 * this.#options.intervalMs),
			).unref();
		};
		const read = (line: string) => {
			// What a child that was given up says late is not about now.
			if (isOver || this.#child !== child) return;
			const result = table.read(line);
			if (result.kind === 'row') {
				heard();
				this.#state = 'running';
				this.#add(result.row);
			} else if (result.kind === 'invalid-field') invalidField = result.field;
			else if (result.kind === 'text') {
				said = result.text;
				if (this.#state === 'running') this.#tell(`nvidia-smi says: ${result.text}`);
			}
		};
		for (const stream of [child.stdout, child.stderr]) {
			eachLine(stream, read);
			(stream as unknown as { unref?(): void }).unref?.();
		}
		child.on('error', (error) => over(`cannot be started (${error.message})`));
		child.on('close', (code, signal) => over(signal ? `was ended by ${signal}` : `ended with ${code}`));
		child.unref();
		heard();
	}

	#later(waitMs: number): void {
		this.#state = 'waiting';
		this.#timer = setTimeout(() => {
			// One that cannot even be killed (it waits in the driver) is not joined by a second.
			const isGone = !this.#child || this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
			if (isGone) this.#spawn();
			else this.#later(Math.max(waitMs, 100));
		}, waitMs).unref();
	}

	#add(row: GpuRow): void {
		if (this.#rows.some(({ index }) => index >= row.index)) this.#emit();
		this.#rows.push(row);
		clearTimeout(this.#gap);
		this.#gap = setTimeout(() => this.#emit(), SAMPLE_GAP_MS).unref();
		const gpu = `GPU ${row.index}${row.name === undefined ? '' : ` (${row.name})`}`;
		if (row.isDivided) this.#tell(`${gpu} is divided (MIG): its driver tells no utilisation, so none is recorded.`);
		if (row.isPersistent === false) this.#tell(`Persistence mode of ${gpu} is off; "nvidia-smi -pm 1" makes programs that use it start sooner.`);
	}

	#emit(): void {
		clearTimeout(this.#gap);
		const rows = this.#rows;
		this.#rows = [];
		if (rows.length > 0) this.#options.onRows(rows, Date.now());
	}

	#tell(message: string): void {
		if (this.#told.size > 100 || this.#told.has(message)) return;
		this.#told.add(message);
		this.#options.onNotice(message);
	}
}

function eachLine(stream: NodeJS.ReadableStream | null, read: (line: string) => void): void {
	let rest = '';
	stream?.setEncoding('utf8');
	stream?.on('data', (text: string) => {
		const lines = (rest + text).split('\n');
		rest = lines.pop() ?? '';
		if (rest.length > MAX_LINE) rest = '';
		for (const line of lines) read(line);
	});
	stream?.on('end', () => read(rest));
	// A pipe that breaks is the end of its child, which is heard of by itself.
	stream?.on('error', () => undefined);
}

/** Where drivers put it: on PATH; WSL; Windows since 2020 and before. */
function findSmi(): string | undefined {
	const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/lib/wsl/lib'];
	const { SystemRoot, ProgramFiles } = process.env;
	if (SystemRoot) folders.push(join(SystemRoot, 'System32'));
	if (ProgramFiles) folders.push(join(ProgramFiles, 'NVIDIA Corporation', 'NVSMI'));
	const names = process.platform === 'win32' ? ['nvidia-smi.exe'] : ['nvidia-smi', 'nvidia-smi.exe'];
	return folders
		.filter((folder) => folder !== '')
		.flatMap((folder) => names.map((name) => join(folder, name)))
		.find(isProgram);
}

function isProgram(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
