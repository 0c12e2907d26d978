import { expect } from 'vitest';
import type { RefereeOptions } from './cloud.ts';
import { Referee } from './referee.ts';

/** The smallest config that starts a run. */
export const STARTED = { _wandb: { value: { t: { 5: '0.1.0' } } } };
export const RUN_ID = 'a1b2c3d4';
const BASE = 'https://referee.test';

export const UPSERT = `mutation UpsertBucket(
	$id: String, $name: String, $project: String, $entity: String, $displayName: String, $notes: String, $groupName: String, $jobType: String,
	$tags: [String!], $config: JSONString, $summaryMetrics: JSONString, $state: String
) {
	upsertBucket(input: {
		id: $id, name: $name, modelName: $project, entityName: $entity, displayName: $displayName, notes: $notes, groupName: $groupName,
		jobType: $jobType, tags: $tags, config: $config, summaryMetrics: $summaryMetrics, state: $state
	}) { bucket { id name displayName notes tags state historyLineCount project { name entity { name } } } inserted }
}`;

export interface GraphqlAnswer {
	status: number;
	// biome-ignore lint/suspicious/noExplicitAny: tests read deep into answers of many shapes.
	data: any;
	errors?: { message: string }[];
}

/** A client by hand: says exactly what it is told to, at the time it is told. */
export class Exchange {
	nowMs = 1_700_000_000_000;
	readonly referee: Referee;
	headers: Record<string, string> = { 'Content-Type': 'application/json' };

	constructor(options: Partial<RefereeOptions> = {}) {
		this.referee = new Referee({ nowMs: () => this.nowMs, ...options });
	}

	/** With a run that has just begun. */
	static async started(options: Partial<RefereeOptions> = {}): Promise<Exchange> {
		const exchange = new Exchange(options);
		await exchange.upsert({ config: JSON.stringify(STARTED) });
		expect(exchange.referee.violations).toEqual([]);
		return exchange;
	}

	post(path: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
		const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
		return this.referee.fetch(new Request(`${BASE}${path}`, { method: 'POST', headers: { ...this.headers, ...headers }, body: bytes }));
	}

	async query(query: string, variables: unknown = {}, more: object = {}): Promise<GraphqlAnswer> {
		const response = await this.post('/graphql', JSON.stringify({ query, variables, ...more }));
		return { status: response.status, ...((await response.json()) as { data: unknown }) };
	}

	upsert(variables: object): Promise<GraphqlAnswer> {
		return this.query(UPSERT, { name: RUN_ID, project: 'tides', ...variables });
	}

	stream(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
		return this.post(`/files/referee/tides/${RUN_ID}/file_stream`, typeof body === 'string' ? body : JSON.stringify(body), headers);
	}

	/** Streams once the 15 s since the last request are over. */
	later(body: unknown): Promise<Response> {
		this.nowMs += 15_000;
		return this.stream(body);
	}

	history(offset: number, ...lines: string[]): Promise<Response> {
		return this.later(history(offset, ...lines));
	}

	/** Expects that the last thing said was refused for this reason, and only for this. */
	async refuses(answer: Promise<{ status: number }>, why: RegExp): Promise<void> {
		const before = this.referee.violations.length;
		const { status } = await answer;
		expect(this.referee.violations.slice(before)).toEqual([expect.stringMatching(why)]);
		expect(status).toBe(400);
	}

	async takes(answer: Promise<{ status: number }>): Promise<void> {
		const before = this.referee.violations.length;
		const { status } = await answer;
		expect(this.referee.violations.slice(before)).toEqual([]);
		expect(status).toBe(200);
	}
}

/** The body that brings these history lines. */
export function history(offset: number, ...content: string[]): object {
	return { files: { 'wandb-history.jsonl': { offset, content } } };
}

export function events(offset: number, ...content: string[]): object {
	return { files: { 'wandb-events.jsonl': { offset, content } } };
}

export function summary(...content: string[]): object {
	return { files: { 'wandb-summary.json': { offset: 0, content } } };
}

export function consoleLines(offset: number, ...content: string[]): object {
	return { files: { 'output.log': { offset, content } } };
}

/** A history line as the official client writes them, with `members` before the internal ones. */
export function row(step: number, members = '"loss":0.5'): string {
	return `{${members},"_step":${step},"_runtime":${step + 0.5},"_timestamp":${1_700_000_000 + step}.25}`;
}

/** An events line. */
export function sample(members = '"system.cpu":3.1'): string {
	return `{"_wandb":true,"_timestamp":1700000000,"_runtime":15.2,${members}}`;
}
