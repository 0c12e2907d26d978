import { type DocumentNode, type FragmentDefinitionNode, GraphQLError, Kind, type SelectionSetNode } from 'graphql';

/**
 * Most tokens of a document. The largest of W&B's client 0.31.0 (166 documents, in Python and in wandb-core) has 249 tokens, 11 levels and 72 fields; the
 * introspection of graphql-js with all options has 184, 15 and 230.
 */
export const MAX_TOKENS = 2_000;
const MAX_DEPTH = 20;
/** Fields with all fragments written out. */
const MAX_FIELDS = 2_000;

interface Extent {
	depth: number;
	fields: number;
}

/** Refuses what is short to write and long to answer. The document is valid: its fragments exist and contain no cycle. */
export function limitErrors(document: DocumentNode): GraphQLError[] {
	const fragments = new Map<string, FragmentDefinitionNode>();
	for (const node of document.definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
	const known = new Map<string, Extent>();
	const ofFragment = (name: string): Extent => {
		const found = known.get(name) ?? extentOf(fragments.get(name)?.selectionSet);
		known.set(name, found);
		return found;
	};
	const extentOf = (set: SelectionSetNode | undefined): Extent => {
		const total: Extent = { depth: 0, fields: 0 };
		for (const node of set?.selections ?? []) {
			const isField = node.kind === Kind.FIELD;
			const inner = node.kind === Kind.FRAGMENT_SPREAD ? ofFragment(node.name.value) : extentOf(node.selectionSet);
			total.depth = Math.max(total.depth, inner.depth + (isField ? 1 : 0));
			total.fields += inner.fields + (isField ? 1 : 0);
		}
		return total;
	};
	return document.definitions.flatMap((node) => {
		if (node.kind !== Kind.OPERATION_DEFINITION) return [];
		const { depth, fields } = extentOf(node.selectionSet);
		if (depth > MAX_DEPTH) return [new GraphQLError(`The query is ${depth} levels deep; at most ${MAX_DEPTH} are answered.`)];
		if (fields > MAX_FIELDS) return [new GraphQLError(`The query asks for ${fields} fields; at most ${MAX_FIELDS} are answered at once.`)];
		return [];
	});
}
