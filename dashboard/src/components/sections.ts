/** Sections that people look at first; all others follow by name, the machine last. */
const FIRST = ['charts', 'train', 'val', 'valid', 'validation', 'eval', 'test'];
const LAST = ['system'];
/** Name of the section of metrics without a prefix, as W&B calls it. */
const UNPREFIXED = 'charts';

function rank(section: string): number {
	const first = FIRST.indexOf(section);
	if (first >= 0) return first;
	return LAST.includes(section) ? FIRST.length + 1 : FIRST.length;
}

/** Sorts metric keys into sections by what stands before their first slash. Numbers in names count as numbers: layer2 before layer10. */
export function groupMetrics(keys: readonly string[]): { name: string; keys: string[] }[] {
	const sections = new Map<string, string[]>();
	for (const key of keys) {
		const slash = key.indexOf('/');
		const name = slash > 0 ? key.slice(0, slash) : UNPREFIXED;
		const list = sections.get(name);
		if (list) list.push(key);
		else sections.set(name, [key]);
	}
	const byName = new Intl.Collator('en', { numeric: true }).compare;
	return [...sections]
		.map(([name, members]) => ({ name, keys: members.sort(byName) }))
		.sort((a, b) => rank(a.name) - rank(b.name) || byName(a.name, b.name));
}
