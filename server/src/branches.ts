import { type LineObject, writeLine } from '../../src/core/json-line.ts';
import { HISTORY_FILE } from '../../src/core/protocol.ts';
import { wandbValue } from './config-edits.ts';
import { RequestError } from './request-error.ts';
import { rowObject } from './rows.ts';
import type { HistoryStore } from './store/history-store.ts';
import type { MetaStore, RunRow } from './store/meta-store.ts';
import type { RunFiles } from './store/run-files.ts';

/** Rows copied at once. */
const PAGE_ROWS = 1_000;

/** A run that goes on from another, or from an earlier step of itself. Rows are copied, not lines: they come as lines of writer `''`, from 0. */
export class Branches {
	readonly #history: HistoryStore;
	readonly #meta: MetaStore;
	readonly #files: RunFiles;

	constructor(history: HistoryStore, meta: MetaStore, files: RunFiles) {
		this.#history = history;
		this.#meta = meta;
		this.#files = files;
	}

	/**
	 * Fills a new run whose config names a branch point (W&B's `fork_from`) with the rows of the other run of its project.
	 * @throws RequestError when there is no such run, or the branch point is none.
	 */
	fork(run: RunRow, config: LineObject, nowMs: number, checkSource: (from: RunRow) => void): void {
		const point = wandbValue(config).branch_point as LineObject | undefined;
		if (point === undefined || point === null || point.run_id === run.name) return;
		const { run_id: source, step } = point;
		if (typeof source !== 'string' || typeof step !== 'number') {
			throw new RequestError(400, 'The branch point in the config must name a run (run_id) and a step.');
		}
		const from = this.#meta.run(run.project.entity, run.project.name, source);
		if (!from) throw new RequestError(404, `Run ${run.name} is to go on from run "${source}", which project ${run.project.name} does not have.`);
		checkSource(from);
		const named = this.#copyRows(from, run, step, nowMs);
		this.#files.copy(from, run, named);
	}

	/** Goes back to a step: what came later, and events and console, stay with the old generation, which nobody sees. */
	rewind(run: RunRow, step: number, nowMs: number): RunRow {
		const rewound = this.#meta.newGen(run, nowMs);
		this.#copyRows(run, rewound, step, nowMs);
		return rewound;
	}

	/** Returns the paths of the files that the rows name. */
	#copyRows(from: RunRow, to: RunRow, lastStep: number, nowMs: number): Set<string> {
		const named = new Set<string>();
		let offset = 0;
		let lines: string[] = [];
		const write = () => {
			const appended = this.#history.append(to, { writer: '', startedMs: 0, nowMs, files: [{ name: HISTORY_FILE, offset, lines }] });
			for (const path of appended.namedFiles) named.add(path);
			offset += lines.length;
			lines = [];
		};
		for (const row of this.#history.rows(from)) {
			if (row.step > lastStep) break;
			lines.push(writeLine(rowObject(row)));
			if (lines.length === PAGE_ROWS) write();
		}
		write();
		return named;
	}
}
