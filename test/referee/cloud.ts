import { RefereeRun } from './run.ts';
import { Uploads } from './uploads.ts';

export interface RefereeOptions {
	/** The time; nothing else here knows one. */
	nowMs: () => number;
	/** What `ServerFeaturesQuery` lists: a name alone is a feature that is on. None by default. */
	features?: readonly (string | { name: string; isEnabled: boolean })[];
	/** Where runs go that name no entity. */
	entity?: string;
	/** Given one, requests without it are answered 401; else anybody may in. */
	apiKey?: string;
	/** `Name: value` lines that each upload must carry. */
	uploadHeaders?: readonly string[];
	/** The place of the upload addresses, without a slash at its end; by default that of the request which asks for them. */
	storageUrl?: string;
	/** By how much requests may be closer than 15 s. 0 by default, as fits virtual time; real clocks and networks need some. */
	intervalSlackMs?: number;
	/** By how much a heartbeat may be later than 30 s. 5,000 by default. */
	heartbeatSlackMs?: number;
}

export interface Alert {
	run: string;
	title: string;
	text: string;
	severity: string;
	/** For how long the same title is not told again. */
	waitMs: number;
	atMs: number;
}

/** What the stand-in knows: everything that the parts of the referee share. */
export class Cloud {
	readonly options: RefereeOptions;
	readonly entity: string;
	/** By `entity/project/id`. */
	readonly runs = new Map<string, RefereeRun>();
	readonly alerts: Alert[] = [];
	readonly violations: string[] = [];
	readonly uploads: Uploads;
	/** Paths of runs that somebody deleted: not to find them is nobody's fault. */
	readonly deleted = new Set<string>();
	/** A client may use a feature only after it has asked for them. */
	hasListedFeatures = false;
	#runCount = 0;

	constructor(options: RefereeOptions) {
		this.options = options;
		this.entity = options.entity ?? 'referee';
		this.uploads = new Uploads(options.uploadHeaders ?? ['X-Upload-Policy: as-given'], options.storageUrl);
	}

	get features(): { name: string; isEnabled: boolean }[] {
		return (this.options.features ?? []).map((feature) => (typeof feature === 'string' ? { name: feature, isEnabled: true } : feature));
	}

	hasOffered(name: string): boolean {
		return this.hasListedFeatures && this.features.some((feature) => feature.name === name && feature.isEnabled);
	}

	find(entity: string | null | undefined, project: string | null | undefined, id: string): RefereeRun | undefined {
		return this.runs.get(`${entity || this.entity}/${project || 'uncategorized'}/${id}`);
	}

	withStorageId(storageId: string): RefereeRun | undefined {
		return [...this.runs.values()].find((run) => run.storageId === storageId);
	}

	create(entity: string | null | undefined, project: string | null | undefined, id: string): RefereeRun {
		const storageId = Buffer.from(`Run:v1:${++this.#runCount}:${id}`).toString('base64');
		const slack = { intervalMs: this.options.intervalSlackMs ?? 0, heartbeatMs: this.options.heartbeatSlackMs ?? 5000 };
		const run = new RefereeRun({ entity: entity || this.entity, project: project || 'uncategorized', id, storageId }, this.options.nowMs(), slack);
		this.runs.set(run.path, run);
		this.deleted.delete(run.path);
		return run;
	}

	delete(run: RefereeRun): void {
		this.runs.delete(run.path);
		this.deleted.add(run.path);
	}
}
