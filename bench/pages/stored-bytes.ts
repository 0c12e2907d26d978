/** Bytes of the chunks of a run in the local store. One chunk at a time: together they may be larger than the heap that is measured. */
export async function storedBytes(run: string): Promise<number> {
	const database = await done(indexedDB.open('tidelog-1'));
	const request = database
		.transaction('chunks')
		.objectStore('chunks')
		.openCursor(IDBKeyRange.bound([run], [run, []]));
	let bytes = 0;
	for (let cursor = await done(request); cursor; cursor = await done(request)) {
		bytes += (cursor.value as Uint8Array).byteLength;
		cursor.continue();
	}
	database.close();
	return bytes;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}
