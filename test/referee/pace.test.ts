import { beforeEach, describe, expect, test } from 'vitest';
import { Exchange, history, RUN_ID, row, STARTED } from './exchange.ts';

let exchange: Exchange;
beforeEach(async () => {
	exchange = await Exchange.started();
});

const MIB = 2 ** 20;

function streamAfter(ms: number, body: unknown): Promise<Response> {
	exchange.nowMs += ms;
	return exchange.stream(body);
}

/** A row whose line has exactly so many bytes. */
function bigRow(step: number, bytes: number): string {
	return row(step, `"text":"${'x'.repeat(bytes - row(step, '"text":""').length)}"`);
}

describe('between two requests of a run', () => {
	test('lie 15 s; the first comes at once', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.refuses(streamAfter(14_999, history(0, row(0))), /came 14999 ms after the last request; 15000 ms lie between two/);
		expect(exchange.referee.historyLines(RUN_ID)).toEqual([]);
		await exchange.takes(streamAfter(1, history(0, row(0))));
		await exchange.refuses(streamAfter(2000, {}), /came 2000 ms after the last request/);
	});

	test('there may be less by the slack that was given', async () => {
		exchange = await Exchange.started({ intervalSlackMs: 500 });
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(14_500, {}));
		await exchange.refuses(streamAfter(14_499, {}), /came 14499 ms/);
	});

	test('of another run there is no rule', async () => {
		await exchange.upsert({ name: 'other', config: JSON.stringify(STARTED) });
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(exchange.post('/files/referee/tides/other/file_stream', '{}'));
	});

	test('an update of the config changes nothing', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.upsert({ config: JSON.stringify({ ...STARTED, lr: { value: 1 } }) });
		await exchange.refuses(streamAfter(1000, {}), /came 1000 ms/);
	});
});

describe('sooner may come', () => {
	test('the last request', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(10, { complete: true, exitcode: 0 }));
	});

	test('the first that says preempting', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(10, { preempting: true }));
		await exchange.refuses(streamAfter(3000, { preempting: true, ...history(0, row(0)) }), /came 3000 ms/);
	});

	test('the same once more when its answer was lost, after 2 s', async () => {
		await exchange.takes(streamAfter(0, history(0, row(0))));
		await exchange.refuses(streamAfter(1999, history(0, row(0))), /sent again after 1999 ms; a request is repeated after 2000 ms/);
		await exchange.takes(streamAfter(1, history(0, row(0))));
		await exchange.takes(streamAfter(2000, history(0, row(0), row(1))));
		await exchange.refuses(streamAfter(2000, history(2, row(2))), /came 2000 ms/);
	});

	test('but not a heartbeat once more, which looks like any other', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.refuses(streamAfter(2000, {}), /came 2000 ms/);
	});

	test('what follows on an interruption that the test knows of', async () => {
		await exchange.takes(streamAfter(0, {}));
		exchange.referee.interrupted(RUN_ID);
		await exchange.takes(streamAfter(1, {}));
		await exchange.refuses(streamAfter(2000, {}), /came 2000 ms/);
	});

	test('the first request of a process that asked where the run stands', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.query('query { model(name: "tides") { bucket(name: "a1b2c3d4", missingOk: true) { id } } }');
		await exchange.refuses(streamAfter(1, {}), /came 1 ms/);
		await exchange.upsert({ config: JSON.stringify(STARTED) });
		await exchange.takes(streamAfter(1, {}));
	});
});

describe('a full buffer', () => {
	test('is sent at once, and the rest when its time has come', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(1000, history(0, bigRow(0, 9 * MIB))));
		await exchange.takes(streamAfter(1000, history(1, bigRow(1, 9 * MIB))));
		await exchange.takes(streamAfter(15_000, history(2, bigRow(2, 2 * MIB))));
		expect(exchange.referee.check()).toEqual([]);
	});

	test('is sent at once, and the rest with complete', async () => {
		await exchange.takes(streamAfter(0, history(0, row(0))));
		await exchange.takes(streamAfter(1000, history(1, bigRow(1, 6 * MIB))));
		await exchange.takes(streamAfter(0, { ...history(2, bigRow(2, 5 * MIB)), complete: true, exitcode: 0 }));
		expect(exchange.referee.check()).toEqual([]);
	});

	test('holds enough that some line might not fit', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.refuses(streamAfter(1000, history(0, bigRow(0, 90_000))), /nothing says why it was sooner/);
	});

	test.each<[what: string, next: object]>([
		['a line that would have fitted in', history(1, row(1))],
		['a heartbeat', {}],
		['complete with nothing', { complete: true, exitcode: 0 }],
	])('is shown not to have been full by %s', async (_what, next) => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(1000, history(0, bigRow(0, 9 * MIB))));
		expect((await streamAfter(15_000, next)).status).toBe(200);
		expect(exchange.referee.violations).toEqual([expect.stringMatching(/but was not full: it held 9437184 bytes/)]);
	});

	test('may be counted with its escapes, and may be sent again', async () => {
		await exchange.takes(streamAfter(0, {}));
		const first = history(0, row(0, `"text":"${'\\"'.repeat(2.5 * MIB)}"`));
		await exchange.takes(streamAfter(1000, first));
		await exchange.takes(streamAfter(2000, first));
		await exchange.takes(streamAfter(15_000, history(1, bigRow(1, MIB))));
		expect(exchange.referee.check()).toEqual([]);
	});

	test('may have held a longer summary a moment before, as with the official client', async () => {
		const text = (step: number, bytes: number) => ({
			files: { ...filesOf(history(step, bigRow(step, bytes))), 'wandb-summary.json': { offset: 0, content: [bigRow(step, bytes)] } },
		});
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(1000, history(0, bigRow(0, 9 * MIB))));
		await exchange.takes(streamAfter(1000, text(1, 5 * MIB)));
		await exchange.takes(streamAfter(15_000, history(2, row(2))));
		await exchange.takes(streamAfter(1000, text(3, MIB / 2)));
		expect((await streamAfter(15_000, {})).status).toBe(200);
		expect(exchange.referee.violations).toEqual([expect.stringMatching(/but was not full: it held 1048576 bytes/)]);
	});

	test('that nothing followed is told by check()', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(1000, history(0, bigRow(0, 9 * MIB))));
		expect(exchange.referee.violations).toEqual([]);
		expect(exchange.referee.check()).toEqual([expect.stringMatching(/but was not full/)]);
	});
});

describe('heartbeats', () => {
	test('in time are nothing to speak of', async () => {
		await exchange.takes(streamAfter(30_000, {}));
		await exchange.takes(streamAfter(35_000, {}));
		exchange.nowMs += 35_000;
		expect(exchange.referee.check()).toEqual([]);
	});

	test('that are late are no violations, but told by check()', async () => {
		await exchange.takes(streamAfter(0, {}));
		await exchange.takes(streamAfter(35_001, {}));
		exchange.nowMs += 40_000;
		expect(exchange.referee.violations).toEqual([]);
		expect(exchange.referee.check()).toEqual([
			expect.stringMatching(/late heartbeat: .* which is 35001 ms/),
			expect.stringMatching(/late heartbeat: .* which is 40000 ms/),
		]);
	});

	test('are due from the upsert on', async () => {
		exchange.nowMs += 36_000;
		expect(exchange.referee.check()).toEqual([expect.stringMatching(/which is 36000 ms/)]);
	});

	test('are not due after complete, nor while the client is interrupted', async () => {
		await exchange.takes(streamAfter(0, {}));
		exchange.referee.interrupted(RUN_ID);
		exchange.nowMs += 100_000;
		expect(exchange.referee.check()).toEqual([]);
		await exchange.takes(streamAfter(0, { complete: true, exitcode: 0 }));
		exchange.nowMs += 100_000;
		expect(exchange.referee.check()).toEqual([]);
	});

	test('that stay away for five minutes make a crashed run, or a preempted one', async () => {
		await exchange.takes(streamAfter(0, {}));
		exchange.nowMs += 300_001;
		expect(exchange.referee.state(RUN_ID)).toBe('crashed');
		await exchange.takes(streamAfter(0, { preempting: true }));
		expect(exchange.referee.state(RUN_ID)).toBe('preempting');
		exchange.nowMs += 300_001;
		expect(exchange.referee.state(RUN_ID)).toBe('preempted');
	});
});

function filesOf(body: object): object {
	return (body as { files: object }).files;
}
