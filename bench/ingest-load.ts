import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { HISTORY_FILE } from '../src/core/protocol.ts';
import type { ServerProcess } from './server-process.ts';

const CONNECTIONS = 4;
/** Of a request. */
export const ROWS = 200;
const METRICS = 10;
export const VALUES = ROWS * METRICS;

/** A connection, and a run of its own that it writes to. */
export interface Sender {
	run: string;
	next: number;
}

export async function newSenders({ url }: ServerProcess): Promise<Sender[]> {
	const senders = Array.from({ length: CONNECTIONS }, (_, i) => ({
		run: `run${i}`,
		next: 0,
	}));
	for (const { run } of senders) {
		await post(
			undefined,
			`${url}/graphql`,
			JSON.stringify({ query: `mutation { upsertBucket(input: { name: "${run}", modelName: "bench" }) { inserted } }` }),
		);
	}
	return senders;
}

/** Sends until it is over; returns values a second of all connections together. */
export async function ingest({ url }: ServerProcess, senders: readonly Sender[], isOver: (values: number) => boolean): Promise<number> {
	const start = performance.now();
	let values = 0;
	await Promise.all(
		senders.map(async (sender) => {
			// Of this call alone: the server closes connections that were idle for 5 s.
			const agent = new Agent({ keepAlive: true, maxSockets: 1 });
			while (!isOver(values)) {
				const answer = await post(agent, `${url}/files/local/bench/${sender.run}/file_stream`, body(sender.next));
				sender.next += ROWS;
				const { next } = (JSON.parse(answer) as { tidelog: { next: Record<string, number> } }).tidelog;
				if (next[HISTORY_FILE] !== sender.next)
					throw new Error(`${sender.run}: the server is at line ${next[HISTORY_FILE]} instead of ${sender.next}`);
				values += VALUES;
			}
			agent.destroy();
		}),
	);
	return (1000 * values) / (performance.now() - start);
}

/** @throws Error when the server does not have every row once. */
export async function checkSender({ url }: ServerProcess, { run, next }: Sender): Promise<void> {
	const { records, lastStep, summary } = JSON.parse(await send(undefined, `${url}/api/projects/bench/runs/${run}`, 'GET', '')) as {
		records: number;
		lastStep: number;
		summary: Record<string, number>;
	};
	if (records !== next || lastStep !== next - 1) throw new Error(`${run}: ${records} rows up to step ${lastStep}, and ${next} were acknowledged`);
	const last = summary['train/metric0'];
	if (last !== waveAt(next - 1, 0)) throw new Error(`${run}: the last value is ${last} instead of ${waveAt(next - 1, 0)}`);
}

function post(agent: Agent | undefined, url: string, text: string): Promise<string> {
	return send(agent, url, 'POST', text);
}

function send(agent: Agent | undefined, url: string, method: string, text: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const sent = request(
			url,
			{ agent, method, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } },
			(response) => {
				let answer = '';
				response.setEncoding('utf8').on('data', (part: string) => {
					answer += part;
				});
				response.on('end', () => (response.statusCode === 200 ? resolve(answer) : reject(new Error(`${response.statusCode} ${answer}`))));
			},
		);
		sent.on('error', reject);
		sent.end(text);
	});
}

const PERIOD = 4_096;
const WAVE = Array.from({ length: PERIOD * METRICS }, (_, i) => Math.sin(i * 0.37) * Math.exp(-i / 20_000));
const waveAt = (step: number, metric: number) => WAVE[(step % PERIOD) * METRICS + metric];
/** What follows the step in a line, as it stands inside a JSON string; made once, so that the sender costs little. */
const TAILS = Array.from({ length: PERIOD }, (_, step) => {
	const values = Array.from({ length: METRICS }, (_metric, metric) => `"train/metric${metric}":${waveAt(step, metric)}`);
	return JSON.stringify(`,${values.join(',')},"_timestamp":1790000000.5,"_runtime":12.25}`).slice(1);
});

export function body(first: number): string {
	let content = '';
	for (let step = first; step < first + ROWS; step++) content += `${step === first ? '' : ','}"{\\"_step\\":${step}${TAILS[step % PERIOD]}`;
	return `{"tidelog":{"v":1,"writer":"a000000000000001","startedMs":1,"upTo":${first + ROWS},"gen":0},"files":{"${HISTORY_FILE}":{"offset":${first},"content":[${content}]}}}`;
}
