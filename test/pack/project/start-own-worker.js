/** As Vite and webpack find a worker: they see this very expression and build the file. */
export const startOwnWorker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
