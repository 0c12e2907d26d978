import { type AssemblerState, assemble, initialState, type PlacedRecord, summaryLine } from '../core/assembler.ts';
import { recordLine, recordObject, stepOf } from '../core/batch.ts';
import { type LineObject, writeLine } from '../core/json-line.ts';
import { TIMESTAMP } from '../core/keys.ts';
import { EMPTY_HASH, hashLines } from '../core/line-hash.ts';
import type { MetaRecord } from '../core/meta.ts';
import { CONSOLE_FILE, EVENTS_FILE, type FileStreamRequest, HISTORY_FILE, MAX_REQUEST_BYTES, SUMMARY_FILE } from '../core/protocol.ts';
import type { FoundRun, Outcome, Remote, RemoteFeatures } from '../core/remote.ts';
import { type Counts, isAtLeast, type RunState, type Store, type WriterState } from '../core/store.ts';
import { VERSION } from '../core/version.ts';
import { wandbConfig } from '../core/wandb-config.ts';
import type { TidelogErrorCode } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { recordsOf } from './stored-records.ts';

/** W&B's servers take one request in 15 s of a run (wandb 0.30, core/internal/filestream); the last one may come sooner. */
const GAP_MS = 15_000;
/** … and the same one again not before this. */
const RETRY_MS = 2_000;
/** An open row that nothing was added to for so long goes out; a value that comes for it later is a late one. */
const ROW_AGE_MS = 10_000;
/** Room in a request for what is not lines. */
const REQUEST_ROOM = 2 ** 20;
const ROW_STREAMS = ['history', 'events', 'console'] as const;

/** Where sending rows of a run stands: kept in RunState.assembler, so that whoever goes on makes the same lines at the same places. */
interface RowCursor {
	state: AssemblerState;
	/** Where the first line went: nothing before it is ours. */
	first: AssemblerState;
	/** Config that the server had already, unwrapped: each config replaces the last there, so what is not sent again is gone. */
	base?: LineObject | undefined;
	/** Records of each writer that are in `state`. */
	taken: { [writer: string]: Counts };
	/** Of the history records, those from here on are in the open row. */
	held: { [writer: string]: number };
	/** The request under way: it is made again just so until it was taken. */
	plan?: { upTo: { [writer: string]: Counts }; isRowDone: boolean } | undefined;
	/** Hashes of the config, info and summary that were sent last. */
	config: string;
	summary: string;
	/** Meta records of each writer whose alerts were sent. */
	alerted: { [writer: string]: number };
}

/** The cursor of a run that begins, or goes on after what the server has of it. */
export function beginRows(found: FoundRun | undefined, nextStep: number, historyLines: number): LineObject {
	const first = initialState({
		nextStep,
		lines: found?.lines ?? { history: historyLines, events: 0, console: 0 },
		runtimeS: found?.runtimeS ?? 0,
		summary: found?.summary ?? {},
	});
	return {
		state: first,
		first,
		base: found?.config,
		taken: {},
		held: {},
		config: '',
		summary: '',
		alerted: {},
	} satisfies RowCursor as unknown as LineObject;
}

/** Sends the rows that records make to a W&B server that is not ours; see assembler.ts for why it is another way than records. */
export class RowDelivery {
	readonly #store: Store;
	readonly #remote: Remote;
	readonly #clock: Clock;
	readonly #onNotice: (code: TidelogErrorCode, message: string) => void;
	/** Whether the server was asked, in this session, if the run is as we left it. */
	#isChecked = false;
	#isFull = false;
	#hasFailed = false;
	/** When the last request was over. */
	sentMs = Number.NEGATIVE_INFINITY;

	constructor({
		store,
		remote,
		clock,
		onNotice,
	}: { store: Store; remote: Remote; clock: Clock; onNotice(code: TidelogErrorCode, message: string): void }) {
		this.#store = store;
		this.#remote = remote;
		this.#clock = clock;
		this.#onNotice = onNotice;
	}

	gapMs(isEnd: boolean): number {
		return !isEnd && !this.#isFull ? GAP_MS : this.#hasFailed ? RETRY_MS : 0;
	}

	/** The run was made, or found, just now. */
	begun(): void {
		this.#isChecked = true;
	}

	/** Sends the next rows that are due; undefined when there are none yet. */
	async send(
		run: RunState,
		writers: readonly WriterState[],
		features: RemoteFeatures,
		isEnd: boolean,
		isHeartbeat: boolean,
		signal: AbortSignal,
	): Promise<Outcome<unknown> | undefined> {
		const cursor = run.assembler as unknown as RowCursor;
		if (!this.#isChecked) {
			const checked = await this.#check(run, cursor, features, signal);
			if (checked.kind === 'accepted') this.#isChecked = true;
			return checked;
		}
		const alerts = await this.#sendAlerts(run, writers, cursor, signal);
		if (alerts) return alerts;

		const plan = cursor.plan ?? (await this.#plan(run, writers, cursor, isEnd));
		const records: PlacedRecord[] = [];
		for (const writer of writers) await this.#read(writer, cursor.taken[writer.writer] ?? {}, plan.upTo[writer.writer] ?? {}, records);
		const made = assemble(cursor.state, records, { isEnd: plan.isRowDone, definitions: run.metrics });
		for (const { step, bytes } of made.dropped)
			this.#onNotice(
				'data-dropped',
				`The row of step ${step} has ${bytes} bytes and W&B's servers take no line as long: it was not sent. It stays on this device.`,
			);
		if (made.state.lateKeys.length > 0 && cursor.state.lateKeys.length === 0)
			this.#onNotice(
				'late-value',
				'A value came for a row that a W&B server has already: it went there as a row of its own, and its metric is drawn against "tidelog/step". Nothing is lost; a Tidelog server would have joined it to its row.',
			);

		const described = await this.#describe(run, writers, made.state, cursor, features, signal);
		if (described) return described;
		const isOver = isEnd && writers.every(({ writer, stored }) => isAtLeast(plan.upTo[writer] ?? {}, { ...stored, meta: 0 })) && plan.isRowDone;
		const summary = summaryLine(made.state, run.metrics, run.summary, isOver);
		const summaryHash = hashLines(EMPTY_HASH, [summary ?? '']);
		const request: FileStreamRequest = { files: {} };
		for (const [file, stream] of [
			[HISTORY_FILE, 'history'],
			[EVENTS_FILE, 'events'],
			[CONSOLE_FILE, 'console'],
		] as const)
			if (made[stream].length > 0 && request.files) request.files[file] = { offset: cursor.state.lines[stream], content: made[stream] };
		if (summary !== undefined && summaryHash !== cursor.summary && request.files) request.files[SUMMARY_FILE] = { offset: 0, content: [summary] };
		const isEmpty = Object.keys(request.files ?? {}).length === 0;
		if (isEmpty) delete request.files;
		if (isOver) {
			Object.assign(request, { complete: true, exitcode: run.exitCode });
			// Kept first, since this device may not come to know that it was taken: what comes after the end begins with an upsert, and ends the run once more.
			await this.#keep(run, { ...cursor, plan, config: '' });
		}
		const isDue = !isEmpty || isOver || isHeartbeat;
		if (isDue) {
			const outcome = await this.#remote.stream(run, request, features, signal);
			this.sentMs = this.#clock.monotonicMs();
			this.#hasFailed = outcome.kind !== 'accepted';
			if (outcome.kind !== 'accepted') return outcome;
		}
		const held = heldFrom(records, made.state, cursor);
		const next: RowCursor = {
			...cursor,
			state: made.state,
			taken: { ...cursor.taken, ...plan.upTo },
			held,
			plan: undefined,
			config: isOver ? '' : cursor.config,
			summary: summaryHash,
		};
		await this.#keep(run, next, isDue && run.isFinished ? { isFinishSent: isOver } : {});
		const isFurther = await this.#acknowledge(run, writers, next);
		return isDue || isFurther ? { kind: 'accepted', answer: undefined } : undefined;
	}

	async #acknowledge(run: RunState, writers: readonly WriterState[], { taken, held, alerted }: RowCursor): Promise<boolean> {
		let isFurther = false;
		for (const { writer, acknowledged: known } of writers) {
			const acknowledged: Counts = { ...taken[writer], meta: alerted[writer] ?? 0 };
			const open = held[writer];
			if (open !== undefined) acknowledged.history = open;
			if (isAtLeast(known, acknowledged) && isAtLeast(acknowledged, known)) continue;
			isFurther = true;
			await this.#store.updateWriter(run.id, writer, (state) => ({ ...(state as WriterState), acknowledged }));
		}
		return isFurther;
	}

	/** Whether the server's run is as this device left it. */
	async #check(run: RunState, cursor: RowCursor, features: RemoteFeatures, signal: AbortSignal): Promise<Outcome<unknown>> {
		const found = await this.#remote.find(run, features, signal);
		if (found.kind !== 'accepted') return found;
		if (!found.answer)
			return {
				kind: 'refused',
				status: 404,
				reason: `${run.server} has run ${run.sentAs} no more. Nothing is sent; the copy on this device stays. run.sendAs(id) sends it again under another id.`,
			};
		const { history } = found.answer.lines;
		if (history > cursor.state.lines.history && !cursor.plan) {
			const reason = `Another device writes to run ${run.sentAs} on ${run.server}: a W&B server keeps one line after the other, and two writers would overwrite each other. Nothing more is sent; the copy on this device stays. run.sendAs(id) sends it as a run of its own.`;
			await this.#store.updateRun(run.id, (known) => ({ ...(known ?? run), refusal: { code: 'run-shared', reason } }), 'strict');
		} else if (history < cursor.state.lines.history) {
			// Restored from a backup, or not counted yet: the same lines go to the same places once more.
			await this.#keep(run, { ...cursor, state: cursor.first, taken: {}, held: {}, plan: undefined, summary: '' });
		}
		return found;
	}

	/** Alerts have no place of their own on a W&B server: one that was sent and not answered may be shown twice there. */
	async #sendAlerts(run: RunState, writers: readonly WriterState[], cursor: RowCursor, signal: AbortSignal): Promise<Outcome<unknown> | undefined> {
		for (const state of writers) {
			const upTo = state.stored.meta ?? 0;
			for await (const record of recordsOf(this.#store, state, 'meta', cursor.alerted[state.writer] ?? 0, upTo)) {
				const { alert } = recordObject(record) as MetaRecord;
				const sent: Outcome<undefined> = alert ? await this.#remote.alert(run, alert, signal) : { kind: 'accepted', answer: undefined };
				if (sent.kind !== 'accepted') return sent;
				cursor.alerted = { ...cursor.alerted, [state.writer]: record.n + 1 };
				if (alert) await this.#keep(run, cursor);
			}
		}
		return undefined;
	}

	/** Chooses the records of the next request, and keeps the choice: another one would make other lines at the same places. */
	async #plan(run: RunState, writers: readonly WriterState[], cursor: RowCursor, isEnd: boolean): Promise<NonNullable<RowCursor['plan']>> {
		const upTo: { [writer: string]: Counts } = {};
		let bytes = 0;
		this.#isFull = false;
		for (const state of writers) {
			const taken = cursor.taken[state.writer] ?? {};
			const counts: Counts = { ...taken };
			upTo[state.writer] = counts;
			for (const stream of ROW_STREAMS) {
				for await (const record of recordsOf(this.#store, state, stream, taken[stream] ?? 0, state.stored[stream] ?? 0)) {
					const length = recordLine(record, 0, 0).length;
					if (bytes > 0 && bytes + length > MAX_REQUEST_BYTES - REQUEST_ROOM) {
						this.#isFull = true;
						break;
					}
					bytes += length;
					counts[stream] = record.n + 1;
				}
			}
		}
		const row = cursor.state.row;
		const isRowOld = row !== null && bytes === 0 && this.#clock.nowMs() - 1000 * Number(row.times[TIMESTAMP]) >= ROW_AGE_MS;
		const plan = { upTo, isRowDone: (isEnd && !this.#isFull) || isRowOld };
		if (bytes > 0 || plan.isRowDone) await this.#keep(run, { ...cursor, plan });
		return plan;
	}

	async #read(writer: WriterState, from: Counts, upTo: Counts, into: PlacedRecord[]): Promise<void> {
		for (const stream of ROW_STREAMS) {
			for await (const record of recordsOf(this.#store, writer, stream, from[stream] ?? 0, upTo[stream] ?? 0)) {
				into.push({ stream, writer: writer.writer, base: writer.base ?? null, runtimeBaseS: writer.runtimeBaseS, record });
			}
		}
	}

	/** Sends config and names where they are not what the server was told last. */
	async #describe(
		run: RunState,
		writers: readonly WriterState[],
		state: AssemblerState,
		cursor: RowCursor,
		features: RemoteFeatures,
		signal: AbortSignal,
	): Promise<Outcome<unknown> | undefined> {
		const config = wandbConfig(run, {
			keys: state.folds.map(([key]) => key),
			lateKeys: state.lateKeys,
			takesGlobs: features.takesGlobs,
			writers: writers.map(({ writer }) => writer),
			version: VERSION,
			platform: 'javascript',
			branch: run.branch,
			base: cursor.base,
		});
		const { name, notes, tags, group, jobType } = run;
		const hash = hashLines(EMPTY_HASH, [writeLine(config), JSON.stringify([name, notes, tags, group, jobType])]);
		if (hash === cursor.config) return undefined;
		const outcome = await this.#remote.upsertRun(run, { config, withInfo: true }, features, signal);
		if (outcome.kind !== 'accepted') return outcome;
		cursor.config = hash;
		return undefined;
	}

	async #keep(run: RunState, cursor: RowCursor, change: Partial<RunState> = {}): Promise<void> {
		await this.#store.updateRun(run.id, (known) => ({ ...(known ?? run), ...change, assembler: cursor as unknown as LineObject }));
	}
}

/** The first history record of each writer that is in the open row, and so not on the server. */
function heldFrom(records: readonly PlacedRecord[], { row }: AssemblerState, cursor: RowCursor): RowCursor['held'] {
	if (!row) return {};
	const held = cursor.state.row?.step === row.step ? { ...cursor.held } : {};
	for (const { stream, writer, base, record } of records) {
		if (stream === 'history' && stepOf(record, base) === row.step) held[writer] ??= record.n;
	}
	return held;
}
