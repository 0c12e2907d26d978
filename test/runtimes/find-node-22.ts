import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The place of a Node 22: named by TIDELOG_NODE_22, on the PATH, or where version managers put it. */
export function findNode22(): string | undefined {
	const named = process.env.TIDELOG_NODE_22;
	const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => ['node22', 'node-22', 'node'].map((name) => join(folder, name)));
	const managed = ['.nvm/versions/node', '.local/share/fnm/node-versions', '.volta/tools/image/node'].flatMap((folder) => {
		const path = join(homedir(), folder);
		const versions = existsSync(path) ? readdirSync(path).filter((name) => /^v?22\./.test(name)) : [];
		return versions.flatMap((version) => [join(path, version, 'bin/node'), join(path, version, 'installation/bin/node')]);
	});
	return [...(named ? [named] : []), ...onPath, ...managed].find((path) => existsSync(path) && isNode22(path));
}

function isNode22(path: string): boolean {
	return spawnSync(path, ['-p', 'process.version'], { encoding: 'utf8' }).stdout?.startsWith('v22.') ?? false;
}
