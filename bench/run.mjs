import { ensureNode24 } from '../scripts/check/node-24.mjs';

// npm starts this with whatever Node is on the machine; the benches themselves are TypeScript.
ensureNode24();
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
