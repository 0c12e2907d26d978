import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ROOT } from './packed-project.ts';

export interface ViteDev {
	origin: string;
	close(): Promise<void>;
}

/** Starts Vite's dev server with its default configuration. @throws Error with what it printed when it ends before it listens. */
export async function startViteDev(project: string): Promise<ViteDev> {
	const port = await freePort();
	const { NODE_ENV: _, VITEST: __, ...env } = process.env;
	const args = [join(ROOT, 'node_modules/vite/bin/vite.js'), '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
	const vite = spawn(process.execPath, args, { cwd: project, env: { ...env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
	const ended = once(vite, 'exit');
	let output = '';
	await new Promise<void>((resolve, reject) => {
		for (const stream of [vite.stdout, vite.stderr]) {
			stream.setEncoding('utf8').on('data', (text: string) => {
				output += text;
				if (output.includes(`:${port}/`)) resolve();
			});
		}
		void ended.then(() => reject(new Error(`Vite's dev server ended:\n${output}`)));
	});
	return {
		origin: `http://127.0.0.1:${port}`,
		close: async () => {
			vite.kill();
			await ended;
		},
	};
}

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const probe = createServer().once('error', reject);
		probe.listen(0, '127.0.0.1', () => {
			const address = probe.address();
			probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port is free'))));
		});
	});
}
