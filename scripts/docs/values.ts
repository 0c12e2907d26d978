import { type LineObject, type LineValue, writeLine } from '../../src/core/json-line.ts';
import { CASES, SECTIONS } from '../../test/values/cases.ts';
import { table } from './markdown.ts';

const INTRO = `# What becomes of a value

<!-- Made by scripts/docs from test/values/cases.ts: change it there, then run \`node scripts/docs.mjs\`. -->

\`run.log(values)\` takes any object and never throws because of what is in it. Each value is kept, or left out with a reason. What is left out is counted in
\`run.status.droppedValues\` and told to \`onError\` (code \`data-dropped\`; the first ten of a call, each message once). The other values of the call are kept, and so is its
step. Only what is no object at all (a number, text, a list, a function), or a proxy that was revoked, throws \`invalid-argument\`: that is a mistake in the call.

Every line below is run by a test, through the packing, the stored chunk and the request to a server and back out of its raw export, and into the log file of
Node. Numbers are shown as a line of the export has them: JSON with the bare words \`NaN\`, \`Infinity\` and \`-Infinity\`, and integers of any length.

\`run.config\` and \`run.summary\` take the same values; there, what cannot be kept throws \`invalid-argument\` and changes nothing, and setting \`undefined\` deletes.

A row holds at most 4,000,000 characters. A number counts as 20 and its key; text counts as its length. W&B’s own servers take lines of at most 10,383,360 bytes: a longer
row stays on the device, and \`onError\` is told.
`;

export function valuesPage(): string {
	const parts = SECTIONS.map((section) => {
		const rows = CASES.filter((one) => one.section === section).map(({ code, row, rowInWords, left = {}, note }) => [
			shown(code),
			rowInWords ?? (Object.keys(row).length === 0 ? 'nothing' : shown(lineOf(row))),
			Object.entries(left)
				.map(([key, reason]) => `${key.length > 60 ? 'the long key' : shown(key)}: ${reason}`)
				.join('<br>'),
			note ?? '',
		]);
		return `## ${section}\n\n${table(['`run.log(…)`', 'the row holds', 'left out, and why', ''], rows)}`;
	});
	return `${INTRO}\n${parts.join('\n')}`;
}

function lineOf(row: LineObject): string {
	const entries = Object.entries(row).map(([key, value]) => `${JSON.stringify(key)}: ${writeLine(value as LineValue)}`);
	return `{${entries.join(', ')}}`;
}

function shown(code: string): string {
	return `\`${code}\``;
}
