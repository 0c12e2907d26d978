import type { Cloud } from './cloud.ts';
import { answer, type JsonBody } from './http.ts';
import type { JsonObject } from './json-reader.ts';
import { judgeConsoleLine, judgeEventsLine, judgeHistoryLine, judgeSummaryLine, utf8Length } from './lines.ts';
import { type Arrival, MOST_CONTENT_BYTES } from './pace.ts';
import type { RefereeRun, Writer } from './run.ts';
import { FILES, judgeBody, type Lines, type StreamBody } from './stream-body.ts';
import { quote, refuse, Violation } from './violation.ts';

/** What a request brings that was not there before. */
interface News {
	history: string[];
	events: string[];
	console: Lines;
	summary: JsonObject | undefined;
	lastStep: number | bigint;
	/** History and events lines that came again. */
	resentLines: number;
}

export interface StreamRequest {
	run: RefereeRun;
	headers: Headers;
	body: JsonBody;
	bodyBytes: number;
	atMs: number;
}

/** Takes one file_stream request: all of it, or, if it breaks a rule, nothing (wandb 0.30, core/internal/filestream). */
export function takeStreamRequest(cloud: Cloud, { run, headers, body: { text, value }, bodyBytes, atMs }: StreamRequest): Response {
	const clientId = sharedClientId(headers);
	const writer = run.writer(clientId ?? '');
	// With several writers nobody has the run alone, so that no heartbeat is due from the one who has.
	if (clientId !== undefined) run.writer('').pace.interrupt();
	if (!writer.isComplete) writer.pace.hear(atMs);
	run.hear(atMs);

	const body = judgeBody(value);
	const news = judgeLines(cloud, run, writer, body, clientId !== undefined);
	const isRepeated = isSameAgain(writer, text, body);
	judgeEnd(run, writer, body, news);
	for (const path of body.uploaded) if (!run.files.has(path)) refuse(`uploaded names ${JSON.stringify(path)}, whose bytes never came`);
	const arrival: Arrival = {
		atMs,
		...judgeContent(body),
		bodyBytes,
		firstLines: firstLines(body, news),
		isComplete: body.isComplete && !writer.isComplete,
		isPreempting: body.isPreempting,
		isResend: isRepeated || news.resentLines > 0,
	};
	writer.pace.judge(arrival);

	const wrong = writer.pace.accept(arrival);
	if (wrong) cloud.violations.push(`file_stream ${run.path}: ${wrong}`);
	apply(run, writer, body, news);
	writer.lastBody = text;
	return answer(200, { exitcode: null, limits: {}, stopped: run.isStopped });
}

/** The headers of shared mode, where several processes write one run (wandb 0.30, core/internal/stream/stream_init.go). */
function sharedClientId(headers: Headers): string | undefined {
	if (headers.get('x-wandb-use-async-filestream') !== 'true') return undefined;
	return headers.get('x-wandb-async-client-id') || refuse('shared mode without X-WANDB-ASYNC-CLIENT-ID');
}

function judgeLines(cloud: Cloud, run: RefereeRun, writer: Writer, { files }: StreamBody, isShared: boolean): News {
	const history = newLines(FILES.history, writer.history, files.history);
	const events = newLines(FILES.events, writer.events, files.events);
	let lastStep = run.lastStep;
	forEachLine(FILES.history, history, (line) => {
		lastStep = judgeHistoryLine(line, { isShared, after: lastStep });
	});
	forEachLine(FILES.events, events, judgeEventsLine);
	const console = files.console ?? { offset: 0, content: [] };
	forEachLine(FILES.console, console, (line) => judgeConsoleLine(line, cloud.hasOffered('STRUCTURED_CONSOLE_LOGS')));
	let summary: JsonObject | undefined;
	forEachLine(FILES.summary, files.summary, (line) => {
		summary = judgeSummaryLine(line);
	});
	const sent = (files.history?.content.length ?? 0) + (files.events?.content.length ?? 0);
	const resentLines = sent - history.content.length - events.content.length;
	return { history: history.content, events: events.content, console, summary, lastStep, resentLines };
}

/** Lines are written by their number: those that are there must come again as they were, and none may be left out. */
function newLines(file: string, known: readonly string[], lines: Lines | undefined): Lines {
	if (!lines) return { offset: known.length, content: [] };
	const { offset, content } = lines;
	if (offset > known.length) refuse(`${file} at offset ${offset} leaves a gap: the next line is number ${known.length}`);
	const again = content.slice(0, known.length - offset);
	for (const [index, line] of again.entries()) {
		const before = known[offset + index];
		if (line !== before) refuse(`${file} line ${offset + index} came again with other bytes: ${quote(line)} instead of ${quote(before ?? '')}`);
	}
	return { offset: known.length, content: content.slice(again.length) };
}

function forEachLine(file: string, lines: Lines | undefined, judge: (line: string) => void): void {
	for (const [index, line] of (lines?.content ?? []).entries()) {
		try {
			judge(line);
		} catch (error) {
			if (error instanceof Violation) refuse(`${file} line ${(lines?.offset ?? 0) + index} ${error.message}`);
			throw error;
		}
	}
}

/** The last request once more, because its answer was lost. Heartbeats are all alike, so that this says nothing of them. */
function isSameAgain(writer: Writer, text: string, { files, uploaded, isComplete, isPreempting }: StreamBody): boolean {
	const holds = uploaded.length > 0 || isComplete || isPreempting || Object.values(files).some(({ content }) => content.length > 0);
	return holds && text === writer.lastBody;
}

/** After `complete` only itself may come again. */
function judgeEnd(run: RefereeRun, writer: Writer, body: StreamBody, news: News): void {
	if (!writer.isComplete) return;
	const isNew = news.history.length + news.events.length > 0 || (news.summary && body.files.summary?.content[0] !== run.summaryLine);
	const isRewritten = news.console.content.some((line, index) => run.console[news.console.offset + index] !== withoutNewline(line));
	if (!body.isComplete || body.exitCode !== run.exitCode || isNew || isRewritten)
		refuse('the run is complete; to go on with it begins with UpsertBucket');
}

function judgeContent({ files }: StreamBody): Pick<Arrival, 'contentBytes' | 'longestLineBytes' | 'summaryBytes'> {
	const lines = Object.values(files).flatMap(({ content }) => content.map(utf8Length));
	const contentBytes = lines.reduce((sum, bytes) => sum + bytes, 0);
	if (contentBytes > MOST_CONTENT_BYTES && lines.length > 1)
		refuse(`${contentBytes} bytes of content in ${lines.length} lines; ${MOST_CONTENT_BYTES} are the most`);
	const longestLineBytes = lines.reduce((longest, bytes) => Math.max(longest, bytes), 0);
	return { contentBytes, longestLineBytes, summaryBytes: utf8Length(files.summary?.content[0] ?? '') };
}

function firstLines({ files }: StreamBody, news: News): string[] {
	return [news.history[0], news.events[0], files.summary?.content[0], news.console.content[0]].filter((line) => line !== undefined);
}

function apply(run: RefereeRun, writer: Writer, body: StreamBody, news: News): void {
	for (const line of news.history) run.history.push(line);
	for (const line of news.events) run.events.push(line);
	if (writer.history !== run.history) for (const line of news.history) writer.history.push(line);
	if (writer.events !== run.events) for (const line of news.events) writer.events.push(line);
	for (const [index, line] of news.console.content.entries()) run.console[news.console.offset + index] = withoutNewline(line);
	if (news.summary) {
		run.summary = news.summary;
		run.summaryLine = body.files.summary?.content[0];
	}
	run.lastStep = news.lastStep;
	run.resentLines += news.resentLines;
	run.isPreempting ||= body.isPreempting;
	if (body.isComplete && body.exitCode !== undefined) {
		run.complete(body.exitCode);
		writer.isComplete = true;
		writer.pace.endSession();
	}
}

/** Older SDKs end console lines with one. */
function withoutNewline(line: string): string {
	return line.replace(/\n$/, '');
}
