/** As with esbuild, which does not look for workers: the worker is an entry point of its own, and the page knows its address. */
export const startOwnWorker = () => new Worker('/out/worker.js');
