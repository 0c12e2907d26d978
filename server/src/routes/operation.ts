import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import type { Env } from '../access/access.ts';
import { requireRead } from '../access/guards.ts';
import { Gauge } from '../operation/metrics.ts';
import type { Operation } from '../operation/operation.ts';
import type { Tracker } from '../tracker.ts';

/** What a health check is told: nothing but whether to send requests. 503 while the server starts, stops, or cannot read its database. */
export function healthAnswer(status: Operation['state'] | 'failing'): Response {
	return Response.json(
		{ status: status === 'ready' ? 'ok' : status },
		{ status: status === 'ready' ? 200 : 503, headers: { 'Cache-Control': 'no-store', ...(status === 'starting' ? { 'Retry-After': '1' } : {}) } },
	);
}

/** For health checks and Prometheus; docs/operation.md. */
export function operationRoutes(tracker: Tracker, operation: Operation): Hono<Env> {
	const count = tracker.database.sql.prepare('SELECT count(*) AS runs FROM runs');
	const fileBytes = tracker.database.sql.prepare(
		'SELECT coalesce(sum(size), 0) AS bytes FROM (SELECT max(size) AS size FROM files WHERE sha256 IS NOT NULL GROUP BY sha256)',
	);
	return new Hono<Env>()
		.get('/healthz', (c) => {
			try {
				count.get();
			} catch (error) {
				operation.log.error('the database cannot be read', { request: c.get('requestId') }, error);
				return healthAnswer('failing');
			}
			return healthAnswer(operation.state);
		})
		.get('/metrics', async (c) => {
			requireRead(c.get('access'));
			const runs = (count.get() as { runs: number }).runs;
			const sizes = [
				{ labels: { part: 'database' }, value: await sizeOfFiles(tracker.dataDir) },
				{ labels: { part: 'files' }, value: (fileBytes.get() as { bytes: number }).bytes },
			];
			const store = [
				new Gauge('tidelog_runs', 'Runs that are kept.', () => runs),
				new Gauge('tidelog_store_bytes', 'Size on disk: the databases, and the files that runs logged.', () => sizes),
			];
			c.header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
			c.header('Cache-Control', 'no-store');
			return c.body(operation.metrics.text() + store.map((gauge) => gauge.text()).join(''));
		});
}

/** Of those that lie in the folder itself: databases and their logs. */
async function sizeOfFiles(folder: string): Promise<number> {
	let bytes = 0;
	for (const entry of await readdir(folder, { withFileTypes: true })) {
		if (!entry.isFile()) continue;
		// A database's log may go while its folder is read.
		bytes += await stat(join(folder, entry.name)).then(
			({ size }) => size,
			() => 0,
		);
	}
	return bytes;
}
