import type { Stream } from '../core/protocol.ts';
import type { AppendWrite, ChunkBytes, FileState, RunState, RunUsage, Store, WriterState } from '../core/store.ts';
import { appended, byStart, changedWriter, prunable, unsentRun, unsentWriter, usageOf } from './store-rules.ts';

/** The store where nothing else can be had: a page whose site data are blocked, an edge function. Lost when the context ends. */
export class MemoryStore implements Store {
	readonly kind = 'memory';
	readonly #runs = new Map<string, RunState>();
	readonly #writers = new Map<string, WriterState>();
	readonly #chunks = new Map<string, ChunkBytes[]>();
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
		return structuredClone(this.#writersOf(run)).sort(byStart);
	}

	async updateWriter(run: string, writer: string, change: (state: WriterState | undefined) => WriterState): Promise<WriterState> {
		const key = `${run}/${writer}`;
		const known = this.#writers.get(key);
		const next = changedWriter(known, change(structuredClone(known)));
		this.#writers.set(key, structuredClone(next));
		return next;
	}

	async append(write: AppendWrite): Promise<void> {
		const key = `${write.run}/${write.writer}`;
		const [state, chunks] = appended(this.#writers.get(key), write);
		this.#writers.set(key, state);
		this.#chunksOf(key, write.stream).push(...chunks);
		for (const { state: file, bytes } of write.files) {
			const path = `${file.run}/${file.path}`;
			const known = this.#files.get(path);
			if (known?.sha256 === file.sha256) continue;
			if (known) this.#dropFile(path, known);
			this.#files.set(path, { ...file });
			this.#blobs.set(file.sha256, bytes);
		}
	}

	async chunks(run: string, writer: string, stream: Stream, fromN: number, maxBytes: number): Promise<Uint8Array[]> {
		const found: Uint8Array[] = [];
		let bytes = 0;
		for (const chunk of this.#chunksOf(`${run}/${writer}`, stream)) {
			if (chunk.n0 + chunk.count <= fromN) continue;
			if (found.length > 0 && bytes >= maxBytes) break;
			found.push(chunk.bytes);
			bytes += chunk.bytes.byteLength;
		}
		return found;
	}

	async join(run: string, writer: string, stream: Stream, chunk: ChunkBytes, toN: number): Promise<void> {
		const chunks = this.#chunksOf(`${run}/${writer}`, stream);
		const first = chunks.findIndex(({ n0 }) => n0 === chunk.n0);
		const old = chunks.filter(({ n0 }) => n0 >= chunk.n0 && n0 < toN);
		const last = old.at(-1);
		const state = this.#writers.get(`${run}/${writer}`);
		if (first === -1 || !last || !state || last.n0 + last.count !== chunk.n0 + chunk.count) return;
		chunks.splice(first, old.length, chunk);
		state.bytes += chunk.bytes.length - old.reduce((sum, { bytes }) => sum + bytes.length, 0);
	}

	/** Nothing writes here but `append`. */
	async recoverWriters(): Promise<void> {}

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

	async usage(): Promise<RunUsage[]> {
		return [...this.#runs.values()].map((run) => {
			const sizes = { uploaded: 0, pending: 0 };
			for (const file of this.#files.values()) if (file.run === run.id) sizes[file.isUploaded ? 'uploaded' : 'pending'] += file.size;
			return usageOf(run, this.#writersOf(run.id), sizes);
		});
	}

	async prune(run: string, what: 'files' | 'rows'): Promise<void> {
		if (what === 'files') this.#pruneFiles(run);
		else for (const state of this.#writersOf(run)) this.#pruneRows(state);
	}

	async forgetSent(run: string): Promise<void> {
		for (const [key, state] of this.#writers) if (state.run === run) this.#writers.set(key, unsentWriter(state));
		for (const file of this.#files.values()) if (file.run === run) file.isUploaded = false;
		const known = this.#runs.get(run);
		if (known) this.#runs.set(run, unsentRun(known));
	}

	close(): void {}

	#pruneFiles(run: string): void {
		for (const [key, file] of this.#files) if (file.run === run && file.isUploaded) this.#dropFile(key, file);
	}

	#dropFile(key: string, { sha256 }: FileState): void {
		this.#files.delete(key);
		// The same bytes may have been logged under another name or in another run.
		if (![...this.#files.values()].some((file) => file.sha256 === sha256)) this.#blobs.delete(sha256);
	}

	#pruneRows(state: WriterState): void {
		for (const stream of Object.keys(state.stored) as Stream[]) {
			const key = `${state.run}/${state.writer}`;
			const upTo = prunable(state, stream, this.#runs.get(state.run));
			const kept = this.#chunksOf(key, stream).filter(({ n0, count, bytes }) => {
				const isKept = n0 + count > upTo;
				if (!isKept) state.bytes -= bytes.length;
				return isKept;
			});
			this.#chunks.set(`${key}/${stream}`, kept);
		}
	}

	#writersOf(run: string): WriterState[] {
		return [...this.#writers.values()].filter((state) => state.run === run);
	}

	#chunksOf(writer: string, stream: Stream): ChunkBytes[] {
		const key = `${writer}/${stream}`;
		const chunks = this.#chunks.get(key) ?? [];
		this.#chunks.set(key, chunks);
		return chunks;
	}
}
