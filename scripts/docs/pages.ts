import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../check/source-files.ts';
import { benchTable } from './bench-results.ts';
import { errorTable } from './errors.ts';
import { withPart } from './markdown.ts';
import { valuesPage } from './values.ts';
import { wandbPage } from './wandb.ts';

/** Pages of docs/ that are made from code, wholly or in part, by what they hold now. */
const PAGES: Record<string, (root: string, page: string) => string> = {
	'docs/values.md': () => valuesPage(),
	'docs/wandb.md': () => wandbPage(),
	'docs/durability.md': (root, page) => withPart(page, 'errors', errorTable(root)),
	'docs/benchmarks.md': (root, page) => withPart(page, 'results', benchTable(root)),
};

/** Writes what is stale. Returns the paths written. */
export function makePages(root: string): string[] {
	const stale = Object.keys(PAGES).filter((path) => made(root, path) !== read(root, path));
	for (const path of stale) writeFileSync(join(root, path), made(root, path));
	return stale;
}

/** Whether each page says what the code says, and no link of docs/ leads nowhere. */
export function checkDocs(root: string, links: readonly string[]): Finding {
	const problems: string[] = [];
	for (const path of Object.keys(PAGES)) if (made(root, path) !== read(root, path)) problems.push(`${path} is stale: run \`node scripts/docs.mjs\`.`);
	for (const path of links) {
		for (const [, target = ''] of read(root, path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
			if (!existsSync(join(root, path, '..', target))) problems.push(`${path} links to ${target}, which is not there.`);
		}
	}
	return { problems, summary: `${Object.keys(PAGES).length} pages made from code, ${links.length} read` };
}

function made(root: string, path: string): string {
	return (PAGES[path] as (root: string, page: string) => string)(root, read(root, path));
}

function read(root: string, path: string): string {
	return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
}
