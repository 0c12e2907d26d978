import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openFileStore } from '../../../src/platform/node/file-store.ts';
import { storeContract } from '../store-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'tidelog-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

storeContract({ kind: 'files', open: (name) => openFileStore(join(root, name)), outlivesClose: true, joins: false, rounds: 60 });
