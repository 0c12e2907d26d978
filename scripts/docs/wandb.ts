import { table } from './markdown.ts';
import { CALLS, SECTIONS } from './wandb-calls.ts';

const INTRO = `# W&B’s calls, and what becomes of them

<!-- Made by scripts/docs from scripts/docs/wandb-calls.ts: change it there, then run \`node scripts/docs.mjs\`. -->

For people who know W&B’s Python client (0.31). Names are JavaScript’s: \`job_type\` is \`jobType\`, and arguments with names are one object.

- **same**: the same outcome.
- **differs**: it is there, and the note says how it is another thing.
- **refused**: throws a \`TidelogError\` of the code given, or tells it to \`onError\`. A test runs what stands beside it.
- **not there yet**: comes with another part of Tidelog. Until then the call does not exist: \`run.save()\` throws the \`TypeError\` that JavaScript throws for any method that is not there.
- **no such thing**: does not exist here, and the note says what to do instead.

No option is ignored: \`init()\`, \`log()\`, \`defineMetric()\`, \`alert()\` and \`finish()\` refuse each name that they do not know, and list those that they do.
`;

export function wandbPage(): string {
	const parts = SECTIONS.map((section) => {
		const calls = CALLS.filter((call) => call.section === section);
		if (section === 'Only in Tidelog')
			return `## ${section}\n\n${table(
				['', ''],
				calls.map(({ ours = '', note }) => [ours, note]),
			)}`;
		const rows = calls.map(({ theirs, ours, how, note, code: errorCode, snippet }) => [
			theirs,
			ours ?? '',
			errorCode ? `refused: \`${errorCode}\`` : how,
			[note, snippet && !snippet.includes('await') ? `\`${snippet}\`` : ''].filter((part) => part !== '').join(' '),
		]);
		return `## ${section}\n\n${table(['W&B', 'here', '', ''], rows)}`;
	});
	return `${INTRO}\n${parts.join('\n')}`;
}
