import { Log } from './log.ts';
import { ServerMetrics } from './server-metrics.ts';

/** What a server says of itself: its state, its log, its figures. */
export class Operation {
	/** `starting` until the data folder is open, `stopping` once the stop has begun. */
	state: 'starting' | 'ready' | 'stopping' = 'ready';
	readonly log: Log;
	readonly metrics = new ServerMetrics();

	constructor(log = new Log()) {
		this.log = log;
	}
}
