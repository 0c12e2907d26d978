/** A page of a connection: the items after one cursor, at most `first` (50 by default), 10,000 at once. */
export function page<T, N>(
	items: readonly T[],
	{ after, first }: { after?: string | null; first?: number | null },
	cursorOf: (item: T) => string,
	nodeOf: (item: T) => N,
	more: (item: T) => object = () => ({}),
) {
	const from = after ? items.findIndex((item) => cursorOf(item) === after) + 1 : 0;
	const chosen = items.slice(from, from + Math.min(first ?? 50, 10_000));
	const last = chosen.at(-1);
	return {
		totalCount: items.length,
		pageInfo: { endCursor: last === undefined ? null : cursorOf(last), hasNextPage: from + chosen.length < items.length },
		edges: chosen.map((item) => ({ node: nodeOf(item), cursor: cursorOf(item), ...more(item) })),
	};
}
