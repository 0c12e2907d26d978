#!/usr/bin/env node
/**
 * Stands in for nvidia-smi: prints what the file named by FAKE_SMI says, one behaviour a start (the last one again after that), and notes each start in
 * `<file>.starts`. Behaviours: `rows <gpus>`, `vanish <gpus>` (the last GPU after three moments), `hang`, `hang-after-row`, `die <code>`, `misprint`, `unknown-field <field>`, `crash`.
 */
import { appendFileSync, readFileSync } from 'node:fs';

const file = process.env.FAKE_SMI;
const argument = (name) => process.argv.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1);
const fields = (argument('--query-gpu') ?? '').split(',');
const loopMs = Number(argument('--loop-ms') ?? 1000);
appendFileSync(`${file}.starts`, `${process.pid} ${process.env.LC_ALL} ${fields.join(',')}\n`);
const starts = readFileSync(`${file}.starts`, 'utf8').trim().split('\n').length;
const behaviours = readFileSync(file, 'utf8').trim().split('\n');
const [what, word] = (behaviours[starts - 1] ?? behaviours.at(-1)).split(' ');

const UNITS = { 'utilization.gpu': '%', 'memory.used': 'MiB', 'memory.total': 'MiB', 'power.draw': 'W', 'enforced.power.limit': 'W' };
const CELLS = {
	uuid: (i) => `GPU-${i}`,
	name: () => 'Fake GPU',
	'utilization.gpu': (i) => 10 + i,
	'memory.used': () => 1024,
	'memory.total': () => 4096,
	'temperature.gpu': (i) => 40 + i,
};
const header = fields.map((field) => (UNITS[field] ? `${field} [${UNITS[field]}]` : field)).join(', ');
const row = (i) =>
	fields.map((field) => (field === 'index' ? i : CELLS[field] ? `${CELLS[field](i)}${UNITS[field] ? ` ${UNITS[field]}` : ''}` : '[N/A]')).join(', ');
const print = (gpus) => process.stdout.write(`${[...Array(gpus).keys()].map(row).join('\n')}\n`);
const loop = (gpusAt) => {
	let moment = 0;
	process.stdout.write(`${header}\n`);
	print(gpusAt(moment++));
	setInterval(() => print(gpusAt(moment++)), loopMs);
};
// A loop whose reader is gone ends, as programs do that write to a closed pipe.
process.stdout.on('error', () => process.exit(1));

if (what === 'rows') loop(() => Number(word));
else if (what === 'vanish') loop((moment) => (moment < 3 ? Number(word) : Number(word) - 1));
else if (what === 'hang') setInterval(() => undefined, 1000);
else if (what === 'hang-after-row') {
	process.on('SIGTERM', () => undefined);
	process.stdout.write(`${header}\n${row(0)}\n`);
	setInterval(() => undefined, 1000);
} else if (what === 'die') {
	process.stderr.write('Failed to initialize NVML: Driver/library version mismatch\n');
	process.exitCode = Number(word);
} else if (what === 'misprint') {
	process.stdout.write(`${'x'.repeat(100_000)}\n`);
	setInterval(() => process.stdout.write(`${'\u0000garbage, '.repeat(50)}\n`), loopMs);
} else if (what === 'crash') process.kill(process.pid, 'SIGSEGV');
else if (what === 'unknown-field') {
	if (fields.includes(word)) {
		process.stdout.write(`Field "${word}" is not a valid field to query.\n\n`);
		process.exitCode = 2;
	} else loop(() => 1);
}
