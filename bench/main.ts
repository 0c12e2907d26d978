import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { agentCost } from './agent-cost.ts';
import { type Bench, type BenchResult, judge, type Measurement } from './bench.ts';
import { bundleSize } from './bundle-size.ts';
import { chart10m } from './chart-10m.ts';
import { chartDashboard } from './chart-dashboard.ts';
import { heapFlat } from './heap-flat.ts';
import { imageLog } from './image-log.ts';
import { logCall } from './log-call.ts';
import { describeMachine, loadAverage, type Machine } from './machine.ts';
import { rowsDurable } from './rows-durable.ts';
import { runsTable } from './runs-table.ts';
import { serverIngest } from './server-ingest.ts';
import { serverMemory } from './server-memory.ts';
import { syncThroughput } from './sync-throughput.ts';
import { trainSlowdown } from './train-slowdown.ts';

const BENCHES: readonly Bench[] = [
	logCall,
	rowsDurable,
	trainSlowdown,
	bundleSize,
	heapFlat,
	syncThroughput,
	serverIngest,
	serverMemory,
	chart10m,
	chartDashboard,
	runsTable,
	agentCost,
	imageLog,
];
const RESULTS = new URL('results.json', import.meta.url);
const FLAGS = ['--json', '--save'];

/** `npm run bench -- NAME [--json] [--save]`. Returns the exit code: 1 when a limit is broken, the bench failed or there is no such bench. */
export async function main(args: readonly string[]): Promise<number> {
	const names = args.filter((arg) => !arg.startsWith('-'));
	const unknownFlag = args.find((arg) => arg.startsWith('-') && !FLAGS.includes(arg));
	if (unknownFlag) return refuse(`There is no option ${unknownFlag}. Known are ${FLAGS.join(' and ')}.`);
	if (names.length === 0) {
		console.log('npm run bench -- NAME [--json] [--save]\n');
		for (const { name, unit, about } of BENCHES) console.log(`${name.padEnd(16)} ${unit.padEnd(8)} ${about}`);
		return 0;
	}
	if (names.length > 1) return refuse('One bench at a time: they would measure each other.');
	const bench = BENCHES.find(({ name }) => name === names[0]);
	if (!bench) return refuse(`There is no bench "${names[0]}". Known are ${BENCHES.map(({ name }) => name).join(', ')}.`);

	const load = loadAverage();
	let measured: Measurement;
	try {
		measured = await bench.measure();
	} catch (error) {
		return refuse(`${bench.name} could not be measured: ${error instanceof Error ? error.message : String(error)}`);
	}
	const date = new Date().toISOString();
	const machine = describeMachine(measured.browser);
	const result = judge(bench, measured);
	print(bench, measured, result, machine, `${date} · load average ${load} before, ${loadAverage()} after`);
	if (args.includes('--save')) save(result, machine, date);
	if (args.includes('--json')) console.log(JSON.stringify(result));
	return result.ok === false ? 1 : 0;
}

function refuse(message: string): number {
	console.error(message);
	return 1;
}

function print({ name, unit, about }: Bench, measured: Measurement, result: BenchResult, machine: Machine, when: string): void {
	const { cpu, cores, memoryGiB, os, node, browser } = machine;
	const { baseline, samplesAre } = measured;
	const line = (what: string, text: string) => console.log(`  ${what.padEnd(28)} ${text}`);
	console.log(`${name}: ${about}`);
	line('machine', [cpu, `${cores} cores`, `${memoryGiB} GiB`, os, `Node ${node}`, browser].filter(Boolean).join(' · '));
	line('date', when);
	line('samples', samplesAre);
	line('ours', `median ${format(result.median)} ${unit}, p99 ${format(result.p99)} ${unit}`);
	if (baseline)
		line(
			`baseline: ${baseline.what}`,
			`median ${format(baseline.median)} ${unit}, spread ${Math.round(baseline.spread * 100)} %, ours ÷ it ${result.ratio}`,
		);
	for (const [part, value] of Object.entries(result.parts ?? {})) line(part, format(value));
	for (const { what, limit, value, ok } of result.budget) line(`budget: ${what}`, `${format(limit)}: ${format(value)} ${ok ? 'ok' : 'BROKEN'}`);
	line('verdict', result.ok === null ? 'noisy: the baseline itself varies by more than 25 %' : result.ok ? 'ok' : 'FAIL');
}

const format = (value: number) => value.toLocaleString('en-US', { maximumSignificantDigits: 6 });

/** Keeps the last result of each bench in the repository. */
function save(result: BenchResult, machine: Machine, date: string): void {
	const known = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, unknown>) : {};
	known[result.name] = { date, machine, result };
	const sorted = Object.fromEntries(Object.entries(known).sort(([a], [b]) => (a < b ? -1 : 1)));
	writeFileSync(RESULTS, `${JSON.stringify(sorted, null, '\t')}\n`);
}
