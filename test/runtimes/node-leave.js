/** node node-leave.js BUILD SERVER exit|end: logs and leaves, by process.exit() on the next line or by coming to its end. Prints the run's id, and when it was done. */
import { writeSync } from 'node:fs';

const [build, server, how] = process.argv.slice(2);
const { init } = await import(build);
const run = init({ project: 'runtimes', server });
writeSync(1, `${run.id} ${Date.now()}\n`);
for (let i = 0; i < 1_234; i++) run.log({ i });
if (how === 'exit') process.exit();
writeSync(1, `${run.id} ${Date.now()}\n`);
