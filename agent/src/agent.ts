import { hostname } from 'node:os';
import { PageKeys } from './page-keys.ts';
import { PageServer } from './page-server.ts';
import { type Sample, Sampler, type SamplerOptions } from './sampler/sampler.ts';
import { openServerWriter, type ServerWriterOptions } from './server-writer.ts';

export interface AgentOptions {
	intervalMs: number;
	nvidiaSmi?: SamplerOptions['nvidiaSmi'];
	/** Pages that may read; undefined: none, and nothing listens. */
	pages?: { port?: number; origins: readonly string[]; tokenFile?: string };
	server?: Omit<ServerWriterOptions, 'onNotice'>;
	/** For the person at the terminal. */
	say(message: string): void;
}

export interface RunningAgent {
	/** Port that pages connect to. */
	port: number | undefined;
	/** The code that a page pairs with. */
	code: string | undefined;
	/** Address of the run that samples go to, once the server has told it. */
	url: string | undefined;
	sampler: Sampler;
	/** Stops sampling, and gives what is on the way so long to arrive. */
	close(timeoutMs?: number): Promise<void>;
}

/** Starts the companion agent. Samples are taken only while somebody wants them: a server, or at least one page. */
export async function startAgent({ intervalMs, nvidiaSmi, pages, server, say }: AgentOptions): Promise<RunningAgent> {
	const writer = server && (await openServerWriter({ ...server, onNotice: say }));
	const keys = pages && new PageKeys(pages.tokenFile, (code) => say(`Code for the next page: ${spaced(code)}`));
	const takers: ((sample: Sample) => void)[] = [];
	const onSample = (sample: Sample) => {
		for (const take of takers) take(sample);
	};
	const sampler = new Sampler({ intervalMs, nvidiaSmi, onSample, onNotice: say });
	const pageServer =
		pages &&
		keys &&
		new PageServer({
			...pages,
			keys,
			host: hostname(),
			intervalMs,
			onNeed: (isNeeded) => (isNeeded ? sampler.start() : writer || sampler.stop()),
			onNotice: say,
		});
	if (writer) takers.push((sample) => writer.send(sample));
	if (pageServer) {
		takers.push((sample) => pageServer.send(sample));
		await pageServer.start();
		say(`Pages of ${pages?.origins.join(', ')} may connect to port ${pageServer.port}. Code: ${spaced(keys?.code ?? '')}`);
	}
	if (writer) sampler.start();
	return {
		sampler,
		get port() {
			return pageServer?.port;
		},
		get code() {
			return keys?.code;
		},
		get url() {
			return writer?.run.url;
		},
		async close(timeoutMs = 5_000) {
			sampler.stop();
			await pageServer?.close();
			await writer?.close(timeoutMs);
		},
	};
}

function spaced(code: string): string {
	return `${code.slice(0, 3)} ${code.slice(3)}`;
}
