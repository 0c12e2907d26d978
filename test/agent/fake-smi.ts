import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./fake-nvidia-smi.mjs', import.meta.url));

/** A program of its own that behaves like that, one behaviour a start. */
export function fakeSmi(...behaviours: string[]) {
	const dir = mkdtempSync(join(tmpdir(), 'tidelog-smi-'));
	const plan = join(dir, 'plan');
	const path = join(dir, 'nvidia-smi');
	writeFileSync(plan, behaviours.join('\n'));
	writeFileSync(path, `#!/bin/sh\nFAKE_SMI='${plan}' exec '${process.execPath}' '${PROGRAM}' "$@"\n`);
	chmodSync(path, 0o755);
	return {
		path,
		dir,
		/** One a start: process id, locale, fields asked for. */
		starts(): { pid: number; locale: string; fields: string[] }[] {
			try {
				const lines = readFileSync(`${plan}.starts`, 'utf8').trim().split('\n');
				return lines
					.map((line) => line.split(' '))
					.map(([pid, locale = '', fields = '']) => ({ pid: Number(pid), locale, fields: fields.split(',') }));
			} catch {
				return [];
			}
		},
		remove: () => rmSync(dir, { recursive: true, force: true }),
	};
}
