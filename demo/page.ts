/** An element of index.html. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
	const element = document.getElementById(id);
	if (!element) throw new Error(`index.html has no element #${id}`);
	return element as T;
}

/** What the address of the page asks for: `?autostart&epochs=1&batch=32&loop=custom&maxBatches=200&lr=0.01&backend=cpu&server=…`. */
export interface PageOptions {
	isAutostart: boolean;
	/** Values for fields of the form, by their ids. */
	fields: Record<string, string>;
	maxBatches: number;
	backend: 'auto' | 'webgl' | 'cpu';
	/** Undefined: as in config.json. Empty: none. */
	server: string | undefined;
}

export function readPageOptions(search: string): PageOptions {
	const query = new URLSearchParams(search);
	const fields: Record<string, string> = {};
	for (const [name, id] of Object.entries({ lr: 'learning-rate', batch: 'batch-size', epochs: 'epochs', loop: 'loop' })) {
		const value = query.get(name);
		if (value !== null) fields[id] = value;
	}
	const maxBatches = Number(query.get('maxBatches'));
	const backend = query.get('backend');
	return {
		isAutostart: query.has('autostart'),
		fields,
		maxBatches: maxBatches > 0 ? maxBatches : Number.POSITIVE_INFINITY,
		backend: backend === 'cpu' || backend === 'webgl' ? backend : 'auto',
		server: query.get('server') ?? undefined,
	};
}

/** The server's address beside the page; undefined when there is none, and the run then stays in this browser. */
export async function readServer(): Promise<string | undefined> {
	try {
		const response = await fetch('./config.json', { cache: 'no-cache' });
		if (!response.ok) return undefined;
		const { server } = (await response.json()) as { server?: unknown };
		return typeof server === 'string' && server !== '' ? server : undefined;
	} catch {
		// A demo copied somewhere without its config.json is a demo without a server.
		return undefined;
	}
}
