import { answer, answerError } from './http.ts';
import type { RefereeRun } from './run.ts';
import { quote, refuse } from './violation.ts';

/** What a HTTP stack adds by itself. Anything else on an upload must have been asked for, or signed addresses would not hold. */
const OWN_HEADERS =
	/^(host|connection|keep-alive|content-length|user-agent|accept|accept-language|accept-encoding|origin|referer|cache-control|pragma|priority|dnt|te|sec-.*)$/;

interface Upload {
	run: RefereeRun;
	path: string;
	/** Stands in for a signature: who has it may write this file, and nobody else. */
	signature: string;
}

/** The storage behind `CreateRunFiles`: addresses that carry their own right (wandb 0.30, core/internal/filetransfer). */
export class Uploads {
	readonly headers: readonly string[];
	readonly #storageUrl: string | undefined;
	readonly #given = new Map<string, Upload>();

	constructor(headers: readonly string[], storageUrl: string | undefined) {
		this.headers = headers;
		this.#storageUrl = storageUrl;
	}

	/** The address for one file, beside the one that was asked. */
	give(run: RefereeRun, path: string, askedUrl: string): string {
		if (path === '' || path.startsWith('/') || path.split(/[/\\]/).includes('..'))
			refuse(`the file path ${JSON.stringify(path)} leads out of the run`);
		const number = String(this.#given.size + 1);
		const signature = `${number}-${run.storageId}`;
		this.#given.set(number, { run, path, signature });
		const base = this.#storageUrl ?? new URL(askedUrl).origin;
		return `${base}/storage/${number}/${encodeURIComponent(path)}?signature=${encodeURIComponent(signature)}`;
	}

	/** Takes the bytes of one file. */
	put(request: { url: URL; headers: Headers; bytes: Uint8Array; isDeleted: (path: string) => boolean }): Response {
		const { url, headers, bytes } = request;
		const upload = this.#given.get(url.pathname.split('/').at(-2) ?? '');
		if (!upload || url.searchParams.get('signature') !== upload.signature) refuse(`nobody gave out the address ${quote(url.href)}`);
		if (request.isDeleted(upload.run.path)) return answerError(404, `run ${upload.run.path} was deleted`);
		this.#judgeHeaders(headers, bytes);
		upload.run.files.set(upload.path, bytes);
		return answer(200, {});
	}

	#judgeHeaders(headers: Headers, bytes: Uint8Array): void {
		const asked = new Map(
			this.headers.map((header): [string, string] => [header.split(':', 1).join('').toLowerCase(), header.replace(/^[^:]*:\s*/, '')]),
		);
		for (const [name, value] of asked)
			if (headers.get(name) !== value) refuse(`the upload header ${name} is ${headers.get(name) ?? 'missing'}, not ${value} as was asked`);
		for (const [name, value] of headers) {
			if (name === 'authorization') refuse('an upload carries Authorization, which is not for storage to see');
			if (name === 'content-type' && !asked.has(name)) refuse(`an upload carries Content-Type ${value}, which was not asked for`);
			if (!OWN_HEADERS.test(name) && !asked.has(name)) refuse(`an upload carries the header ${name}, which was not asked for`);
		}
		const length = headers.get('content-length');
		if (length !== null && Number(length) !== bytes.byteLength) refuse(`an upload of ${bytes.byteLength} bytes says Content-Length ${length}`);
	}
}
