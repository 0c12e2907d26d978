import type { Random } from '../engine/random.ts';
import type { Session } from '../engine/session.ts';

const KEYS = ['loss', 'acc', 'val/loss', 'val/acc', 'lr', 'note', 'mixed'];
const METRICS = ['loss', 'acc', 'val/*', 'lr', '*'];

/** Random values of all the kinds that `log()` takes. */
export function values(random: Random, forCloud: boolean): Record<string, unknown> {
	const data: Record<string, unknown> = {};
	for (let i = random.int(1, 3); i > 0; i--) data[random.pick(KEYS)] = value(random);
	if (random.chance(0.15)) data.nested = { a: value(random), deep: { b: random.int(0, 9) } };
	if (random.chance(0.02) && !forCloud) data[random.pick(['constructor', 'ключ', 'a.b', '🌊', 'with space'])] = random.next();
	return data;
}

function value(random: Random): unknown {
	const kind = random.weighted({ number: 20, whole: 6, odd: 3, text: 2, flag: 1, none: 1, list: 1, typed: 1, bigint: 1 });
	switch (kind) {
		case 'number':
			return random.next() * 10 ** random.int(-6, 6);
		case 'whole':
			return random.int(-1000, 1000);
		case 'odd':
			return random.pick([Number.NaN, Infinity, -Infinity, -0, 0, 1e300, 5e-324, 2 ** 53, -1e21]);
		case 'text':
			return random.pick(['', 'a', 'line\nbreak', '"quoted"', 'NaN', 'Infinity', '🌊', '1234567890123456789', '\u0000']);
		case 'flag':
			return random.chance(0.5);
		case 'none':
			return null;
		case 'list':
			return [random.int(0, 9), random.next(), 'x'];
		case 'typed':
			return Float32Array.of(random.next(), random.int(0, 9));
		case 'bigint':
			return random.pick([2n ** 63n, -(2n ** 70n), 5n, 9007199254740993n]);
	}
}

/** One thing that a program may do with its run, at random. Returns what was done, for the trace of a seed. */
export function act(session: Session, random: Random, forCloud: boolean, mayGather: boolean): string {
	const { run } = session;
	const what = random.weighted({
		next: 30,
		burst: 4,
		gather: mayGather ? 6 : 0,
		step: 6,
		late: 5,
		same: 3,
		config: 4,
		summary: 4,
		metric: forCloud ? 1 : 2,
		info: 2,
		alert: 1,
	});
	switch (what) {
		case 'next':
			session.log(values(random, forCloud));
			break;
		case 'burst':
			for (let i = random.int(5, 250); i > 0; i--) session.log({ loss: random.next(), acc: i });
			break;
		case 'gather':
			session.log(values(random, forCloud), { commit: false });
			break;
		case 'step':
			session.log(values(random, forCloud), {
				step: session.calls.length + random.int(0, 5),
				...(mayGather && random.chance(0.2) ? { commit: false } : {}),
			});
			break;
		case 'late':
			session.log(values(random, forCloud), { step: random.int(0, session.calls.length + 3) });
			break;
		case 'same': {
			const step = random.int(0, 20);
			for (let i = random.int(2, 4); i > 0; i--) session.log(values(random, forCloud), { step });
			break;
		}
		case 'config':
		case 'summary': {
			const key = random.pick(['x', 'y', 'name']);
			const model = run[what].model;
			if (random.chance(0.25)) session.set(what, [key], undefined);
			else if (random.chance(0.5)) session.set(what, [key], random.pick([random.next(), random.int(0, 99), 'text', true, [1, 2]]));
			else if (typeof model !== 'object') session.set(what, ['model'], { layers: random.int(1, 9), kind: 'cnn' });
			else session.set(what, ['model', random.pick(['layers', 'width'])], random.chance(0.2) ? undefined : random.int(1, 99));
			break;
		}
		case 'metric':
			session.defineMetric(random.pick(METRICS), {
				summary: random.pick(['min', 'max', 'mean', 'last', 'first', 'none'] as const),
				...(random.chance(0.3) ? { hidden: true } : {}),
			});
			break;
		case 'info':
			if (random.chance(0.5)) run.notes = `note ${random.int(0, 99)}`;
			else run.tags = ['t', `t${random.int(0, 9)}`];
			break;
		case 'alert':
			session.alert(`alert ${session.said.length}`);
			break;
	}
	return what;
}
