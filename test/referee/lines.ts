import { INTEGER, type JsonObject, type JsonValue, readObject } from './json-reader.ts';
import { quote, refuse, Violation } from './violation.ts';

/** 10 MiB − 100 KiB in UTF-8; the official client drops what is longer (wandb 0.30, x_file_stream_max_line_bytes). */
const MOST_LINE_BYTES = 10_383_360;
/** What the official client's terminal keeps of one line (wandb 0.30, core/internal/terminalemulator). */
const MOST_CONSOLE_CHARACTERS = 4096;
/** Seconds since 1970 have 10 digits until the year 2286; with 12 or more they are milliseconds. */
const MOST_TIMESTAMP_SECONDS = 1e11;
const MOST_STEP = 2n ** 63n - 1n;

const LEGACY_CONSOLE_LINE = /^(?:ERROR )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?: |$)/;
const CONSOLE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

export function utf8Length(text: string): number {
	return Buffer.byteLength(text, 'utf8');
}

export interface HistoryRules {
	/** Several processes write one run: the server numbers the rows, so a step must be absent instead of present. */
	isShared: boolean;
	/** Steps grow: the next one is larger than this. */
	after: number | bigint;
}

/** Judges one line of history (wandb 0.30, core/internal/runhistory) and returns its step. */
export function judgeHistoryLine(line: string, { isShared, after }: HistoryRules): number | bigint {
	return judged(line, () => {
		const { value: row, literals } = readLine(line);
		judgeTimes(row);
		if (isShared) return '_step' in row ? refuse('has _step, which shared mode leaves to the server') : after;
		const literal = literals.get('_step');
		if (!('_step' in row)) refuse('has no _step');
		if (literal === undefined || !INTEGER.test(literal)) refuse(`has _step ${literal ?? shown(row._step)}, which is no integer literal`);
		const step = row._step as number | bigint;
		if (step < 0 || Object.is(step, -0) || step > MOST_STEP) refuse(`has _step ${literal}, which is not from 0 to 2^63 − 1`);
		if (step <= after) refuse(`has _step ${literal}, but the run is at step ${after} already`);
		return step;
	});
}

/** Judges one line of events: a flat object of samples of the machine (wandb 0.30, core/internal/monitor). */
export function judgeEventsLine(line: string): void {
	judged(line, () => {
		const { value: sample } = readLine(line);
		judgeTimes(sample);
		if (sample._wandb !== true) refuse('has no "_wandb": true');
		for (const [key, value] of Object.entries(sample)) {
			if (typeof value === 'object' && value !== null) refuse(`is not flat: ${JSON.stringify(key)}`);
			if (!/^(system\.|_wandb$|_timestamp$|_runtime$)/.test(key)) refuse(`has the key ${JSON.stringify(key)}, which does not begin with "system."`);
		}
	});
}

export function judgeSummaryLine(line: string): JsonObject {
	return judged(line, () => readLine(line).value);
}

/** Judges one line of console, either form (wandb 0.30, core/internal/runconsolelogs). A newline at the end is an older SDK's. */
export function judgeConsoleLine(line: string, mayBeStructured: boolean): void {
	judged(line, () => {
		const text = line.replace(/\n$/, '');
		judgeText(text);
		const isStructured = text.startsWith('{');
		if (isStructured && !mayBeStructured) refuse('is a structured console line, which this server did not offer (STRUCTURED_CONSOLE_LOGS)');
		if (!isStructured && !LEGACY_CONSOLE_LINE.test(text)) refuse('does not begin with [ERROR ]YYYY-MM-DDTHH:MM:SS.ffffff');
		const content = isStructured ? structuredContent(text) : text.replace(LEGACY_CONSOLE_LINE, '');
		if ([...content].length > MOST_CONSOLE_CHARACTERS) refuse(`has more than ${MOST_CONSOLE_CHARACTERS} characters of text`);
	});
}

function structuredContent(text: string): string {
	const { value: line } = readObject(text, { bareNumbers: false });
	for (const key of Object.keys(line)) if (!/^(level|ts|label|content)$/.test(key)) refuse(`has the unknown member ${JSON.stringify(key)}`);
	if (typeof line.ts !== 'string' || !CONSOLE_TIME.test(line.ts)) refuse('has no ts of the form YYYY-MM-DDTHH:MM:SS.ffffff');
	if ('level' in line && line.level !== 'error') refuse('has a level other than "error"');
	if ('label' in line && typeof line.label !== 'string') refuse('has a label that is no string');
	return typeof line.content === 'string' ? line.content : refuse('has no content that is a string');
}

function readLine(line: string): { value: JsonObject; literals: Map<string, string> } {
	judgeText(line);
	const bytes = utf8Length(line);
	if (bytes > MOST_LINE_BYTES) refuse(`has ${bytes} bytes; ${MOST_LINE_BYTES} are the most`);
	return readObject(line, { bareNumbers: true });
}

function judgeText(line: string): void {
	if (/[\n\r]/.test(line)) refuse('has a line break in it');
	if (!line.isWellFormed()) refuse('has half a surrogate pair, which UTF-8 cannot say');
}

function judgeTimes(row: JsonObject): void {
	for (const key of ['_timestamp', '_runtime']) {
		if (!(key in row)) refuse(`has no ${key}`);
		if (typeof row[key] !== 'number' || !Number.isFinite(row[key])) refuse(`has ${key} ${shown(row[key])}, which is no number`);
	}
	if ((row._timestamp as number) >= MOST_TIMESTAMP_SECONDS) refuse(`has _timestamp ${row._timestamp}, which cannot be seconds`);
}

function shown(value: JsonValue | undefined): string {
	return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Whatever is said against a line is said with the line. */
function judged<T>(line: string, judge: () => T): T {
	try {
		return judge();
	} catch (error) {
		if (error instanceof Violation) refuse(`${error.message}: ${quote(line)}`);
		throw error;
	}
}
