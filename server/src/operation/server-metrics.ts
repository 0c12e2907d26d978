import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram } from './metrics.ts';

/** Seconds; from a small answer out of memory to a large export. */
const DURATIONS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const LAG_RESOLUTION_MS = 20;

/** Figures that whoever runs the server looks at, beside those of the store (routes/operation.ts). Times are seconds and sizes bytes, as is usual there. */
export class ServerMetrics {
	readonly requests = new Counter('tidelog_requests_total', 'Requests answered, by kind of route and status.');
	readonly durations = new Histogram('tidelog_request_duration_seconds', 'Time until an answer began.', DURATIONS_S);
	readonly ingestLines = new Counter('tidelog_ingest_lines_total', 'Lines of runs that were taken and are durable.');
	readonly ingestBytes = new Counter('tidelog_ingest_bytes_total', 'Bytes taken, inflated: of requests with lines, and of files.');
	/** Streams of live updates that are open. */
	liveSubscriptions = 0;
	readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
	readonly #process = [
		new Gauge('tidelog_live_subscriptions', 'Streams of live updates that are open.', () => this.liveSubscriptions),
		new Gauge('process_resident_memory_bytes', 'Resident memory of the server.', () => process.memoryUsage.rss()),
		new Gauge('process_start_time_seconds', 'When the server started, since the epoch.', () => Date.now() / 1000 - process.uptime()),
		new Gauge('nodejs_heap_size_used_bytes', 'Memory that JavaScript uses.', () => process.memoryUsage().heapUsed),
		new Gauge('nodejs_eventloop_lag_seconds', 'How late the event loop came to a timer, since the last look.', () => this.#lags()),
	];

	constructor() {
		this.ingestLines.add(0);
		this.ingestBytes.add(0, { kind: 'lines' });
		this.ingestBytes.add(0, { kind: 'files' });
		this.#lag.enable();
	}

	text(): string {
		return [this.requests, this.durations, this.ingestLines, this.ingestBytes, ...this.#process].map((metric) => metric.text()).join('');
	}

	/** The measuring timer does not keep a process alive, but is one more each time a server is made. */
	close(): void {
		this.#lag.disable();
	}

	#lags() {
		const seconds = (ns: number) => (Number.isFinite(ns) ? Math.max(0, ns / 1e9 - LAG_RESOLUTION_MS / 1e3) : 0);
		const samples = [
			{ labels: { quantile: '0.5' }, value: seconds(this.#lag.percentile(50)) },
			{ labels: { quantile: '0.99' }, value: seconds(this.#lag.percentile(99)) },
			{ labels: { quantile: '1' }, value: this.#lag.count === 0 ? 0 : seconds(this.#lag.max) },
		];
		this.#lag.reset();
		return samples;
	}
}
