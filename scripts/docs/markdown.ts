/** A table as Biome and people like it: no padding, so that one changed row is one changed line. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |\n`;
	return line(heads) + line(heads.map(() => '---')) + rows.map(line).join('');
}

/** The page with the text between `<!-- made: NAME -->` and `<!-- end -->` replaced. @throws Error when the page has no such place. */
export function withPart(page: string, name: string, part: string): string {
	const begin = `<!-- made: ${name} -->\n`;
	const start = page.indexOf(begin);
	const end = page.indexOf('<!-- end -->', start);
	if (start === -1 || end === -1) throw new Error(`There is no place for "${name}" in the page: it is marked by ${begin.trim()} and <!-- end -->.`);
	return `${page.slice(0, start + begin.length)}\n${part}\n${page.slice(end)}`;
}
