/**
 * What a run must come to, by the test's own journal of calls. It shares no code with src: were a rule wrong there, it would be wrong here in
 * another way.
 */

/** One call of `log()`. */
export interface Call {
	data: Record<string, unknown>;
	step?: number;
	commit?: boolean;
	atMs: number;
}

/** One thing said about the run: a path of config or summary set (or deleted), a metric defined, an alert, its end. */
export interface Said {
	kind: 'config' | 'summary' | 'metric' | 'info' | 'alert' | 'finish' | 'resumed';
	path: string[];
	value?: unknown;
}

export interface JournalWriter {
	calls: Call[];
	said: Said[];
	/** Step at which it begins; null when the server numbers its steps, which `given` then holds. */
	base: number | null;
	given?: number[];
}

type Values = Map<string, unknown>;
export interface Expected {
	/** Of each writer its lines: values, and the step. */
	records: { step: number | undefined; values: Values }[][];
	rows: Map<number, Values>;
	summary: Values;
	config: Record<string, unknown>;
}

/** The naive fold: writers in their order, calls in theirs. */
export function fold(writers: readonly JournalWriter[]): Expected {
	const rows = new Map<number, Values>();
	const records = writers.map(({ calls, base, given }) => {
		let next = base ?? 0;
		return calls.map(({ data, step, commit }, n) => {
			const at = step ?? (base === null ? undefined : next);
			if (commit !== false) next = Math.max(next, (step ?? next) + 1);
			else next = Math.max(next, step ?? next);
			const values = leaves(data);
			const row = at ?? given?.[n] ?? -1;
			rows.set(row, new Map([...(rows.get(row) ?? []), ...values]));
			return { step: at, values };
		});
	});
	const said = writers.flatMap((writer) => writer.said);
	const metrics: Record<string, { summary?: string[] }> = Object.create(null);
	for (const { kind, path, value } of said) if (kind === 'metric') metrics[path[0] as string] = Object.assign({}, metrics[path[0] as string], value);
	const all = new Map<string, unknown[]>();
	for (const step of [...rows.keys()].sort((a, b) => a - b)) {
		for (const [key, value] of rows.get(step) as Values) all.set(key, [...(all.get(key) ?? []), value]);
	}
	const summary: Values = new Map();
	for (const [key, values] of all) {
		const glob = Object.keys(metrics).filter((name) => name.endsWith('*') && key.startsWith(name.slice(0, -1)));
		const name = key in metrics ? key : glob.sort((a, b) => b.length - a.length)[0];
		const value = summarize(values, (name === undefined ? undefined : metrics[name]?.summary) ?? []);
		if (value !== undefined) summary.set(key, value);
	}
	for (const [key, value] of leaves(edit(said, 'summary'))) {
		for (const known of summary.keys()) if (known.startsWith(`${key}.`)) summary.delete(known);
		summary.set(key, value);
	}
	return { records, rows, summary, config: edit(said, 'config') };
}

/** Values of a key, one a step in order of step, as its definition wants them. */
function summarize(values: unknown[], wanted: string[]): unknown {
	if (wanted.includes('none')) return undefined;
	if (wanted.length === 0) return values.at(-1);
	const numbers = values.filter((value) => typeof value === 'number' || typeof value === 'bigint').map(Number);
	const finite = numbers.filter(Number.isFinite);
	const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
	const all: Record<string, unknown> = { last: values.at(-1), first: values[0] };
	if (finite.length > 0) Object.assign(all, { min: Math.min(...finite), max: Math.max(...finite), mean });
	const out = Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name)));
	const others = numbers.length - finite.length;
	return others > 0 && wanted.some((name) => /min|max|mean/.test(name)) ? { ...out, nonFinite: others } : out;
}

function edit(said: readonly Said[], kind: Said['kind']): Record<string, unknown> {
	const object: Record<string, unknown> = {};
	for (const { path, value } of said.filter((one) => one.kind === kind)) {
		let at = object;
		for (const key of path.slice(0, -1)) {
			if (!isPlain(at[key])) at[key] = {};
			at = at[key] as Record<string, unknown>;
		}
		if (value === undefined) delete at[path.at(-1) as string];
		else at[path.at(-1) as string] = structuredClone(value);
	}
	return object;
}

/** Leaves by dotted key, as a line can say them. */
export function leaves(data: Record<string, unknown>, prefix = ''): Values {
	const out: Values = new Map();
	for (const [key, value] of Object.entries(data)) {
		if (isPlain(value)) for (const [inner, leaf] of leaves(value, `${prefix}${key}.`)) out.set(inner, leaf);
		else if (value !== undefined) out.set(prefix + key, plain(value));
	}
	return out;
}

function plain(value: unknown): unknown {
	if (ArrayBuffer.isView(value)) return Array.from(value as unknown as number[]);
	if (Array.isArray(value)) return value.map(plain);
	if (value instanceof Date) return value.toISOString();
	return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function isPlain(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}
