import { describe, expect, test } from 'vitest';
import { encodeChunk } from '../../src/core/chunk.ts';
import type { LineValue } from '../../src/core/json-line.ts';
import { BatchPacker } from '../../src/core/packer.ts';
import { type FileStreamRequest, HISTORY_FILE } from '../../src/core/protocol.ts';
import type { Outcome, Remote } from '../../src/core/remote.ts';
import type { AppendWrite, RunState } from '../../src/core/store.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { MemoryStore } from '../../src/platform/memory-store.ts';
import { Sender } from '../../src/sync/sender.ts';

/** A clock that never waits: each sleep moves time on and gives other work a turn. */
function fastClock(): Clock & { slept: number[] } {
	let now = 0;
	const slept: number[] = [];
	return {
		slept,
		nowMs: () => now,
		monotonicMs: () => now,
		random: () => 0.5,
		sleep: async (ms) => {
			slept.push(ms);
			now += ms;
			await new Promise((resolve) => setImmediate(resolve));
		},
	};
}

/** A server that keeps lines by place and acknowledges as the protocol says. `faults` are taken first, one a request. */
class LineServer implements Remote {
	lines: string[] = [];
	files = new Map<string, Uint8Array>();
	requests: FileStreamRequest[] = [];
	faults: (((request: FileStreamRequest) => Outcome<never> | 'lost answer') | undefined)[] = [];
	config: Record<string, LineValue> | undefined;
	exitCode: number | undefined;
	takesRecords = true;
	maxLines = Number.POSITIVE_INFINITY;

	async features() {
		return { kind: 'accepted' as const, answer: { takesRecords: this.takesRecords, takesGzip: false } };
	}

	async upsertRun(run: RunState) {
		this.config = run.config;
		return { kind: 'accepted' as const, answer: { entity: 'local', project: run.project, url: `http://server/local/${run.project}/runs/${run.id}` } };
	}

	async stream(_run: RunState, request: FileStreamRequest) {
		this.requests.push(request);
		const fault = this.faults.shift()?.(request);
		if (fault !== undefined && fault !== 'lost answer') return fault;
		const history = request.files?.[HISTORY_FILE];
		if (history && history.content.length > this.maxLines) return { kind: 'retry' as const, reason: '413', isTooLarge: true };
		if (history && history.offset <= this.lines.length) {
			for (const [i, line] of history.content.entries()) this.lines[history.offset + i] ??= line;
		}
		if (request.complete) this.exitCode = request.exitcode;
		if (fault === 'lost answer') return { kind: 'retry' as const, reason: 'connection reset' };
		return { kind: 'accepted' as const, answer: { tidelog: { next: { [HISTORY_FILE]: this.lines.length } } } };
	}

	async upload(_run: RunState, path: string, bytes: Uint8Array) {
		this.files.set(path, bytes);
		return { kind: 'accepted' as const, answer: undefined };
	}
}

/** The file loop sleeps for this long while there is no file. */
const HEARTBEAT_MS = 30_000;
const RUN = 'run00001';
const WRITER = 'writer0000000001';

/** Chunks of ten records from `from` up to `to`, and the writer's state after them. */
function records(from: number, to: number): AppendWrite {
	const packer = new BatchPacker<LineValue>(from);
	const chunks: AppendWrite['chunks'] = [];
	for (let n = from; n < to; n++) {
		packer.add([{ key: 'loss', value: n / 10 }], n, 1_000 * n, n);
		if (n % 10 === 9 || n === to - 1) {
			const batch = packer.take();
			chunks.push({ n0: batch.n0, bytes: encodeChunk(batch) });
		}
	}
	return { state: { run: RUN, writer: WRITER, startedMs: 5, stored: to, acknowledged: 0, nextStep: to }, stream: 'history', chunks, files: [] };
}

async function setUp(count: number, isFinished = true) {
	const store = new MemoryStore();
	await store.updateRun(RUN, () => ({
		id: RUN,
		name: 'a run',
		project: 'p',
		entity: '',
		server: 'http://server',
		createdMs: 0,
		config: { lr: 0.1 },
		explicitSummary: {},
		metaVersion: 1,
		metaSent: 0,
		isFinished,
		exitCode: 3,
		isFinishSent: false,
	}));
	await store.append(records(0, count));
	const server = new LineServer();
	const clock = fastClock();
	const again = () =>
		new Sender({
			run: RUN,
			store,
			remote: server,
			clock,
			exclusively: (_run, _signal, use) => use(),
			isLive: () => false,
			onChange: () => undefined,
		});
	return { store, server, clock, sender: again(), again };
}

const expectedLines = (count: number) => Array.from({ length: count }, (_, n) => `{"loss":${n / 10},"_step":${n},"_runtime":${n},"_timestamp":${n}}`);

describe('a sender', () => {
	test('sends config, every record in its place, then the end', async () => {
		const { server, sender, store } = await setUp(95);
		await sender.run();
		expect(server.lines).toEqual(expectedLines(95));
		expect(server.config).toEqual({ lr: 0.1 });
		expect(server.exitCode).toBe(3);
		expect((await store.writers(RUN))[0]?.acknowledged).toBe(95);
		expect(server.requests[0]?.tidelog).toEqual({ v: 1, writer: WRITER, startedMs: 5, upTo: 95 });
	});

	test('brings everything once through lost answers, refusals to connect and 503', async () => {
		const { server, sender } = await setUp(200);
		server.faults = [
			() => 'lost answer',
			() => ({ kind: 'retry', reason: 'refused' }),
			() => 'lost answer',
			() => ({ kind: 'retry', reason: '503', afterMs: 7_000 }),
			undefined,
		];
		await sender.run();
		expect(server.lines).toEqual(expectedLines(200));
		expect(server.exitCode).toBe(3);
	});

	test('waits at least as long as the server asked, and longer after each failure', async () => {
		const { server, sender, clock } = await setUp(1);
		server.faults = [
			() => ({ kind: 'retry', reason: '1' }),
			() => ({ kind: 'retry', reason: '2' }),
			() => ({ kind: 'retry', reason: '3', afterMs: 9_000 }),
		];
		await sender.run();
		expect(clock.slept.filter((ms) => ms > 100 && ms !== HEARTBEAT_MS)).toEqual([375, 750, 9_000]);
	});

	test('sends files beside the records, and the end only after the last of them', async () => {
		const { server, sender, store } = await setUp(5);
		const bytes = new Uint8Array([1, 2, 3]);
		const state = { run: RUN, path: 'media/images/a_0_ab.png', sha256: 'ab', size: 3, isUploaded: false };
		await store.append({ ...records(5, 6), files: [{ state, bytes }] });
		await sender.run();
		expect(server.files.get(state.path)).toEqual(bytes);
		expect(server.lines).toEqual(expectedLines(6));
		expect(server.requests.at(-1)).toMatchObject({ complete: true, exitcode: 3 });
	});

	test('sends less at once after 413', async () => {
		const { server, sender } = await setUp(60);
		server.maxLines = 7;
		await sender.run();
		expect(server.lines).toEqual(expectedLines(60));
	});

	test('follows the server back when that was restored from a backup', async () => {
		const { server, sender, store, again } = await setUp(60, false);
		await sender.run();
		server.lines.length = 20;
		await store.append(records(60, 65));
		await again().run();
		expect(server.lines).toEqual(expectedLines(65));
	});

	test('stops and says why when the server takes no records', async () => {
		const { server, sender, clock } = await setUp(5);
		server.takesRecords = false;
		const run = sender.run();
		while (sender.state !== 'refused') await clock.sleep(1);
		expect(sender.error).toMatch(/takes no Tidelog records/);
		expect(server.lines).toEqual([]);
		sender.stop();
		await run;
	});

	test('does nothing while paused, and goes on when resumed', async () => {
		const { server, sender, clock } = await setUp(5);
		sender.setPaused(true);
		const run = sender.run();
		for (let i = 0; i < 20; i++) await clock.sleep(1);
		expect([sender.state, server.requests.length]).toEqual(['paused', 0]);
		sender.setPaused(false);
		await run;
		expect(server.lines).toEqual(expectedLines(5));
	});
});
