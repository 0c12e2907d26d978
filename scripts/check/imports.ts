import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { importsOf, isNode, lineAt, parseSource, type SyntaxNode, walk } from './parse-source.ts';
import { type Finding, type SourceFile, sourceFiles } from './source-files.ts';

/**
 * Who imports whom. An area is a folder (or file); the first one that a file lies in decides what it may import.
 * Everything not allowed here is a problem, unless it is a debt below.
 */
interface Area {
	at: string;
	/** Folders and files of the repository that may be imported. */
	local: readonly string[];
	/** The same, but as types only. */
	types?: readonly string[];
	/** Packages; a name of a manifest means all that it declares. */
	packages: readonly string[] | 'package.json' | 'server/package.json' | 'dashboard/package.json' | 'agent/package.json';
	/** Whether Node's own modules may be imported. */
	builtins?: boolean;
}

/** Interfaces without code, so that no platform comes along: time and timers as everybody sees them. */
const CLOCK = ['src/platform/clock.ts'];

const AREAS: readonly Area[] = [
	{ at: 'src/core/', local: ['src/core/'], packages: [] },
	{ at: 'src/media/', local: ['src/media/', 'src/core/', 'src/checks.ts', 'src/errors.ts'], packages: ['mediabunny'] },
	{ at: 'src/transport/', local: ['src/transport/', 'src/media/', 'src/core/', 'src/errors.ts'], types: CLOCK, packages: ['comlink'] },
	{ at: 'src/sync/', local: ['src/sync/', 'src/core/', 'src/errors.ts'], types: CLOCK, packages: [] },
	{ at: 'src/remote/', local: ['src/remote/', 'src/core/', 'src/errors.ts'], types: CLOCK, packages: [] },
	{ at: 'src/query/', local: ['src/query/', 'src/core/', 'src/errors.ts'], types: CLOCK, packages: ['ky'] },
	{
		at: 'src/platform/web/',
		local: ['src/'],
		packages: ['idb', 'comlink', 'tidelog:worker-text', 'tidelog:worker-rows-text', 'tidelog:worker-media-text'],
	},
	{ at: 'src/platform/node/', local: ['src/', 'agent/src/sampler/'], packages: ['comlink'], builtins: true },
	{ at: 'src/platform/edge/', local: ['src/'], packages: ['fflate'] },
	{
		at: 'src/platform/',
		local: ['src/platform/', 'src/core/', 'src/errors.ts'],
		types: ['src/agent.ts', 'src/options.ts', 'src/transport/'],
		packages: [],
	},
	{ at: 'src/', local: ['src/'], packages: ['web-vitals'] },
	{ at: 'workers/node-writer.ts', local: ['src/'], packages: ['comlink'], builtins: true },
	{ at: 'workers/', local: ['src/'], packages: ['comlink'] },
	{ at: 'server/', local: ['server/', 'src/core/'], packages: 'server/package.json', builtins: true },
	{ at: 'dashboard/src/', local: ['dashboard/', 'src/core/', 'src/query/', ...CLOCK], packages: 'dashboard/package.json' },
	{ at: 'dashboard/', local: ['dashboard/', 'src/core/', 'src/query/'], packages: 'package.json', builtins: true },
	// To the agent's writer the SDK is what it is to any program: its entry for Node, and nothing behind it.
	{ at: 'agent/', local: ['agent/', 'src/core/', 'src/index.node.ts'], packages: 'agent/package.json', builtins: true },
	// Its build scripts lie beside its page; that the page itself uses no Node built-in is seen in the bundle (sizes.ts).
	{ at: 'demo/', local: ['demo/'], packages: 'package.json', builtins: true },
	// It starts before anything is installed.
	{ at: 'launch.mjs', local: ['scripts/'], packages: [], builtins: true },
	{ at: 'test/', local: [''], packages: 'package.json', builtins: true },
	{ at: 'bench/', local: [''], packages: 'package.json', builtins: true },
	{ at: 'scripts/', local: [''], packages: 'package.json', builtins: true },
];

/** Imports against the rules that we still owe, each with what it waits for. One that is paid must be taken off the list. */
const DEBTS: readonly { from: string; to: string; until: string }[] = [];

const PLATFORM = /^src\/platform\/([^/]+)\//;
const FOLDERS = ['src', 'workers', 'server', 'dashboard', 'agent', 'demo', 'test', 'bench', 'scripts', 'launch.mjs'];

export function checkImports(root: string): Finding {
	const problems: string[] = [];
	const paid = new Set(DEBTS);
	const files = sourceFiles(root, FOLDERS, /\.[cm]?[jt]sx?$/);
	for (const file of files) {
		for (const { specifier, isTypeOnly, line } of importsOf(file.path, file.text)) {
			const to = specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier.replace(/\?.*$/, '')) : specifier;
			const debt = DEBTS.find((known) => known.from === file.path && known.to === to);
			if (debt) paid.delete(debt);
			else {
				const why = refusal(root, file.path, to, to !== specifier, isTypeOnly);
				if (why) problems.push(`${file.path}:${line} imports ${specifier}: ${why}`);
			}
		}
		if (file.path.startsWith('src/') && !file.path.startsWith('src/platform/')) problems.push(...ambientUses(file));
	}
	for (const debt of paid) problems.push(`The debt ${debt.from} → ${debt.to} is paid (it waited for: ${debt.until}): take it off the list.`);
	return { problems, summary: `${files.length} files, ${DEBTS.length} debts` };
}

function refusal(root: string, from: string, to: string, isLocal: boolean, isTypeOnly: boolean): string | undefined {
	const area = AREAS.find(({ at }) => from === at || from.startsWith(at));
	if (!area) return 'this folder has no rule yet; give it one in scripts/check/imports.ts';
	// What a test's own site serves under that address.
	if (to.startsWith('/') && area.at === 'test/') return undefined;
	if (!isLocal) return packageRefusal(root, area, to);
	if (to.startsWith('workers/')) return 'nothing imports workers/; they are reached by URL';
	const ours = PLATFORM.exec(from)?.[1];
	const theirs = PLATFORM.exec(to)?.[1];
	if (ours && theirs && ours !== theirs) return `a platform never imports another platform (${ours} → ${theirs})`;
	if (!isIn(to, area.local) && !(isTypeOnly && isIn(to, area.types ?? []))) {
		const types = area.types && !isTypeOnly && isIn(to, area.types) ? ' (types of it only)' : '';
		return `${area.at} may import ${area.local.map((path) => path || 'everything').join(', ')} only${types}`;
	}
	// Node runs our TypeScript as it is, and does not guess extensions.
	if (!existsSync(join(root, to)) && !to.startsWith('dist/') && !to.includes('/dist/')) return 'there is no such file (name it with its extension)';
	return undefined;
}

function isIn(path: string, places: readonly string[]): boolean {
	return places.some((place) => path === place || ((place.endsWith('/') || place === '') && path.startsWith(place)));
}

function packageRefusal(root: string, area: Area, specifier: string): string | undefined {
	if (specifier.startsWith('node:') || builtinModules.includes(specifier))
		return area.builtins ? undefined : `${area.at} runs where there are no Node built-ins`;
	const name = specifier.startsWith('@') ? specifier.split('/', 2).join('/') : specifier.split('/', 1).join('');
	const allowed = typeof area.packages === 'string' ? declaredIn(root, area.packages) : area.packages;
	if (allowed.includes(name)) return undefined;
	return typeof area.packages === 'string'
		? `${area.packages} does not declare ${name}`
		: `${area.at} may import ${area.packages.length ? `the packages ${area.packages.join(', ')} only` : 'no package'}`;
}

/** The package's own name counts as declared: demos and tests import the public names. */
function declaredIn(root: string, manifest: string): string[] {
	const path = join(root, manifest);
	if (!existsSync(path)) return [];
	const { name, dependencies = {}, devDependencies = {}, workspaces } = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
	// Tests and benches of the whole repository live at its root and may use what its workspaces use.
	const ofWorkspaces = (workspaces ?? []).flatMap((workspace) => declaredIn(root, `${workspace}/package.json`));
	return [name, ...Object.keys(dependencies), ...Object.keys(devDependencies), ...ofWorkspaces];
}

interface Manifest {
	name: string;
	dependencies?: Record<string, string>;
	devDependencies?: Record<string, string>;
	workspaces?: string[];
}

const TIMERS = new Set(['setTimeout', 'setInterval']);
const GLOBALS = new Set(['globalThis', 'window', 'self']);

/** Uses of time, timers and chance that tests could not pass in. */
function ambientUses({ path, text }: SourceFile): string[] {
	const problems: string[] = [];
	const add = (node: SyntaxNode, what: string) =>
		problems.push(
			`${path}:${lineAt(text, node.start)} uses ${what}: take it from the Clock that is passed in; only src/platform touches the real one`,
		);
	walk(parseSource(path, text), (node, parents) => {
		const parent = parents.at(-1);
		if (node.type === 'NewExpression' && isNamed(node.callee, 'Date') && (node.arguments as unknown[]).length === 0) add(node, 'new Date()');
		if (node.type === 'CallExpression' && isNamed(node.callee, 'Date')) add(node, 'Date()');
		if (node.type === 'MemberExpression' && !node.computed) {
			if (isGlobal(node.object, 'Date') && isNamed(node.property, 'now')) add(node, 'Date.now');
			if (isGlobal(node.object, 'Math') && isNamed(node.property, 'random')) add(node, 'Math.random');
			if (isNode(node.object) && GLOBALS.has(String(node.object.name)) && isNode(node.property) && TIMERS.has(String(node.property.name)))
				add(node, String(node.property.name));
		}
		const isMemberName = parent?.type === 'MemberExpression' && parent.property === node && !parent.computed;
		const isKey = parent?.key === node && !parent.shorthand && !parent.computed;
		const isType = parent?.type === 'TSTypeQuery';
		if (node.type === 'Identifier' && TIMERS.has(String(node.name)) && !isMemberName && !isKey && !isType) add(node, String(node.name));
	});
	return problems;
}

function isNamed(node: unknown, name: string): boolean {
	return isNode(node) && node.type === 'Identifier' && node.name === name;
}

/** `Date`, or the same by way of `globalThis`. */
function isGlobal(node: unknown, name: string): boolean {
	if (isNamed(node, name)) return true;
	return (
		isNode(node) && node.type === 'MemberExpression' && isNode(node.object) && GLOBALS.has(String(node.object.name)) && isNamed(node.property, name)
	);
}
