import { init } from '../../../dist/node/index.js';
import { valuesOf } from '../values.js';
import { tell } from './tell.js';

/** Logs `count` calls and ends in one of the ways a program ends: node log-and-end.js <server> <count> exit|throw|reject|return|term */
const [server, count, end] = process.argv.slice(2);
const run = init({ project: 'kill', server });
tell({ runs: [run.id] });
for (let n = 0; n < Number(count); n++) run.log(valuesOf(n));
tell({ after: Number(count) });
if (end === 'exit') process.exit();
if (end === 'throw') throw new Error('meant by the test');
if (end === 'reject') void Promise.reject(new Error('meant by the test'));
if (end === 'term') process.kill(process.pid, 'SIGTERM');
// 'return': nothing is left to do.
