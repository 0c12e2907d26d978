import type { Stream } from '../core/protocol.ts';
import type { AppendWrite, FileState, RunState, Store, WriterState } from '../core/store.ts';

/** The store where nothing else can be had: a page whose site data are blocked, an edge function. Lost when the context ends. */
export class MemoryStore implements Store {
	readonly kind = 'memory';
	readonly #runs = new Map<string, RunState>();
	readonly #writers = new Map<string, WriterState>();
	readonly #chunks = new Map<string, { n0: number; bytes: Uint8Array }[]>();
	readonly #files = new Map<string, FileState>();
	readonly #blobs = new Map<string, Uint8Array>();

	async runs(): Promise<RunState[]> {
		return structuredClone([...this.#runs.values()]);
	}

	async run(id: string): Promise<RunState | undefined> {
		return structuredClone(this.#runs.get(id));
	}

	async updateRun(id: string, change: (run: RunState | undefined) => RunState): Promise<RunState> {
		const next = change(structuredClone(this.#runs.get(id)));
		this.#runs.set(id, structuredClone(next));
		return next;
	}

	async writers(run: string): Promise<WriterState[]> {
		return structuredClone([...this.#writers.values()].filter((writer) => writer.run === run)).sort((a, b) => (a.writer < b.writer ? -1 : 1));
	}

	async append(write: AppendWrite): Promise<void> {
		const { state } = write;
		const key = `${state.run}/${state.writer}`;
		this.#writers.set(key, { ...state, acknowledged: this.#writers.get(key)?.acknowledged ?? 0 });
		const chunks = this.#chunks.get(`${key}/${write.stream}`) ?? [];
		for (const chunk of write.chunks) {
			const at = chunks.findIndex((known) => known.n0 >= chunk.n0);
			if (at === -1) chunks.push(chunk);
			else chunks.splice(at, chunks[at]?.n0 === chunk.n0 ? 1 : 0, chunk);
		}
		this.#chunks.set(`${key}/${write.stream}`, chunks);
		for (const file of write.files) {
			this.#files.set(`${file.state.run}/${file.state.path}`, { ...file.state });
			this.#blobs.set(file.state.sha256, file.bytes);
		}
	}

	async chunks(run: string, writer: string, stream: Stream, fromN: number, maxBytes: number): Promise<Uint8Array[]> {
		const chunks = this.#chunks.get(`${run}/${writer}/${stream}`) ?? [];
		let from = chunks.findLastIndex((chunk) => chunk.n0 <= fromN);
		if (from === -1) from = 0;
		const found: Uint8Array[] = [];
		let bytes = 0;
		for (const chunk of chunks.slice(from)) {
			if (found.length > 0 && bytes >= maxBytes) break;
			found.push(chunk.bytes);
			bytes += chunk.bytes.byteLength;
		}
		return found;
	}

	/** Nothing writes here but `append`. */
	async recoverWriters(): Promise<void> {}

	async acknowledge(run: string, writer: string, acknowledged: number): Promise<void> {
		const known = this.#writers.get(`${run}/${writer}`);
		if (known) known.acknowledged = acknowledged;
	}

	async pendingFiles(run: string, limit: number): Promise<FileState[]> {
		return structuredClone([...this.#files.values()])
			.filter((file) => file.run === run && !file.isUploaded)
			.sort((a, b) => a.size - b.size)
			.slice(0, limit);
	}

	async fileUploaded(run: string, path: string): Promise<void> {
		const file = this.#files.get(`${run}/${path}`);
		if (file) file.isUploaded = true;
	}

	async blob(sha256: string): Promise<Uint8Array | undefined> {
		return this.#blobs.get(sha256);
	}

	close(): void {}
}
