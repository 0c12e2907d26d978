import { NO_CONFIG, type RunConfig } from './config.ts';
import { type JsonObject, readObject } from './json-reader.ts';
import { Pace, type Slack } from './pace.ts';

/** About how long W&B waits for a heartbeat before it calls a run crashed; our notes on the protocol mark it as a guess. */
const CRASHED_AFTER_MS = 300_000;

/** The members of an upsert that are kept as they come. */
export interface RunDetails {
	displayName?: string;
	description?: string;
	notes?: string;
	groupName?: string;
	jobType?: string;
	host?: string;
	jobProgram?: string;
	jobRepo?: string;
	commit?: string;
	sweep?: string;
	tags?: string[];
}

/** One process that sends lines. Outside shared mode a run has one, whose lines are the run's own. */
export interface Writer {
	history: string[];
	events: string[];
	pace: Pace;
	isComplete: boolean;
	/** The request that was taken last, to know it again when it is repeated. */
	lastBody: string | undefined;
}

/** One run, as the cloud has it. */
export class RefereeRun {
	readonly entity: string;
	readonly project: string;
	readonly id: string;
	/** What updates and deletions name it by. */
	readonly storageId: string;
	readonly createdMs: number;
	readonly details: RunDetails = {};
	config: RunConfig = NO_CONFIG;
	summary: JsonObject | undefined;
	summaryLine: string | undefined;
	readonly history: string[] = [];
	readonly events: string[] = [];
	/** By number; lines that were never sent are missing. */
	readonly console: string[] = [];
	readonly files = new Map<string, Uint8Array>();
	readonly writers = new Map<string, Writer>();
	lastStep: number | bigint = -1;
	exitCode: number | undefined;
	/** Whether to answer that the run should stop. */
	isStopped = false;
	isPreempting = false;
	/** Somebody asked where the run stands in order to go on with it, so that the next upsert begins a session. */
	isResuming = false;
	/** History and events lines that came again with the same bytes. */
	resentLines = 0;
	#heardMs: number;
	#givenState: string | undefined;
	readonly #slack: Slack;

	constructor(place: { entity: string; project: string; id: string; storageId: string }, createdMs: number, slack: Slack) {
		this.entity = place.entity;
		this.project = place.project;
		this.id = place.id;
		this.storageId = place.storageId;
		this.createdMs = createdMs;
		this.#heardMs = createdMs;
		this.#slack = slack;
	}

	get path(): string {
		return `${this.entity}/${this.project}/${this.id}`;
	}

	get isOver(): boolean {
		return this.exitCode !== undefined;
	}

	get heardMs(): number {
		return this.#heardMs;
	}

	/** The writer with this client id of shared mode; '' is the one that has the run to itself. */
	writer(clientId: string): Writer {
		let writer = this.writers.get(clientId);
		if (!writer) {
			const isAlone = clientId === '';
			const pace = new Pace(this.#slack);
			writer = { history: isAlone ? this.history : [], events: isAlone ? this.events : [], pace, isComplete: false, lastBody: undefined };
			this.writers.set(clientId, writer);
		}
		return writer;
	}

	/** The run starts, or goes on after its end or in a new process. */
	startSession(atMs: number): void {
		this.exitCode = undefined;
		this.isPreempting = false;
		this.isResuming = false;
		this.#givenState = undefined;
		this.#heardMs = atMs;
		for (const writer of this.writers.values()) {
			writer.isComplete = false;
			writer.lastBody = undefined;
		}
		this.writer('').pace.startSession(atMs);
	}

	hear(atMs: number): void {
		this.#heardMs = atMs;
	}

	giveState(state: string): void {
		this.#givenState = state;
	}

	complete(exitCode: number): void {
		this.exitCode = exitCode;
	}

	stateAt(nowMs: number): string {
		if (this.exitCode !== undefined) {
			if (this.exitCode === 0) return 'finished';
			return this.isPreempting ? 'preempted' : 'failed';
		}
		if (this.#givenState) return this.#givenState;
		if (nowMs - this.#heardMs > CRASHED_AFTER_MS) return this.isPreempting ? 'preempted' : 'crashed';
		return this.isPreempting ? 'preempting' : 'running';
	}

	/** Cuts off every row after `step`; events and console begin again at their first line (wandb 0.30, core/internal/runbranch/rewind.go). */
	rewind(step: number): void {
		this.events.length = 0;
		this.console.length = 0;
		this.takeHistory(this.history.splice(0), step);
	}

	/** Takes over the rows of another run (or its own) up to and including `step`. Rows that follow have larger steps. */
	takeHistory(lines: readonly string[], step: number): void {
		const rows: JsonObject[] = [];
		for (const line of lines) {
			const row = parseLine(line);
			if ((row._step as number | bigint) > step) break;
			this.history.push(line);
			rows.push(row);
		}
		this.lastStep = step;
		this.summary = Object.assign({}, ...rows);
		this.summaryLine = undefined;
	}
}

export function parseLine(line: string): JsonObject {
	return readObject(line, { bareNumbers: true }).value;
}
