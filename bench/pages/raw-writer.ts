/** The baseline of rows-durable: packed numbers straight into IndexedDB, one transaction a write, the next when it has committed. */

interface Order {
	writes: number;
	bytes: number;
}

const opening = indexedDB.open('bench-raw', 1);
opening.onupgradeneeded = () => opening.result.createObjectStore('chunks', { autoIncrement: true });
const opened = new Promise<IDBDatabase>((resolve, reject) => {
	opening.onsuccess = () => resolve(opening.result);
	opening.onerror = () => reject(opening.error);
});

self.onmessage = async ({ data: { writes, bytes } }: MessageEvent<Order>) => {
	const database = await opened;
	const numbers = Float64Array.from({ length: Math.ceil(bytes / 8) }, (_, i) => i / 3 + 0.1);
	const startMs = performance.now();
	for (let n = 0; n < writes; n++) {
		await new Promise<void>((resolve, reject) => {
			// The last one strict, as flush() is.
			const tx = database.transaction('chunks', 'readwrite', { durability: n === writes - 1 ? 'strict' : 'relaxed' });
			tx.oncomplete = () => resolve();
			tx.onabort = () => reject(tx.error);
			tx.objectStore('chunks').add(new Uint8Array(numbers.buffer.slice(0, bytes)));
			tx.commit();
		});
	}
	self.postMessage(performance.now() - startMs);
};
