import { init } from '../../../dist/node/index.js';
import { valuesOf } from '../values.js';
import { tell } from './tell.js';

/** Logs until it is killed, and tells of each turn when its calls have returned: node log-on.js <server> <calls> <gapMs> [<runs>] [<id>] */
const [server, calls, gapMs, count = '1', id] = process.argv.slice(2);
const shared = id === undefined ? {} : { id, resume: 'allow' };
const onError = ({ code, message }) => code !== 'shared-steps' && tell({ error: `${code}: ${message}` });
const runs = Array.from({ length: Number(count) }, () => init({ project: 'kill', server, ...shared, onError }));
let n = 0;
let isFlushing = false;
tell({ runs: runs.map((run) => run.id) });
setInterval(() => {
	for (let i = 0; i < Number(calls); i++, n++) for (const run of runs) run.log(valuesOf(n));
	tell({ after: n });
	if (isFlushing || Math.random() > 0.1) return;
	isFlushing = true;
	const upTo = n;
	void Promise.all(runs.map((run) => run.flush())).then(() => {
		isFlushing = false;
		tell({ flushed: upTo });
	});
}, Number(gapMs));
