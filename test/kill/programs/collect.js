import { init } from '../../../dist/node/index.js';
import { valuesOf } from '../values.js';
import { tell } from './tell.js';

/** Sends what is in the folder until it is told to end: node collect.js <server> */
const run = init({ project: 'kill', server: process.argv[2] });
run.log(valuesOf(0));
await run.synced();
tell({ runs: [run.id] });
process.stdin.on('data', () => undefined).on('end', () => process.exit());
