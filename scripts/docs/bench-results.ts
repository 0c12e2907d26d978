import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from './markdown.ts';

interface Saved {
	date: string;
	machine: { cpu: string; cores: number; memoryGiB: number; os: string; node: string; browser?: string };
	result: {
		unit: string;
		median: number;
		p99: number;
		ratio?: number;
		ok: boolean | null;
		budget: { what: string; limit: number; value: number; ok: boolean }[];
	};
}

export function benchTable(root: string): string {
	const saved = JSON.parse(readFileSync(join(root, 'bench/results.json'), 'utf8')) as Record<string, Saved>;
	const rows = Object.entries(saved).map(([name, { date, result }]) => [
		`\`${name}\``,
		`${format(result.median)} ${result.unit}`,
		`${format(result.p99)} ${result.unit}`,
		result.ratio === undefined ? '' : format(result.ratio),
		result.budget.map(({ what, limit, value, ok }) => `${what} ${format(limit)}: ${format(value)}${ok ? '' : ' **(broken)**'}`).join('<br>'),
		result.ok === null ? 'noisy' : result.ok ? 'kept' : 'broken',
		date.slice(0, 10),
	]);
	const machines = new Set(
		Object.values(saved).map(({ machine: { cpu, cores, memoryGiB, os, node, browser } }) =>
			[cpu, `${cores} cores`, `${memoryGiB} GiB`, os.replace(/ .*/, ''), `Node ${node}`, browser].filter(Boolean).join(', '),
		),
	);
	return `${table(['bench', 'median', 'p99', 'ours ÷ baseline', 'budget', '', 'date'], rows)}\nMeasured on: ${[...machines].join('; ')}.\n`;
}

const format = (value: number) => value.toLocaleString('en-US', { maximumSignificantDigits: 6 });
