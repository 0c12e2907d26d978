import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import { pythonWith, runScript, type ScriptOptions, type ScriptResult, VERSIONS } from './python.ts';

/** A server on a free port of 127.0.0.1, and the client of one version with folders of its own. */
export class Bench {
	readonly folder = mkdtempSync(join(tmpdir(), 'tidelog-interop-'));
	readonly #executable: string;
	#server: Promise<RunningServer> | undefined;

	constructor(executable: string) {
		this.#executable = executable;
	}

	server(): Promise<RunningServer> {
		this.#server ??= startServer({ port: 0, dataDir: join(this.folder, 'server') });
		return this.#server;
	}

	async close(): Promise<void> {
		await (await this.#server)?.close();
		rmSync(this.folder, { recursive: true, force: true });
	}

	/** Runs a script to its end; a code other than the one awaited shows what was printed. */
	async run(script: string, { code = 0, ...options }: Partial<ScriptOptions> & { code?: number | null } = {}): Promise<ScriptResult> {
		const { url } = await this.server();
		const result = await runScript(this.#executable, script, { baseUrl: url, folder: this.folder, ...options });
		expect(result.code, result.output).toBe(code);
		return result;
	}

	async get(path: string): Promise<Response> {
		return fetch(`${(await this.server()).url}/api/projects/interop/runs/${path}`);
	}

	/** A run as the dashboard reads it. */
	async detail(run: string): Promise<Record<string, unknown>> {
		const answer = await this.get(run);
		expect(answer.status).toBe(200);
		return (await answer.json()) as Record<string, unknown>;
	}

	/** The stored lines as they came. */
	async lines(run: string, stream: string): Promise<string[]> {
		const text = await (await this.get(`${run}/records.jsonl?stream=${stream}`)).text();
		return text.split('\n').filter((line) => line !== '');
	}

	/** The sha256 of each file's bytes, by path. */
	async files(run: string): Promise<Record<string, string>> {
		const { files } = (await this.detail(run)) as { files: { path: string }[] };
		const named = await Promise.all(
			files.map(async ({ path }) => {
				const answer = await this.get(`${run}/files/${path.split('/').map(encodeURIComponent).join('/')}`);
				expect(answer.status, path).toBe(200);
				return [
					path,
					createHash('sha256')
						.update(new Uint8Array(await answer.arrayBuffer()))
						.digest('hex'),
				] as const;
			}),
		);
		return Object.fromEntries(named);
	}
}

/** Declares the same tests for each version; where one cannot be had they are skipped and the reason is printed. */
export function withEachVersion(name: string, declare: (bench: Bench, version: string) => void): void {
	for (const version of VERSIONS) {
		const python = pythonWith(version);
		if ('missing' in python) {
			console.warn(`${name} with wandb ${version} is skipped: ${python.missing}`);
			describe.skip(`wandb ${version}`, () => declare(new Bench(''), version));
			continue;
		}
		describe(`wandb ${version}`, () => {
			const bench = new Bench(python.executable);
			afterAll(() => bench.close());
			declare(bench, version);
		});
	}
}
