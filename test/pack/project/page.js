import { logRun } from './log-run.js';
import { startOwnWorker } from './start-own-worker.js';

const { server, workerUrl } = Object.fromEntries(new URLSearchParams(location.search));

function viaWorker() {
	const worker = startOwnWorker();
	return new Promise((resolve, reject) => {
		worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
		worker.onerror = (event) => reject(new Error(`the page's own worker failed: ${event.message}`));
		// The address as the worker sees it: it may live elsewhere than the page.
		worker.postMessage({ server, workerUrl: workerUrl && new URL(workerUrl, location.href).href });
	});
}

globalThis.tidelogResult = Promise.all([logRun('from the page', { server, workerUrl }), viaWorker()]).then(
	([page, worker]) => ({ page, worker }),
	(error) => ({ error: String(error?.stack ?? error) }),
);
