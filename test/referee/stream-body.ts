import { isObject, type JsonObject, type JsonValue } from './json-reader.ts';
import { refuse } from './violation.ts';

export const FILES = { history: 'wandb-history.jsonl', events: 'wandb-events.jsonl', summary: 'wandb-summary.json', console: 'output.log' } as const;

export interface Lines {
	/** The number of the first line. */
	offset: number;
	content: string[];
}

/** The body of one file_stream request (wandb 0.30, core/internal/filestream/filestreamrequest.go), its form judged. */
export interface StreamBody {
	files: Partial<Record<keyof typeof FILES, Lines>>;
	uploaded: string[];
	isPreempting: boolean;
	isComplete: boolean;
	exitCode: number | undefined;
}

/** `dropped` and `failed` are an older SDK's (wandb 0.25, wandb/sdk/internal/file_stream.py). */
const MEMBERS = ['files', 'uploaded', 'preempting', 'complete', 'exitcode', 'dropped', 'failed'];

export function judgeBody(body: JsonObject): StreamBody {
	for (const member of Object.keys(body)) if (!MEMBERS.includes(member)) refuse(`the unknown member ${JSON.stringify(member)}`);
	const { files = {}, uploaded = [], complete = false, exitcode } = body;
	if (!isObject(files)) refuse('files is no object');
	if (!isTexts(uploaded)) refuse('uploaded is no list of paths');
	if ('preempting' in body && body.preempting !== true) refuse('preempting is something other than true');
	if (typeof complete !== 'boolean') refuse('complete is neither true nor false');
	if (exitcode !== undefined && !isInteger(exitcode)) refuse('exitcode is no integer');
	if (complete && exitcode === undefined) refuse('complete without exitcode');
	if (!complete && exitcode !== undefined) refuse('exitcode without complete');
	if ('dropped' in body && !isCount(body.dropped)) refuse('dropped is no count');
	if ('failed' in body && typeof body.failed !== 'boolean') refuse('failed is neither true nor false');
	return { files: judgeFiles(files), uploaded, isPreempting: body.preempting === true, isComplete: complete, exitCode: exitcode };
}

function judgeFiles(files: JsonObject): StreamBody['files'] {
	const lines: StreamBody['files'] = {};
	for (const [name, chunk] of Object.entries(files)) {
		const file = (Object.keys(FILES) as (keyof typeof FILES)[]).find((known) => FILES[known] === name);
		if (!file) refuse(`the unknown file ${JSON.stringify(name)}`);
		if (!isObject(chunk)) refuse(`${name} is no object`);
		for (const member of Object.keys(chunk))
			if (member !== 'offset' && member !== 'content') refuse(`${name} has the unknown member ${JSON.stringify(member)}`);
		if (!isCount(chunk.offset)) refuse(`${name} has no offset that is a whole number`);
		if (!isTexts(chunk.content)) refuse(`${name} has no content that is a list of strings`);
		lines[file] = { offset: chunk.offset, content: chunk.content };
	}
	const { summary } = lines;
	if (summary && (summary.content.length !== 1 || summary.offset !== 0))
		refuse(`${FILES.summary} has ${summary.content.length} lines at offset ${summary.offset}; it is one line at offset 0`);
	return lines;
}

function isInteger(value: JsonValue | undefined): value is number {
	return typeof value === 'number' && Number.isInteger(value);
}

function isCount(value: JsonValue | undefined): value is number {
	return isInteger(value) && value >= 0;
}

function isTexts(value: JsonValue | undefined): value is string[] {
	return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
