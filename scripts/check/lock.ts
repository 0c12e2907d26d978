import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './source-files.ts';

interface LockEntry {
	resolved?: string;
	optionalDependencies?: Record<string, string>;
}

/**
 * The lock file must serve every platform. A lock written where another platform's binary could not be found leaves its entry out: npm 11
 * then refuses `npm ci`, and npm 10 leaves that platform without its binary. And it must name no address, so that it serves any registry.
 */
export function checkLock(root: string): Finding {
	const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockEntry> };
	const problems: string[] = [];
	let optional = 0;
	for (const [path, entry] of Object.entries(packages)) {
		if (/^(https?|git|ssh)[:+]/.test(entry.resolved ?? '')) {
			problems.push(`${path} is locked to an address. Install with omit-lockfile-registry-resolved=true (.npmrc has it).`);
		}
		for (const name of Object.keys(entry.optionalDependencies ?? {})) {
			optional++;
			if (!resolves(packages, path, name)) {
				problems.push(
					`${path || 'the root'} names ${name} as optional, but the lock has no entry for it. Pin a version whose binaries are all there.`,
				);
			}
		}
	}
	return { problems, summary: `${Object.keys(packages).length} entries, ${optional} optional` };
}

/** Looks where Node would: in the package's own node_modules, then in each one around it. */
function resolves(packages: Record<string, LockEntry>, from: string, name: string): boolean {
	for (let base = from; ; ) {
		if (packages[base ? `${base}/node_modules/${name}` : `node_modules/${name}`]) return true;
		if (base === '') return false;
		const outer = base.lastIndexOf('/node_modules/');
		base = outer === -1 ? '' : base.slice(0, outer);
	}
}
