import type { Fault, SentRequest } from '../engine/fault-proxy.ts';
import type { Random } from '../engine/random.ts';

const HTML = '<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>';

/** What the network does to a request: nothing, or with the given chance one of all that can go wrong. */
export function weather(random: Random, storm: number, forCloud: boolean, nowMs: () => number): (request: SentRequest) => Fault {
	return () => {
		if (!random.chance(storm)) return random.chance(0.05) ? { kind: 'delay', ms: random.int(100, 20_000) } : { kind: 'none' };
		const when = random.pick(['before', 'after'] as const);
		const fraction = random.next();
		const kind = random.weighted({
			drop: 20,
			late: forCloud ? 0 : 6,
			delay: 6,
			duplicate: forCloud ? 0 : 8,
			truncate: 6,
			close: 6,
			hole: 3,
			status: 12,
			html: 3,
			unserved: 4,
			token: 1,
		});
		switch (kind) {
			case 'drop':
				return { kind: 'drop', when };
			case 'late':
				// The client gives up, and the request arrives behind those that follow it.
				return { kind: 'drop', when: 'before', lateMs: random.int(100, 300_000) };
			case 'delay':
				return { kind: 'delay', ms: random.int(1_000, 90_000) };
			case 'duplicate':
				return { kind: 'duplicate', afterMs: random.chance(0.5) ? 0 : random.int(1_000, 600_000) };
			case 'truncate':
				return { kind: 'truncate', fraction };
			case 'close':
				return { kind: 'close', fraction };
			case 'hole':
				return { kind: 'black-hole', when };
			case 'status': {
				const status = random.pick([429, 429, 500, 502, 503, 504, 408]);
				const after = random.pick([undefined, '0', String(random.int(1, 90)), new Date(nowMs() + 30_000).toUTCString(), 'soon']);
				const body = random.pick([HTML, '{"error":"busy"}', '']);
				return { kind: 'answer', status, body, ...(after === undefined ? {} : { headers: { 'retry-after': after } }), isServed: random.chance(0.3) };
			}
			case 'html':
				return { kind: 'answer', status: 200, body: HTML, isServed: when === 'after' };
			case 'unserved':
				return { kind: 'answer', status: 200, body: random.pick(['', '{"dat', 'null', '[]', '"ok"']), isServed: when === 'after' };
			case 'token':
				return { kind: 'answer', status: random.pick([401, 403]), body: '{"error":"no"}' };
		}
	};
}
