import { describe, expect, test } from 'vitest';
import { encodeChunk } from '../../src/core/chunk.ts';
import type { LineValue } from '../../src/core/json-line.ts';
import { EMPTY_HASH, hashLines } from '../../src/core/line-hash.ts';
import { BatchPacker } from '../../src/core/packer.ts';
import { type FileStreamRequest, HISTORY_FILE } from '../../src/core/protocol.ts';
import type { FoundRun, Outcome, Remote, RemoteFeatures, RunUpsert } from '../../src/core/remote.ts';
import type { AppendWrite, RunState } from '../../src/core/store.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { MemoryStore } from '../../src/platform/memory-store.ts';
import { newWriter } from '../../src/run-state.ts';
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
	upserts: RunUpsert[] = [];
	exitCode: number | undefined;
	maxLines = Number.POSITIVE_INFINITY;
	/** What the hash of an answer is taken over, where it is not the lines. */
	hashedLines: string[] | undefined;

	async features() {
		return accepted<RemoteFeatures>({ takesRecords: true, takesGzip: false, takesGlobs: true });
	}

	async find() {
		return accepted<FoundRun | undefined>(undefined);
	}

	async upsertRun(run: RunState, change: RunUpsert) {
		this.upserts.push(change);
		return accepted({
			entity: 'local',
			project: run.project,
			url: `http://server/local/${run.project}/runs/${run.id}`,
			serverId: 's1',
			gen: 0,
			historyLines: 0,
		});
	}

	async rewind(): Promise<Outcome<FoundRun>> {
		throw new Error('nothing here is rewound');
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
		return accepted({
			tidelog: {
				serverId: 's1',
				next: { [HISTORY_FILE]: this.lines.length },
				hash: { [HISTORY_FILE]: hashLines(EMPTY_HASH, this.hashedLines ?? this.lines) },
			},
		});
	}

	async upload(_run: RunState, path: string, bytes: Uint8Array) {
		this.files.set(path, bytes);
		return accepted(undefined);
	}

	async alert() {
		return accepted(undefined);
	}
}

function accepted<T>(answer: T): { kind: 'accepted'; answer: T } {
	return { kind: 'accepted', answer };
}

/** The file loop sleeps for this long while there is no file. */
const HEARTBEAT_MS = 30_000;
const RUN = 'run000000001';
const WRITER = 'writer0000000001';

/** Chunks of ten records from `from` up to `to`. */
function records(from: number, to: number): AppendWrite {
	const packer = new BatchPacker<LineValue>(from);
	const chunks: AppendWrite['chunks'] = [];
	for (let n = from; n < to; n++) {
		packer.add([{ key: 'loss', value: n / 10 }], n, 0, 1_000 * n, n);
		if (n % 10 === 9 || n === to - 1) {
			const batch = packer.take();
			chunks.push({ n0: batch.n0, count: batch.count, bytes: encodeChunk(batch) });
		}
	}
	return { run: RUN, writer: WRITER, stream: 'history', chunks, next: { relative: to, least: 0, runtimeS: to }, files: [] };
}

async function setUp(count: number, isFinished = true) {
	const store = new MemoryStore();
	await store.updateRun(RUN, () => ({
		id: RUN,
		sentAs: RUN,
		name: 'a run',
		project: 'p',
		entity: '',
		server: 'http://server',
		createdMs: 0,
		folded: {},
		config: [],
		summary: [],
		metrics: [],
		isFinished,
		exitCode: 3,
		resume: 'never',
		isIdGiven: false,
		isFinishSent: false,
	}));
	await store.updateWriter(RUN, WRITER, () => ({ ...newWriter(RUN, WRITER, 5), base: 0 }));
	await store.append(records(0, count));
	const server = new LineServer();
	const clock = fastClock();
	const notices: string[] = [];
	const again = () =>
		new Sender({
			run: RUN,
			store,
			remote: server,
			clock,
			isPaused: false,
			exclusively: (_run, _signal, use) => use(),
			isLive: () => false,
			onChange: () => undefined,
			loadRows: () => import('../../src/sync/send-rows.ts'),
			onNotice: (code) => notices.push(code),
		});
	return { store, server, clock, sender: again(), again, notices };
}

const expectedLines = (count: number) => Array.from({ length: count }, (_, n) => `{"loss":${n / 10},"_step":${n},"_runtime":${n},"_timestamp":${n}}`);

describe('a sender', () => {
	test('makes the run, sends every record in its place, then the end', async () => {
		const { server, sender, store } = await setUp(95);
		await sender.run();
		expect(server.lines).toEqual(expectedLines(95));
		expect(server.upserts).toMatchObject([{ withInfo: true, config: { _wandb: { value: { e: { [WRITER]: {} } } } } }]);
		expect(server.exitCode).toBe(3);
		expect((await store.writers(RUN))[0]).toMatchObject({ acknowledged: { history: 95 }, isVerified: true });
		expect(server.requests[0]?.tidelog).toEqual({ v: 1, writer: WRITER, startedMs: 5, upTo: 95, gen: 0 });
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
		expect(clock.slept.filter((ms) => ms > 100 && ms !== HEARTBEAT_MS)).toEqual([750, 1_500, 9_000]);
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
		expect((await store.writers(RUN))[0]?.isVerified).toBe(true);
	});

	test('says so when the server holds other lines than it acknowledged', async () => {
		const { server, sender, store, notices } = await setUp(10);
		server.hashedLines = ['{"loss":0}'];
		await sender.run();
		expect((await store.writers(RUN))[0]?.isVerified).toBe(false);
		expect(notices).toContain('history-differs');
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
