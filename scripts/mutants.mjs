/**
 * Breaks rules of the engine on purpose, one at a time, and sees that the tests notice: node scripts/mutants.mjs [part of a name …]
 *
 * Each mutant is a patch of a copy of the tree; the working tree is never touched. A mutant that no test kills makes this fail.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const COPIED = [
	'src',
	'server/src',
	'test/engine',
	'test/chaos',
	'test/referee',
	'test/reporter.ts',
	'scripts',
	'package.json',
	'tsconfig.json',
	'vitest.config.ts',
];

/** name → [file, text as it stands, text in its place] … */
const MUTANTS = {
	'server: a line seen before is counted again': [
		[
			'server/src/store/sqlite-history-store.ts',
			'if (stored !== lines[n - offset]) result.conflicts++;',
			'const again = parseHistoryLine(lines[n - offset] as string);\n				if (name === HISTORY_FILE) index.add(writer, n, again, index.stepOf(again), result.namedFiles);',
		],
	],
	'server: a line seen before is stored again': [
		[
			'server/src/store/sqlite-history-store.ts',
			'if (isRecords && offset > known) return;',
			'if (isRecords && offset > known) return;\n		if (isRecords) offset = known;',
		],
	],
	'client: sends record n as line n + 1': [['src/sync/send-records.ts', '{ offset: from, content }', '{ offset: from + 1, content }']],
	'client: skips a record': [
		[
			'src/sync/send-records.ts',
			'recordsOf(store, state, stream, from, state.stored[stream] ?? 0)',
			"recordsOf(store, state, stream, stream === 'history' && from > 0 ? from + 1 : from, state.stored[stream] ?? 0)",
		],
	],
	'server: an old summary edit is kept over a newer one': [
		['server/src/meta-lines.ts', 'if (known && !isLater(edit, known)) return false;', 'if (known) return false;'],
	],
	'server: an old config edit is kept over a newer one': [['server/src/config-edits.ts', '(same && !isLater(edit, same))', 'same']],
	'client: an old edit is kept over a newer one': [
		['src/core/meta.ts', 'if (known && !isLater(added, known)) return [...edits];', 'if (known) return [...edits];'],
	],
	'client: the last batch is not sent, and finish says synced': [
		['src/sync/sender.ts', 'const behind = writers.find(isBehind);', 'const behind = run.isFinished ? undefined : writers.find(isBehind);'],
		['src/run.ts', 'return isAtLeast(acknowledged, upTo) && pendingFiles', 'return (isFinishSent || isAtLeast(acknowledged, upTo)) && pendingFiles'],
	],
	'assembler: the last row is not sent': [['src/core/assembler.ts', '	if (isEnd) {\n		emit(row);\n', '	if (isEnd) {\n']],
	'both: writers are laid over each other backwards': [
		['src/core/place.ts', 'return next.startedMs > previous.startedMs;', 'return next.startedMs < previous.startedMs;'],
	],
	'assembler: a late value goes out under another step': [
		['src/core/assembler.ts', 'else if (target !== row) emit(target);', 'else if (target !== row) emit({ ...target, step: freeStep - 1 });'],
	],
	'client: the cursor moves without an answer': [
		[
			'src/sync/send-records.ts',
			"	if (outcome.kind !== 'accepted') return outcome;\n",
			"	if (outcome.kind !== 'accepted') {\n		const moved = Object.fromEntries(parcel.lines.map(({ stream, from, content }) => [stream, from + content.length]));\n		if (outcome.kind === 'retry') await store.updateWriter(state.run, state.writer, (known) => ({ ...(known ?? state), acknowledged: { ...state.acknowledged, ...moved } }));\n		return outcome;\n	}\n",
		],
	],
	'client: the hash is not compared': [['src/sync/send-records.ts', 'taken === upTo && hashes[stream] === hash[file]', 'taken === upTo']],
	'client: visits before the first contact begin at one step': [
		[
			'src/sync/settle-bases.ts',
			'base === null ? null : Math.max(base ?? 0, next)',
			'told ? base : base === null ? null : Math.max(base ?? 0, next)',
		],
	],
	'client: nobody asks for lines of pages that are gone': [
		['src/sync/sender.ts', 'behind ? undefined : writers.find(', 'behind || run ? undefined : writers.find('],
	],
	'server: a late first contact takes edits back': [
		['server/src/tracker.ts', 'this.#isLate(change, config) ?', 'this.#isLate(change, config) && false ?'],
	],
	'server: edits of one record have no order': [['server/src/meta-lines.ts', 'n: place.n + i / 2 ** 20', 'n: place.n']],
	'client: Retry-After is not heard': [
		['src/sync/sender.ts', 'Math.max(outcome.afterMs ?? 0, backOffMs(this.#failures', 'Math.max(0, backOffMs(this.#failures'],
	],
};

const wanted = process.argv.slice(2);
const survivors = [];
let killed = 0;
const before = killerOf([]);
if (before !== undefined) throw new Error(`The tests fail on the tree as it is, so that mutants would prove nothing: ${before}`);
for (const [name, patches] of Object.entries(MUTANTS)) {
	if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
	const killer = killerOf(patches);
	if (killer === undefined) survivors.push(name);
	else killed++;
	console.log(killer === undefined ? `survived  ${name}` : `killed    ${name}\n          by ${killer}`);
}
if (survivors.length > 0) console.log(`The tests do not notice that these rules are broken:\n${survivors.join('\n')}`);
console.log(`${killed} passed, ${survivors.length} failed, 0 skipped`);
process.exitCode = survivors.length === 0 ? 0 : 1;

/** The first test that fails on a patched copy, or undefined. */
function killerOf(patches) {
	const folder = mkdtempSync(join(tmpdir(), 'tidelog-mutant-'));
	try {
		for (const path of COPIED) cpSync(join(root, path), join(folder, path), { recursive: true });
		symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
		for (const [file, from, to] of patches) {
			const text = readFileSync(join(folder, file), 'utf8');
			if (text.split(from).length !== 2) throw new Error(`${file} does not hold this once, so that the mutant cannot be made:\n${from}`);
			writeFileSync(
				join(folder, file),
				text.replace(from, () => to),
			);
		}
		const report = join(folder, 'report.json');
		const args = [
			'run',
			'--project',
			'unit',
			'--bail',
			'1',
			'--reporter',
			'json',
			'--outputFile',
			report,
			'--exclude',
			'**/events.test.ts',
			'test/engine',
			'test/chaos',
		];
		const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
			cwd: folder,
			encoding: 'utf8',
			env: { ...process.env, TIDELOG_CHAOS_SEEDS: '60' },
			timeout: 300_000,
		});
		if (status === 0) return undefined;
		let tests;
		try {
			tests = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap(({ assertionResults }) => assertionResults);
		} catch {
			throw new Error(`The tests of a mutant could not be run:\n${stdout}${stderr}`);
		}
		const failed = tests.filter((test) => test.status === 'failed');
		if (failed.length === 0) throw new Error(`The tests of a mutant ended with ${status}, but none failed:\n${stdout}${stderr}`);
		return failed.map(({ fullName }) => fullName.trim()).join('\n          and ');
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
