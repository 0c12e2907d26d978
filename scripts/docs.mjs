import { fileURLToPath } from 'node:url';
import { ensureNode24 } from './check/node-24.mjs';

// Writes the pages of docs/ that are made from code: node scripts/docs.mjs. `npm run check` fails while one is stale.
ensureNode24();
const { makePages } = await import('./docs/pages.ts');
const written = makePages(fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, ''));
console.log(written.length === 0 ? 'Nothing was stale.' : `Written: ${written.join(', ')}.`);
