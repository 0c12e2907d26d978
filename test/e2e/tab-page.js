/** What a tab of tabs.test.ts is told to do, by name of the run. The SDK is the one of the address: two releases can be open at once. */
const { init } = await import(`${new URLSearchParams(location.search).get('sdk') ?? ''}/index.js`);
const runs = new Map();
const told = [];
let timer;

globalThis.tab = {
	begin(name, options) {
		const run = init({ project: 'tabs', onError: ({ code, message }) => told.push(`${code}: ${message}`), ...options });
		runs.set(name, { run, n: 0 });
		return run.id;
	},
	/** Each call says which one it is. */
	log(name, count) {
		const entry = runs.get(name);
		for (let i = 0; i < count; i++) entry.run.log({ tab: name, i: entry.n++ });
		return entry.n;
	},
	/** Logs in all runs until the page goes. */
	logOn(gapMs) {
		timer = setInterval(() => {
			for (const name of runs.keys()) globalThis.tab.log(name, 3);
		}, gapMs);
	},
	stop() {
		clearInterval(timer);
		return Object.fromEntries([...runs].map(([name, { n }]) => [name, n]));
	},
	call: (name, method, ...args) => runs.get(name).run[method](...args),
	/** Confirmed by flush(), by run. */
	async flush() {
		const counts = Object.fromEntries([...runs].map(([name, { n }]) => [name, n]));
		await Promise.all([...runs.values()].map(({ run }) => run.flush()));
		return counts;
	},
	status: (name) => runs.get(name).run.status,
	told: () => told,
};
