import { homedir } from 'node:os';
import { type Finding, sourceFiles } from './source-files.ts';

const MOST_LINES = 800;
const MANY_LINES = 400;

/** Where the limits on length hold: what ships. */
const SHIPPED = /^(src|workers|server\/src|dashboard\/src|agent\/src)\//;
const FOLDERS = ['src', 'workers', 'server', 'dashboard', 'agent', 'demo', 'test', 'bench', 'scripts', 'docs', 'launch.mjs', 'README.md'];

/** A word that says what a TODO waits for. */
const WAITS = /\b(when|until|once|after|waits? for|as soon as)\b/i;
const HOME_PATH = /(?<![\w.:/])(\/(?:home|Users)\/[\w.-]+\/|[A-Z]:\\Users\\)/;

/** `machinePaths`: folders of this machine that no file may name. */
export function checkFiles(root: string, machinePaths: readonly string[] = [root, homedir()]): Finding {
	const problems: string[] = [];
	const warnings: string[] = [];
	const files = sourceFiles(root, FOLDERS, /\.([cm]?[jt]sx?|json|md|css|html|sh)$/);
	// A home of "/" (no home at all) would be found in everything.
	const ownPaths = machinePaths.filter((path) => path.length > 1).map((path) => `${path}/`);
	for (const { path, text } of files) {
		const lines = text.split('\n');
		const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
		if (SHIPPED.test(path) && /\.[jt]sx?$/.test(path)) {
			if (count > MOST_LINES) problems.push(`${path} has ${count} lines; ${MOST_LINES} are the most. Find the seam.`);
			else if (count > MANY_LINES) warnings.push(`${path} has ${count} lines; look for the seam.`);
		}
		for (const [index, line] of lines.entries()) {
			const where = `${path}:${index + 1}`;
			// In code and comments, not in words such as "a `TODO` says …".
			if (/(?<!`)\bTODO\b(?!`)/.test(line) && !WAITS.test(line) && !path.endsWith('.md'))
				problems.push(`${where} has a TODO that does not say what it waits for.`);
			if (HOME_PATH.test(line) || ownPaths.some((own) => line.includes(own))) problems.push(`${where} names a folder of somebody's machine.`);
		}
	}
	return { problems, warnings, summary: `${files.length} files` };
}
