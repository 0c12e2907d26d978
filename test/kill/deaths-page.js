import { init } from '/index.js';
import { valuesOf } from '/values.js';

/** Every worker that the SDK starts here. */
const workers = [];
const Native = Worker;
globalThis.Worker = class extends Native {
	constructor(url, options) {
		super(url, options);
		if (options?.name === 'tidelog') workers.push(this);
	}
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(isIt) {
	while (!isIt()) await sleep(5);
}

/** Logs while the worker dies again and again: loudly, as from an exception, or without a word. */
globalThis.logThroughDeaths = async ({ server, deaths, isSilent }) => {
	/** A message is told once a run, however often it happens. */
	const told = [];
	const onError = ({ code }) => told.push(code);
	const run = init({ project: 'kill', server, onError });
	let calls = 0;
	const timer = setInterval(() => {
		for (let i = 0; i < 5; i++) run.log(valuesOf(calls++));
	}, 5);
	let unseenMs = 0;
	for (let death = 0; death < deaths; death++) {
		await until(() => workers.length > death);
		// From before it has opened anything to the middle of its work.
		await sleep(Math.random() * 300);
		const before = performance.now();
		workers[death].terminate();
		if (!isSilent) workers[death].dispatchEvent(new ErrorEvent('error', { message: 'ended by the test' }));
		await until(() => workers.length > death + 1);
		unseenMs = performance.now() - before;
	}
	await sleep(300);
	clearInterval(timer);
	await run.flush();
	const { isSynced, status } = await run.finish({ timeoutMs: 60_000 });
	return { run: run.id, calls, isSynced, isVerified: status.verified, told, restarts: workers.length - 1, unseenMs };
};
