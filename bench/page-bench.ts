import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromiumPath, sandboxArgs } from './chromium.ts';
import { startStaticServer } from './static-server.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LIMIT_MS = 300_000;
/** Where the browser finds what page modules import by name. */
const IMPORTS = {
	tidelog: '/dist/index.js',
	'tidelog/media': '/dist/media.js',
	'@tensorflow/tfjs': '/node_modules/@tensorflow/tfjs/dist/tf.fesm.min.js',
};

/** What a page sends when its module has run. */
type Answer<T> = PageRun<T> | { error: string };

export interface PageRun<T> {
	value: T;
	/** Name and version. */
	browser: string;
}

/**
 * Runs `measure(options)` of a module in bench/pages in a real Chromium and returns what it resolves with. The browser is not driven by a
 * debugger, whose connection slows large requests about 11 times and wakes the page; the page posts its result by itself. The profile is a
 * folder on disk, as a user's is: in a private window IndexedDB is in memory.
 *
 * @param prepare Called with the origin of the page, before it opens; what it resolves with is what `measure` gets.
 * @param flags More of Chromium's own.
 * @throws Error when the page fails, or does not answer within 5 minutes.
 */
export async function runPage<Options, T>(
	module: string,
	prepare: (origin: string) => Promise<Options> | Options,
	flags: readonly string[] = [],
): Promise<PageRun<T>> {
	const answered = Promise.withResolvers<Answer<T>>();
	let options: Options;
	const server = await startStaticServer({
		folder: ROOT,
		// An isolated page's clock has steps of 5 µs; any other's 100 µs.
		headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
		answer: (request, response) => {
			if (request.method === 'POST' && request.url === '/answer') {
				void text(request).then((body) => answered.resolve(JSON.parse(body) as Answer<T>));
				response.end();
			} else if (request.url === '/') {
				response.setHeader('Cross-Origin-Opener-Policy', 'same-origin').setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
				response.setHeader('Content-Type', 'text/html').end(page(module, options));
			} else return false;
			return true;
		},
	});
	const profile = mkdtempSync(join(tmpdir(), 'tidelog-bench-'));
	try {
		options = await prepare(server.origin);
		const chromium = spawn(chromiumPath(), [...chromiumArgs(profile), ...flags, server.origin], { stdio: 'ignore' });
		const ended = once(chromium, 'exit').then(([code]): Answer<T> => ({ error: `Chromium ended by itself with ${code}` }));
		const late = new AbortController();
		try {
			const answer = await Promise.race([
				answered.promise,
				ended,
				sleep(LIMIT_MS, { error: `the page did not answer within ${LIMIT_MS / 1000} s` }, { signal: late.signal }),
			]);
			if ('error' in answer) throw new Error(answer.error);
			return answer;
		} finally {
			late.abort();
			chromium.kill();
			await ended;
		}
	} finally {
		await server.close();
		// Chromium's helpers may still be writing for a moment after it ended.
		rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	}
}

function chromiumArgs(profile: string): string[] {
	return [
		'--headless=new',
		...sandboxArgs,
		`--user-data-dir=${profile}`,
		'--no-first-run',
		'--no-default-browser-check',
		'--disable-gpu',
		'--disable-extensions',
		'--disable-background-networking',
		'--disable-component-update',
		'--disable-sync',
		// As in the foreground: nobody looks at a headless window, and hidden pages are slowed down.
		'--disable-backgrounding-occluded-windows',
		'--disable-renderer-backgrounding',
	];
}

function page(module: string, options: unknown): string {
	return `<!doctype html><meta charset="utf-8"><title>${module}</title>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
const send = (answer) => fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });
addEventListener('error', (event) => send({ error: 'in the page: ' + event.message }));
addEventListener('unhandledrejection', (event) => send({ error: 'in the page: ' + (event.reason?.stack ?? event.reason) }));
const { measure } = await import('/bench/pages/${module}.ts');
const value = await measure(${JSON.stringify(options) ?? ''});
const { fullVersionList } = await navigator.userAgentData.getHighEntropyValues(['fullVersionList']);
const { brand, version } = fullVersionList.find(({ brand }) => brand === 'Chromium') ?? fullVersionList[0];
send({ value, browser: brand + ' ' + version });
</script>`;
}
