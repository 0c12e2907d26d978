import { parseSync } from 'vite';

/** A node of the syntax tree (ESTree, with TypeScript's own nodes beside it). */
export interface SyntaxNode {
	type: string;
	start: number;
	end: number;
	[field: string]: unknown;
}

/** One place where a file names another: import, re-export, `import()`, `require()` or a type's `import('…')`. */
export interface ImportUse {
	specifier: string;
	/** True when nothing of it is left at run time. */
	isTypeOnly: boolean;
	/** True for import() and require(), which load when they are reached. */
	isDynamic: boolean;
	line: number;
}

/** @throws Error with file and reason when the text cannot be parsed. */
export function parseSource(file: string, text: string): SyntaxNode {
	const { program, errors } = parseSync(file, text, { astType: 'ts', lang: languageOf(file), sourceType: 'module' });
	if (errors[0]) throw new Error(`${file} cannot be parsed: ${errors[0].message}`);
	return program as unknown as SyntaxNode;
}

function languageOf(file: string): 'ts' | 'tsx' | 'js' | 'jsx' | 'dts' {
	if (/\.d\.[cm]?ts$/.test(file)) return 'dts';
	if (/\.[cm]?ts$/.test(file)) return 'ts';
	if (file.endsWith('.tsx')) return 'tsx';
	return file.endsWith('.jsx') ? 'jsx' : 'js';
}

/** Calls `visit` for each node with the nodes around it, innermost last. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode, parents: readonly SyntaxNode[]) => void, parents: SyntaxNode[] = []): void {
	visit(node, parents);
	parents.push(node);
	for (const value of Object.values(node)) {
		for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit, parents);
	}
	parents.pop();
}

export function lineAt(text: string, offset: number): number {
	let line = 1;
	for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
	return line;
}

export function importsOf(file: string, text: string): ImportUse[] {
	const uses: ImportUse[] = [];
	const add = (node: SyntaxNode, source: unknown, isTypeOnly: boolean, isDynamic: boolean) => {
		const specifier = literal(source);
		if (specifier !== undefined) uses.push({ specifier, isTypeOnly, isDynamic, line: lineAt(text, node.start) });
	};
	walk(parseSource(file, text), (node) => {
		if (node.type === 'ImportDeclaration') add(node, node.source, node.importKind === 'type' || hasOnlyTypes(node.specifiers, 'importKind'), false);
		else if (node.type === 'ExportNamedDeclaration' || node.type === 'ExportAllDeclaration')
			add(node, node.source, node.exportKind === 'type' || hasOnlyTypes(node.specifiers, 'exportKind'), false);
		else if (node.type === 'TSImportType') add(node, node.source, true, false);
		else if (node.type === 'ImportExpression') add(node, node.source, false, true);
		else if (node.type === 'CallExpression' && isNode(node.callee) && node.callee.type === 'Identifier' && node.callee.name === 'require')
			add(node, (node.arguments as unknown[])[0], false, true);
	});
	return uses;
}

/** `import { type A, type B }` keeps the import for its side effect, but names types only. An import without names is for its effect. */
function hasOnlyTypes(specifiers: unknown, kind: 'importKind' | 'exportKind'): boolean {
	return Array.isArray(specifiers) && specifiers.length > 0 && specifiers.every((specifier: Record<string, unknown>) => specifier[kind] === 'type');
}

function literal(node: unknown): string | undefined {
	if (!isNode(node)) return undefined;
	if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
	if (node.type === 'TSLiteralType') return literal(node.literal);
	const quasis = node.quasis as { value: { cooked: string } }[] | undefined;
	return node.type === 'TemplateLiteral' && quasis?.length === 1 ? quasis[0]?.value.cooked : undefined;
}

export function isNode(value: unknown): value is SyntaxNode {
	return typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string';
}
