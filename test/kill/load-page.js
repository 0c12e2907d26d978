import { init } from '/index.js';
import { valuesOf } from '/values.js';

/**
 * Logs as fast as it is told, and keeps an account outside of the SDK: what it is about to log, what it has logged, what flush() has confirmed, each with its time, by
 * WebSocket to the test. With `collect`, waits instead until everything in this browser has reached the server.
 *
 * The pace comes from a worker: timers of a hidden page stop.
 */
const { server, mode = 'online', calls = '1', gapMs = '5', collect, hide } = Object.fromEntries(new URLSearchParams(location.search));
const socket = new WebSocket(`ws://${location.host}/journal`);
await new Promise((resolve) => socket.addEventListener('open', resolve));
const tell = (message) => socket.send(JSON.stringify({ ...message, ms: Date.now() }));
addEventListener('error', ({ message }) => tell({ fault: message }));
addEventListener('unhandledrejection', ({ reason }) => tell({ fault: String(reason) }));

/** Read from the database itself and not from the SDK. */
async function writers() {
	const request = indexedDB.open('tidelog-1');
	const database = await new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
	const all = database.transaction('writers').objectStore('writers').getAll();
	await new Promise((resolve) => all.addEventListener('success', resolve));
	database.close();
	return all.result.map(({ run, writer, stored, acknowledged, isVerified }) => ({ run, writer, stored, acknowledged, isVerified }));
}

const onError = ({ code, message }) => tell({ error: `${code}: ${message}` });
const run = init({ project: 'kill', server, mode, onError });

if (collect) {
	run.log(valuesOf(0));
	await run.synced();
	for (;;) {
		const known = await writers();
		// A writer that was killed before its first record has nothing to send.
		const isWhole = ({ stored, acknowledged, isVerified }) => isVerified && JSON.stringify(stored) === JSON.stringify(acknowledged);
		const isDone = known.every((writer) => Object.keys(writer.stored).length === 0 || isWhole(writer));
		tell({ collected: known, isDone });
		if (isDone) break;
		await new Promise((resolve) => setTimeout(resolve, 250));
	}
} else {
	tell({ run: run.id, visibility: document.visibilityState });
	document.addEventListener('visibilitychange', () => tell({ visibility: document.visibilityState }));
	let n = 0;
	let flushed = 0;
	let isFlushing = false;
	const turn = () => {
		tell({ before: n + Number(calls) });
		for (let i = 0; i < Number(calls); i++) run.log(valuesOf(n++));
		tell({ after: n });
		if (isFlushing || Math.random() > 0.1) return;
		isFlushing = true;
		const upTo = n;
		void run.flush().then(() => {
			isFlushing = false;
			flushed = Math.max(flushed, upTo);
			tell({ flushed });
		});
	};
	const clock = new Worker(URL.createObjectURL(new Blob([`setInterval(() => postMessage(0), ${Number(gapMs)})`])));
	clock.onmessage = turn;
	if (hide) setTimeout(() => open('about:blank'), 300);
}
