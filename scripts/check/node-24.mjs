import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const GUARD = 'TIDELOG_STARTED_WITH_OWN_NODE';

/**
 * Our scripts in TypeScript need Node ≥ 24, which the repository brings along (npm package `node`); the Node that was typed may be 20.
 * Starts this same command again with the repository's Node when the present one is too old, and then never returns.
 * This file itself must run in Node 20: plain JavaScript, built-ins only.
 */
export function ensureNode24() {
	if (Number(process.versions.node.split('.')[0]) >= 24) return;
	const own = fileURLToPath(new URL(`../../node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`, import.meta.url));
	if (process.env[GUARD] || !existsSync(own)) {
		console.error(`This needs Node 24 or newer and runs on ${process.version}. Run \`npm install\` with install scripts allowed; it brings Node 24.`);
		process.exit(1);
	}
	const { status } = spawnSync(own, process.argv.slice(1), { stdio: 'inherit', env: { ...process.env, [GUARD]: '1' } });
	process.exit(status ?? 1);
}
