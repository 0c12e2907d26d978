import { ensureNode24 } from './check/node-24.mjs';

// npm starts this with whatever Node is on the machine; the checks themselves are TypeScript.
ensureNode24();
const { runChecks } = await import('./check/run-checks.ts');
process.exitCode = await runChecks(process.argv.slice(2));
