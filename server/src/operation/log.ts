export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface LogOptions {
	/** The least that is told; `error` by default. */
	level?: LogLevel;
	/** `text` (default): time, level, message, then `name=value`. `json`: one object a line. */
	format?: LogFormat;
	/** Takes whole lines; standard error by default. */
	write?: (line: string) => void;
	/** Milliseconds since the epoch. */
	nowMs?: () => number;
}

const MAX_VALUE_LENGTH = 500;
/** Our secrets, wherever they come from: what a caller gives must not hold one, and what others throw might. */
const SECRET = /tl[kir]-[a-z0-9]{20,}/g;

/** Lines for whoever runs the server. One event is one line, whatever a client has put into a value. */
export class Log {
	readonly #rank: number;
	readonly #format: LogFormat;
	readonly #write: (line: string) => void;
	readonly #nowMs: () => number;

	constructor({ level = 'error', format = 'text', write = (line) => void process.stderr.write(line), nowMs = Date.now }: LogOptions = {}) {
		this.#rank = LOG_LEVELS.indexOf(level);
		this.#format = format;
		this.#write = write;
		this.#nowMs = nowMs;
	}

	/** Whether lines of this level are told; spares the work of making them. */
	tells(level: LogLevel): boolean {
		return LOG_LEVELS.indexOf(level) <= this.#rank;
	}

	/** @param cause what was thrown; its stack goes with the line. */
	error(message: string, fields?: LogFields, cause?: unknown): void {
		this.#line('error', message, cause === undefined ? fields : { ...fields, error: describe(cause) });
	}

	warn(message: string, fields?: LogFields): void {
		this.#line('warn', message, fields);
	}

	info(message: string, fields?: LogFields): void {
		this.#line('info', message, fields);
	}

	debug(message: string, fields?: LogFields): void {
		this.#line('debug', message, fields);
	}

	#line(level: LogLevel, message: string, fields: LogFields = {}): void {
		if (!this.tells(level)) return;
		const time = new Date(this.#nowMs()).toISOString();
		const told = Object.entries(fields).flatMap(([name, value]): [string, string | number | boolean][] =>
			value === undefined ? [] : [[name, name === 'error' || typeof value !== 'string' ? value : value.slice(0, MAX_VALUE_LENGTH)]],
		);
		const line =
			this.#format === 'json'
				? JSON.stringify({ time, level, message, ...Object.fromEntries(told) })
				: [time, level.toUpperCase().padEnd(5), message, ...told.map(([name, value]) => `${name}=${textOf(value)}`)].join(' ');
		this.#write(`${line.replace(SECRET, (secret) => `${secret.slice(0, 4)}…`)}\n`);
	}
}

function textOf(value: string | number | boolean): string {
	return typeof value !== 'string' || /^[\w./:@-]+$/.test(value) ? String(value) : JSON.stringify(value);
}

/** The stack. What JSON.parse throws quotes its text, which is a body's or a row's: of that the places only. */
function describe(cause: unknown): string {
	if (!(cause instanceof Error)) return String(cause);
	const stack = cause.stack ?? String(cause);
	if (!(cause instanceof SyntaxError)) return stack;
	return ['SyntaxError', ...stack.split('\n').filter((line) => /^ {4}at /.test(line))].join('\n');
}
