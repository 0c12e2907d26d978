import type { JsonObject } from '../referee/json-reader.ts';
import type { Referee } from '../referee/referee.ts';
import { type Expected, fold, type JournalWriter, leaves, type Said } from './oracle.ts';
import type { Session } from './session.ts';
import type { ExportedLine, TideServer } from './tide-server.ts';

/** A session, what of its journal must be there, and where its writer began. */
interface Told extends JournalWriter {
	session: Session;
}

/** Step at which a writer begins, given the sessions opened before it: undefined where the rule of the device ({@link afterEarlier}) holds. */
export type BaseOf = (session: Session) => number | null | undefined;

/** A writer goes on after all rows that its device knows; the first one of a device after those of the server. */
function afterEarlier(session: Session, earlier: readonly Told[]): number {
	const here = earlier.filter((told) => told.session.page.device === session.page.device);
	const known = here.length > 0 ? here.filter(({ base }) => base !== null) : earlier;
	return Math.max(0, ...[...fold(known).rows.keys()].map((step) => step + 1), ...known.map(({ base }) => base ?? 0));
}

/** Where a server was asked it may have had more rows by then, but never fewer. */
function baseIn(session: Session, earlier: readonly Told[], told: number | null | undefined, wrong: string[]): number | null {
	const least = afterEarlier(session, earlier);
	if (typeof told === 'number' && told < least) wrong.push(`${session.writer} begins at step ${told}, in the midst of rows up to ${least - 1}`);
	return told === undefined ? least : told;
}

/** As their records lie over each other. */
function inOrder(opened: readonly Told[]): Told[] {
	return [...opened].sort(({ session: a }, { session: b }) => a.startedMs - b.startedMs || (a.writer < b.writer ? -1 : 1));
}

/**
 * Compares the raw export of our server with the journal. A page that died takes what had not reached the store with it: of its calls the first so many
 * must be there, as many as the store holds, and no fewer than were flushed. Returns what is wrong.
 */
export async function compareTide(
	server: TideServer,
	id: string,
	sessions: readonly Session[],
	{ baseOf = () => undefined, localIdOf = () => id }: CompareOptions = {},
): Promise<string[]> {
	const wrong: string[] = [];
	const history = await server.records(id);
	const meta = await server.records(id, 'meta');
	const opened: Told[] = [];
	for (const session of sessions) {
		const stored = await storedOf(session, localIdOf(session));
		const { calls, said } = session;
		if (stored.history > calls.length) wrong.push(`${session.writer}: the store holds ${stored.history} records of ${calls.length} calls`);
		const least = session.page.isDead ? session.flushed.calls : calls.length;
		if (stored.history < least) wrong.push(`${session.writer}: the store holds ${stored.history} records, but ${least} were safe`);
		const lines = meta.filter(({ writer }) => writer === session.writer);
		const upTo = saidUpTo(said, lines, session.page.isDead ? session.flushed.said : said.length);
		if (upTo === undefined)
			wrong.push(`${session.writer}: meta lines say another thing than was said: ${text(lines.map(({ line }) => line))} instead of ${text(said)}`);
		const base = baseIn(session, opened, baseOf(session), wrong);
		const given = history.filter(({ writer }) => writer === session.writer).map(({ step }) => step as number);
		opened.push({ session, calls: calls.slice(0, stored.history), said: said.slice(0, upTo), base, given });
	}
	const journal = inOrder(opened);
	const ours = journal.map(({ session }) => session);
	const expected = fold(journal);

	const writers = [...new Set(history.map(({ writer }) => writer))].filter((writer) => writer !== '');
	const known = ours.map(({ writer }) => writer);
	if (writers.some((writer) => !known.includes(writer))) wrong.push(`unknown writers ${writers.join()} beside ${known.join()}`);
	for (const [i, session] of ours.entries()) {
		const lines = history.filter(({ writer }) => writer === session.writer);
		wrong.push(...compareRecords(session, lines, expected.records[i] ?? []));
		const metaN = meta.filter(({ writer }) => writer === session.writer).map(({ n }) => n);
		if (metaN.some((n, place) => n !== place)) wrong.push(`${session.writer}: meta lines are numbered ${metaN.join()}`);
	}
	if (journal.some(({ base }) => base === null)) wrong.push(...compareGiven(ours, journal));
	// Rows that a fork or a rewind has copied are nobody's records.
	const isOurs = history.every(({ writer }) => writer !== '');
	wrong.push(...compareRows(await server.rows(id), expected, isOurs));
	const run = server.run(id);
	const count = journal.reduce((sum, { calls }) => sum + calls.length, 0);
	const { records } = server.tracker.info(run);
	if (isOurs && records !== count) wrong.push(`the server counts ${records} records, not ${count}`);
	wrong.push(...compareValues('summary', new Map(Object.entries(server.tracker.summary(run))), expected.summary));
	wrong.push(...compareValues('config', leaves(withoutInternal(server.tracker.detail(run).config)), leaves(expected.config)));
	return wrong;
}

export interface CompareOptions {
	baseOf?: BaseOf;
	/** Id of the run in the store, where it is sent under another. */
	localIdOf?: (session: Session) => string;
}

/** Compares what a W&B server has with the journal: no value lost, the last of a key and step wins. */
export async function compareReferee(
	referee: Referee,
	id: string,
	sessions: readonly Session[],
	{ baseOf = () => undefined, localIdOf = () => id }: CompareOptions = {},
): Promise<string[]> {
	const wrong = referee.check().map((violation) => `referee: ${violation}`);
	const opened: Told[] = [];
	for (const session of sessions) {
		const stored = await storedOf(session, localIdOf(session));
		const least = session.page.isDead ? session.flushed.calls : session.calls.length;
		if (stored.history < least || stored.history > session.calls.length)
			wrong.push(`${session.writer}: ${stored.history} records are stored, not ${least}`);
		const base = baseIn(session, opened, baseOf(session), wrong);
		opened.push({ session, calls: session.calls.slice(0, stored.history), said: session.said, base });
	}
	const journal = inOrder(opened);
	const expected = fold(journal);
	const rows = new Map<number, Map<string, unknown>>();
	let values = 0;
	const keys = new Set<string>();
	for (const line of referee.rows(id)) {
		const { _step, _timestamp, _runtime, 'tidelog/step': nested, tidelog, ...data } = line;
		const step = Number(nested ?? (tidelog as JsonObject | undefined)?.step);
		const flat = leaves(data);
		values += flat.size;
		for (const key of flat.keys()) keys.add(key);
		rows.set(step, new Map([...(rows.get(step) ?? []), ...flat]));
	}
	wrong.push(...compareRowMaps(rows, expected.rows));
	const logged = expected.records.flat().reduce((sum, { values: own }) => sum + own.size, 0);
	if (values > logged) wrong.push(`the lines hold ${values} values, but ${logged} were logged`);
	// What is said after the last flush of a page that died may be lost, which this server's config and summary cannot tell apart.
	if (sessions.some(({ page, flushed, said }) => page.isDead && flushed.said < said.length)) return wrong;
	wrong.push(...compareValues('config', leaves(referee.config(id) ?? {}), leaves(expected.config)));
	const defined = new Set(journal.flatMap(({ said }) => said.flatMap(({ kind, path }) => (kind === 'metric' ? path : []))));
	const isDefined = (key: string) => [...defined].some((name) => name === key || (name.endsWith('*') && key.startsWith(name.slice(0, -1))));
	const { _step, _timestamp, _runtime, _wandb, 'tidelog/step': own, tidelog, ...summary } = referee.summary(id) ?? {};
	const plain = (all: Map<string, unknown>) =>
		new Map([...all].filter(([key]) => !isDefined(key) && !isDefined(key.replace(/\.(min|max|mean|first|last)$/, ''))));
	wrong.push(...compareValues('summary', plain(leaves(summary)), plain(expected.summary)));
	return wrong;
}

async function storedOf({ page, writer }: Session, run: string): Promise<{ history: number }> {
	const state = (await page.device.store.writers(run)).find((known) => known.writer === writer);
	return { history: state?.stored.history ?? 0 };
}

function compareRecords(session: Session, lines: readonly ExportedLine[], expected: Expected['records'][number]): string[] {
	const wrong: string[] = [];
	if (lines.length !== expected.length) wrong.push(`${session.writer}: the server holds ${lines.length} records, not ${expected.length}`);
	for (const [i, { n, line }] of lines.entries()) {
		const { _step, _timestamp, _runtime, ...data } = line;
		const wanted = expected[i];
		const call = session.calls[i];
		if (!wanted || !call || n !== i) return [...wrong, `${session.writer}: line ${i} is numbered ${n}`];
		if (_step !== wanted.step) wrong.push(`${session.writer}: record ${i} is at step ${_step}, not ${wanted.step}`);
		if (Math.round(1000 * Number(_timestamp)) !== call.atMs)
			wrong.push(`${session.writer}: record ${i} was logged at ${_timestamp}, not ${call.atMs}`);
		wrong.push(...compareValues(`${session.writer} record ${i}`, new Map(Object.entries(data)), wanted.values));
	}
	return wrong;
}

/** Steps that the server gave grow with n, and those that were named are kept. */
function compareGiven(sessions: readonly Session[], journal: readonly JournalWriter[]): string[] {
	return sessions.flatMap(({ writer, calls }, i) => {
		const { base, given = [] } = journal[i] as JournalWriter;
		if (base !== null) return [];
		const own = given.filter((_step, n) => calls[n]?.step === undefined);
		return own.every((step, n) => n === 0 || step > (own[n - 1] as number)) ? [] : [`${writer}: the server gave the steps ${own.join()}`];
	});
}

function compareRows(lines: readonly JsonObject[], expected: Expected, isWhole: boolean): string[] {
	const rows = new Map(
		lines.map((line) => {
			const { _step, _timestamp, _runtime, ...data } = line;
			return [Number(_step), new Map(Object.entries(data))] as const;
		}),
	);
	const wrong = rows.size === lines.length ? [] : ['history.jsonl holds a step twice'];
	return isWhole ? [...wrong, ...compareRowMaps(rows, expected.rows)] : wrong;
}

function compareRowMaps(rows: Map<number, Map<string, unknown>>, expected: Expected['rows']): string[] {
	const wrong: string[] = [];
	for (const [step, values] of expected) {
		const there = rows.get(step);
		if (there) wrong.push(...compareValues(`row ${step}`, there, values));
		else if (values.size > 0) wrong.push(`row ${step} is missing`);
	}
	for (const [step, values] of rows) if (!expected.has(step) && values.size > 0) wrong.push(`row ${step} was never logged`);
	return wrong;
}

function compareValues(where: string, there: Map<string, unknown>, expected: Map<string, unknown>): string[] {
	const wrong: string[] = [];
	for (const [key, value] of expected)
		if (!isSame(there.get(key), value)) wrong.push(`${where}: ${key} is ${text(there.get(key))}, not ${text(value)}`);
	for (const [key, value] of there) if (!expected.has(key)) wrong.push(`${where}: ${key} (${text(value)}) was never said`);
	return wrong;
}

/** Bit for bit: NaN is itself, −0 is not 0, a bigint no number. A mean may differ in its last digits, since it depends on the order of adding. */
export function isSame(a: unknown, b: unknown, name = ''): boolean {
	if (Object.is(a, b)) return true;
	if (name === 'mean' && typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
	if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
	const [left, right] = [Object.entries(a), b as Record<string, unknown>];
	return left.length === Object.keys(b).length && left.every(([key, value]) => key in right && isSame(value, right[key], key));
}

/**
 * How much of what was said the meta lines of a writer say: all of it, or, of a page that died, a beginning. Several changes of one path in one record
 * leave only the last, so it is the outcome that is compared. Undefined when no beginning fits.
 */
function saidUpTo(said: readonly Said[], lines: readonly ExportedLine[], least: number): number | undefined {
	const there = outcome(lines.flatMap(({ line }) => saidIn(line)));
	for (let upTo = said.length; upTo >= least; upTo--) if (isSame(outcome(said.slice(0, upTo)), there)) return upTo;
	return undefined;
}

function saidIn(line: JsonObject): Said[] {
	const out: Said[] = [];
	for (const kind of ['config', 'summary'] as const) {
		for (const [path, value] of (line[kind] ?? []) as unknown as [string[], unknown?][]) out.push({ kind, path, value });
	}
	const { metric, alert, finish, resumed } = line as Record<string, JsonObject>;
	if (metric) {
		const { name, ...rest } = metric;
		out.push({ kind: 'metric', path: [String(name)], value: rest });
	}
	if (alert) out.push({ kind: 'alert', path: [String(alert.title)], value: alert.title });
	if (finish) out.push({ kind: 'finish', path: [], value: finish.exitCode });
	if (resumed !== undefined) out.push({ kind: 'resumed', path: [] });
	return out;
}

/** The last word on each path, in order. */
function outcome(said: readonly Said[]): unknown[] {
	const last = new Map<string, Said>();
	let n = 0;
	for (const { kind, path, value } of said) {
		const isOnce = kind === 'config' || kind === 'summary';
		const name = `${kind} ${isOnce ? JSON.stringify(path) : n++}`;
		last.delete(name);
		last.set(name, { kind, path, value });
	}
	// Kinds are members of one record, so only the order within each kind shows.
	return [...last.values()]
		.sort((a, b) => (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0))
		.map(({ kind, path, value }) => [kind, path, cleared(value)]);
}

function cleared(value: unknown): unknown {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
	return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

function withoutInternal(config: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith('_')));
}

function text(value: unknown): string {
	const shown = JSON.stringify(value, (_key, member: unknown) => {
		if (typeof member === 'bigint') return `${member}n`;
		return typeof member === 'number' && (!Number.isFinite(member) || Object.is(member, -0)) ? `<${Object.is(member, -0) ? '-0' : member}>` : member;
	});
	return String(shown).slice(0, 600);
}
