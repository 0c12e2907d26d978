import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { freePort } from '../e2e/support.ts';

/** Date up to which the runtime's changes are in force; that of the version in package.json, or earlier. */
const COMPATIBILITY_DATE = '2026-11-17';

/** Path of Cloudflare's runtime, or why it is not there. */
export function findWorkerd(): { path: string } | { missing: string } {
	try {
		const { default: path } = createRequire(import.meta.url)('workerd') as { default: string };
		return existsSync(path) ? { path } : { missing: `${path} is not there: npm has not installed workerd for this platform` };
	} catch (error) {
		return { missing: `workerd cannot be loaded (${error instanceof Error ? error.message : String(error)})` };
	}
}

/** Cloudflare's runtime with the edge build, as its own process. */
export class Workerd {
	readonly url: string;
	readonly #child: ChildProcess;

	private constructor(url: string, child: ChildProcess) {
		this.url = url;
		this.#child = child;
	}

	/** @param folder Empty; what the runtime loads is put there. */
	static async start(path: string, folder: string): Promise<Workerd> {
		const port = await freePort();
		// Under their names in this repository, so that they find one another.
		const modules = ['test/runtimes/edge-worker.js', 'test/runtimes/program.js', ...readdirSync('dist/edge').map((name) => `dist/edge/${name}`)];
		for (const name of modules) cpSync(resolve(name), join(folder, name));
		writeFileSync(
			join(folder, 'config.capnp'),
			`using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.map((name) => `(name = "${name}", esModule = embed "${name}")`).join(', ')}],
      compatibilityDate = "${COMPATIBILITY_DATE}",
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
		);
		const child = spawn(path, ['serve', 'config.capnp'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
		const url = `http://127.0.0.1:${port}`;
		for (let tries = 0; tries < 100; tries++) {
			if (child.exitCode !== null) throw new Error(`workerd ended with ${child.exitCode}.`);
			const isUp = await fetch(`${url}/up`).then(
				() => true,
				() => false,
			);
			if (isUp) return new Workerd(url, child);
			await new Promise((done) => setTimeout(done, 100));
		}
		child.kill('SIGKILL');
		throw new Error('workerd did not answer within 10 s.');
	}

	async get(path: string): Promise<unknown> {
		const response = await fetch(this.url + path);
		if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
		return response.json();
	}

	async stop(): Promise<void> {
		if (this.#child.exitCode !== null) return;
		this.#child.kill('SIGKILL');
		await once(this.#child, 'exit');
	}
}
