import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ServerProcess {
	url: string;
	pid: number;
	/** Ends the process and deletes its data, unless they lie in a folder that was given. */
	close(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../server/src/main.ts', import.meta.url));

/** A Tidelog server in a process of its own, as users have it, on `folder` or an empty data folder. `origin` may log to it. */
export async function startServerProcess(origin: string, folder?: string): Promise<ServerProcess> {
	const data = folder ?? mkdtempSync(join(tmpdir(), 'tidelog-bench-server-'));
	const server = spawn(process.execPath, [MAIN, '--port', '0', '--data', data, '--origin', origin], { stdio: ['ignore', 'pipe', 'pipe'] });
	const ended = once(server, 'exit');
	let output = '';
	const url = await new Promise<string>((resolve, reject) => {
		for (const stream of [server.stdout, server.stderr]) {
			stream.setEncoding('utf8').on('data', (text: string) => {
				output += text;
				const address = /Tidelog server: (\S+)/.exec(output)?.[1];
				if (address) resolve(address);
			});
		}
		void ended.then(() => reject(new Error(`the server ended at its start: ${output.trim()}`)));
	});
	return {
		url,
		pid: server.pid as number,
		close: async () => {
			server.kill();
			await ended;
			if (folder === undefined) rmSync(data, { recursive: true, force: true });
		},
	};
}
