import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from './markdown.ts';

/** What to do about each error, and who sees it: beside what src/errors.ts says that it means. A code without a line here fails the check. */
const WHAT_TO_DO: Record<string, string> = {
	'invalid-argument': 'Thrown by the call itself: correct it. The message names the argument and its value.',
	'unsupported-runtime': 'Thrown by `init()`: call it in a page or a worker of a current browser, in Node 22.12 or newer, or on the edge.',
	'store-unavailable':
		'Allow site data for the page (private windows and blocked cookies forbid it); in Node, make the folder writable. Keep the page open until `synced()`.',
	'store-failed': 'Free room on the disk or for the site. Records wait in memory, up to 64 MB.',
	'data-dropped': 'See values.md for single values. When records were dropped: log less often than the store writes, or give it room.',
	'writer-restarted': 'Nothing. When it comes again and again, the page’s Content-Security-Policy may forbid `blob:` workers: give `workerUrl`.',
	'server-refused': 'The message has the server’s own words: correct the token, the address or the rights. `run.resumeSync()` tries again at once.',
	'run-exists': '`run.sendAs(id)` sends it under another id; `init({ id, resume: "allow" })` goes on with the run that is there.',
	'run-missing': '`run.sendAs(id)` sends it as a new run; or correct the id.',
	'run-deleted': 'Nothing, if that was meant. `run.sendAs(id)` sends the copy on this device as a run of its own.',
	'run-rewound': '`run.sendAs(id)` sends what this device has as a run of its own.',
	'run-shared': '`run.sendAs(id)` sends this device’s part as a run of its own; or use a Tidelog server, which takes any number of writers.',
	'history-differs': 'Export the run on this device and tell whoever runs the server: two servers with one address, a damaged disk, or a defect.',
	'unsynced-data-old': 'Make the server reachable and open the page before the browser deletes the data.',
	'late-value': 'Nothing. A Tidelog server would have joined the value to its row.',
	'shared-steps': 'Name steps with `{ step }` where rows of several writers belong together.',
};

export function errorTable(root: string): string {
	const source = readFileSync(join(root, 'src/errors.ts'), 'utf8');
	const found = [...source.matchAll(/\/\*\* ((?:(?!\*\/).)+?) \*\/\s*\| '([a-z-]+)'/gs)].map(([, meaning = '', code = '']) => ({
		code,
		meaning: meaning.replace(/\s+/g, ' '),
	}));
	const undocumented = found.filter(({ code }) => !WHAT_TO_DO[code]).map(({ code }) => code);
	const gone = Object.keys(WHAT_TO_DO).filter((code) => !found.some((error) => error.code === code));
	const codes = (source.match(/^\t\| '/gm) ?? []).length;
	if (undocumented.length > 0 || gone.length > 0 || found.length !== codes)
		throw new Error(`scripts/docs/errors.ts and src/errors.ts differ: ${[...undocumented, ...gone].join(', ') || 'a code without a comment'}.`);
	return table(
		['code', 'what it means', 'what to do'],
		found.map(({ code, meaning }) => [`\`${code}\``, meaning, WHAT_TO_DO[code] as string]),
	);
}
