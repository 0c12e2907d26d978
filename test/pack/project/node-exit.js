import { init } from 'tidelog';
import { row } from './log-run.js';

const [server] = process.argv.slice(2);
const run = init({ project: 'pack', name: 'from Node', config: { lr: 0.01 }, server });
process.stdout.write(run.id);
for (let i = 0; i < 250; i++) run.log(row(i));
process.exit();
