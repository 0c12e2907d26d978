import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What a check found. */
export interface Finding {
	/** Each makes the check fail. */
	problems: string[];
	/** Told, but nothing fails. */
	warnings?: string[];
	/** A few words for the line of a check that passes, such as how much it looked at. */
	summary?: string;
}

export interface SourceFile {
	/** From the repository's root, with `/`. */
	path: string;
	text: string;
}

const SKIPPED = new Set(['node_modules', 'dist', 'build', 'test-results']);

/** The files below `folders` of `root` whose name matches; built and installed ones are left out, and folders that do not exist. */
export function sourceFiles(root: string, folders: readonly string[], name: RegExp): SourceFile[] {
	const found: SourceFile[] = [];
	const visit = (path: string) => {
		for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
			const child = path === '' ? entry.name : `${path}/${entry.name}`;
			if (entry.isDirectory()) {
				if (!SKIPPED.has(entry.name) && !entry.name.startsWith('.')) visit(child);
			} else if (entry.isFile() && name.test(entry.name)) found.push({ path: child, text: readFileSync(join(root, child), 'utf8') });
		}
	};
	for (const folder of folders) {
		const full = join(root, folder);
		if (!existsSync(full)) continue;
		if (statSync(full).isFile()) found.push({ path: folder, text: readFileSync(full, 'utf8') });
		else visit(folder);
	}
	return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
