import { logRun } from './log-run.js';

self.onmessage = async ({ data }) => {
	try {
		self.postMessage(await logRun('from a worker of the user', data));
	} catch (error) {
		self.postMessage({ error: String(error) });
	}
};
