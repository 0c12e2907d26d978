import { setImmediate } from 'node:timers/promises';
import { CHART_TYPE, chartEnd, chartStart, encodeSeries } from '../../../src/core/chart-bytes.ts';
import type { ChartRequest, Series } from '../../../src/core/query.ts';
import { RequestError } from '../request-error.ts';

/** As 100 runs × 20 metrics. */
const MAX_SERIES = 2_000;
/** What is sent at once. Others have their turn between two pieces. */
const PIECE_BYTES = 262_144;

/** The answer to a chart (docs/query-api.md). A piece is made when the one before it was taken; a reader that goes away ends the work. */
export function chartAnswer(all: Iterable<Series>): Response {
	const series = all[Symbol.iterator]();
	let isStarted = false;
	const body = new ReadableStream<Uint8Array>({
		async pull(controller) {
			if (isStarted) await setImmediate();
			else controller.enqueue(chartStart());
			isStarted = true;
			for (let bytes = 0; bytes < PIECE_BYTES; ) {
				const { done, value } = series.next();
				if (done) {
					controller.enqueue(chartEnd());
					controller.close();
					return;
				}
				const encoded = encodeSeries(value);
				bytes += encoded.length;
				controller.enqueue(encoded);
			}
		},
		cancel() {
			series.return?.();
		},
	});
	return new Response(body, { headers: { 'content-type': CHART_TYPE } });
}

/** @throws RequestError 400 */
export function checkChart({ project, runIds, keys, x, range, buckets }: Partial<Record<keyof ChartRequest, unknown>>): void {
	if (typeof project !== 'string' || !isNames(runIds) || !isNames(keys)) {
		throw new RequestError(400, 'A chart needs project (text), runIds and keys (lists of text).');
	}
	if (runIds.length * keys.length > MAX_SERIES) {
		throw new RequestError(400, `${runIds.length} runs × ${keys.length} metrics are more than ${MAX_SERIES} series; ask for fewer at once.`);
	}
	if (x !== undefined && typeof x !== 'string')
		throw new RequestError(400, `x must be "step", "runtime", "time" or the name of a metric, but was ${JSON.stringify(x)}.`);
	if (range !== undefined && !(Array.isArray(range) && range.length === 2 && range.every((end) => typeof end === 'number')))
		throw new RequestError(400, `range must be a list of the least and the greatest x, but was ${JSON.stringify(range)}.`);
	if (buckets !== undefined && !Number.isSafeInteger(buckets))
		throw new RequestError(400, `buckets must be a whole number from 10 to 10,000, but was ${JSON.stringify(buckets)}.`);
}

function isNames(value: unknown): value is string[] {
	return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
