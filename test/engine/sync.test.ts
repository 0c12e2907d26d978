import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { compareReferee, compareTide } from './compare.ts';
import type { Device } from './device.ts';
import type { SentRequest } from './fault-proxy.ts';
import type { Session } from './session.ts';
import { World } from './world.ts';

const MINUTE_MS = 60_000;
const worlds: World[] = [];

function newWorld(kind: 'tide' | 'referee', seed = 1): World {
	const world = new World(seed, kind);
	worlds.push(world);
	return world;
}

afterEach(() => {
	for (const world of worlds.splice(0)) world.close();
});

function logSome(session: Session, count: number): void {
	for (let i = 0; i < count; i++) session.log({ loss: 1 / (i + 1), acc: i });
}

/** A run whose first `count` records the server has. */
async function begun(world: World, count: number, device = world.device()): Promise<Session> {
	const session = world.begin(device, { id: 'r', resume: 'allow' });
	logSome(session, count);
	await world.clock.wait(session.run.synced());
	return session;
}

const stepsOf = async (world: World, session: Session, id = 'r') =>
	(await world.tide.records(id)).filter(({ writer }) => writer === session.writer).map(({ step }) => step);

describe('what the server says of the run', () => {
	test('a run that was deleted there is sent no more; the copy stays, and sendAs sends all of it again', async () => {
		const world = newWorld('tide');
		const session = await begun(world, 10);
		await world.clock.wait(world.tide.tracker.deleteRun(String(world.tide.run('r').id)));
		logSome(session, 5);
		await world.clock.advance(MINUTE_MS);
		expect(session.run.status).toMatchObject({ connection: 'refused', accepted: 15, durable: 15 });
		expect(session.codes).toContain('run-deleted');
		const asked = world.proxy.log.length;
		await world.clock.advance(3 * MINUTE_MS);
		expect(world.proxy.log.length).toBe(asked);

		await world.clock.wait(session.run.sendAs('again'));
		await world.clock.wait(session.run.synced());
		expect(await compareTide(world.tide, 'again', [session], { localIdOf: () => 'r' })).toEqual([]);
		expect(world.tide.find('r')).toBeUndefined();
	});

	test('a data folder that was replaced gets the run from its first record', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const first = await begun(world, 10, device);
		first.page.die();
		const second = world.begin(device, { id: 'r', resume: 'must' });
		logSome(second, 4);
		await world.clock.wait(second.run.synced());
		world.tide.replace();
		logSome(second, 1);
		await world.clock.wait(second.run.synced());
		expect(await compareTide(world.tide, 'r', [first, second])).toEqual([]);
		expect(second.codes).toEqual([]);
	});

	test('a server put back to an older state gets the later lines again', async () => {
		const world = newWorld('tide');
		const session = await begun(world, 100);
		session.set('config', ['lr'], 0.1);
		await world.clock.wait(session.run.synced());
		const copy = world.tide.backup();
		session.set('config', ['lr'], 0.2);
		logSome(session, 100);
		await world.clock.wait(session.run.synced());
		world.tide.restore(copy);
		logSome(session, 1);
		await world.clock.wait(session.run.synced());
		await world.clock.advance(1_000);
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
		expect(session.run.status.verified).toBe(true);
	});

	test('so does one that is put back to before the run began', async () => {
		const world = newWorld('tide');
		const copy = world.tide.backup();
		const session = await begun(world, 10);
		world.tide.restore(copy);
		logSome(session, 1);
		await world.clock.wait(session.run.synced());
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});

	test('the lines of pages that are gone are asked for again as well', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const first = await begun(world, 50, device);
		const copy = world.tide.backup();
		logSome(first, 50);
		await world.clock.wait(first.run.synced());
		first.page.die();
		world.tide.restore(copy);
		const second = world.begin(device, { id: 'r', resume: 'allow' });
		logSome(second, 1);
		await world.clock.wait(second.run.synced());
		await world.clock.wait(second.finish(MINUTE_MS));
		await world.sent(device);
		expect(await compareTide(world.tide, 'r', [first, second])).toEqual([]);
	});

	test('a server that holds other lines than it was sent is found out', async () => {
		const world = newWorld('tide');
		const session = await begun(world, 5);
		expect(session.run.status.verified).toBe(true);
		world.tide.tracker.database.sql.exec("UPDATE lines SET body = replace(body, '0.5', '0.6')");
		world.tide.tracker.database.sql.exec("UPDATE cursors SET hash = '0123456789abcdef' WHERE file = 'wandb-history.jsonl'");
		world.tide.restart();
		logSome(session, 1);
		await world.clock.wait(session.run.synced());
		await world.clock.advance(1_000);
		expect(session.run.status.verified).toBe(false);
		expect(session.codes).toEqual(['history-differs']);
	});

	test('a W&B server that has the run no more is not made to have it', async () => {
		const world = newWorld('referee');
		const session = world.begin(world.device(), { id: 'r' });
		logSome(session, 3);
		await world.clock.advance(MINUTE_MS);
		expect(world.referee.rows('r').length).toBeGreaterThan(0);
		world.referee.runs.clear();
		logSome(session, 3);
		await world.clock.advance(12 * MINUTE_MS);
		expect(world.referee.runs.size).toBe(0);
		expect(session.run.status.connection).toBe('refused');
		expect(session.codes).toContain('server-refused');
		expect(session.run.status.durable).toBe(6);
	});
});

describe('what comes of a request', () => {
	test.each([401, 403])('%i pauses and reports; sending goes on when the token works again', async (status) => {
		const world = newWorld('tide');
		world.proxy.rule = () => ({ kind: 'answer', status, body: '{"error":"bad token"}' });
		const session = world.begin(world.device());
		logSome(session, 3);
		await world.clock.advance(4 * MINUTE_MS);
		expect(world.proxy.log.length).toBe(1);
		expect(session.run.status).toMatchObject({ connection: 'refused', accepted: 3, durable: 3, synced: 0 });
		expect(session.codes).toEqual(['server-refused']);
		world.proxy.rule = () => ({ kind: 'none' });
		await world.clock.wait(session.run.synced(), 2 * MINUTE_MS);
		expect(await compareTide(world.tide, session.run.id, [session])).toEqual([]);
	});

	test('413 splits the batch, down to single records', async () => {
		const world = newWorld('tide');
		world.proxy.maxBodyBytes = 1_700;
		const session = world.begin(world.device());
		// Text that gzip makes little of.
		const text = () => Array.from({ length: 1_200 }, () => world.random.int(0, 35).toString(36)).join('');
		for (let i = 0; i < 40; i++) session.log({ text: text(), i });
		await world.clock.wait(session.run.synced());
		const served = world.proxy.log.filter(({ url, served }) => url.endsWith('/file_stream') && served === 200);
		const textOf = ({ body }: SentRequest) => (typeof body === 'string' ? body : gunzipSync(body ?? '').toString());
		const counts = served.map((request) => JSON.parse(textOf(request)).files?.['wandb-history.jsonl']?.content.length ?? 0);
		expect(Math.max(...counts)).toBe(1);
		expect(await compareTide(world.tide, session.run.id, [session])).toEqual([]);
	});

	test.each([
		['an HTML page', '<html>Sign in to the hotel</html>'],
		['nothing', ''],
		['half an answer', '{"tidelog":{"serverId":"a"'],
		['a list', '[]'],
		['an answer of another program', '{"ok":true}'],
	])('%s in the place of an answer acknowledges nothing', async (_name, body) => {
		const world = newWorld('tide');
		const session = await begun(world, 3);
		world.proxy.rule = () => ({ kind: 'answer', status: 200, body });
		logSome(session, 3);
		await world.clock.advance(MINUTE_MS);
		expect(session.run.status).toMatchObject({ accepted: 6, synced: 3 });
		expect(session.run.status.error).toBeDefined();
		world.proxy.rule = () => ({ kind: 'none' });
		await world.clock.wait(session.run.synced(), 6 * MINUTE_MS);
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});

	test('an answer that never comes is given up after a minute', async () => {
		const world = newWorld('tide');
		const session = await begun(world, 3);
		world.proxy.next.push({ kind: 'black-hole', when: 'after' });
		const before = world.proxy.log.length;
		logSome(session, 3);
		await world.clock.advance(59_000);
		expect(world.proxy.log.length).toBe(before + 1);
		await world.clock.wait(session.run.synced(), 10_000);
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});

	test.each([
		['in seconds', () => '25'],
		['as a date', (nowMs: number) => new Date(nowMs + 25_000).toUTCString()],
	])('Retry-After %s is obeyed', async (_name, header) => {
		const world = newWorld('tide');
		const session = await begun(world, 3);
		world.proxy.next.push({ kind: 'answer', status: 503, body: '', headers: { 'retry-after': header(world.clock.nowMs()) } });
		logSome(session, 3);
		await world.clock.wait(session.run.synced());
		const [refused, next] = world.proxy.log.slice(world.proxy.log.findIndex(({ fault }) => fault === 'answer'));
		expect((next?.atMs ?? 0) - (refused?.atMs ?? 0)).toBeGreaterThanOrEqual(24_000);
		expect((next?.atMs ?? 0) - (refused?.atMs ?? 0)).toBeLessThan(27_000);
	});

	test('the back-off grows from half a second or more to a minute at most, and differs from device to device', async () => {
		const gaps = await Promise.all(
			[1, 2].map(async (seed) => {
				const world = newWorld('tide', seed);
				const session = world.begin(world.device());
				world.proxy.isDown = true;
				logSome(session, 1);
				await world.clock.advance(20 * MINUTE_MS);
				const times = world.proxy.log.map(({ atMs }) => atMs);
				return times.slice(1).map((time, i) => time - (times[i] as number));
			}),
		);
		for (const own of gaps) {
			expect(own[0]).toBeGreaterThanOrEqual(500);
			expect(own[0]).toBeLessThanOrEqual(1_100);
			expect(Math.max(...own)).toBeLessThanOrEqual(60_100);
			expect(Math.max(...own)).toBeGreaterThan(45_000);
			expect(own.length).toBeGreaterThan(20);
		}
		expect(gaps[0]).not.toEqual(gaps[1]);
	});
});

describe('resume', () => {
	/** A run `r` on the server, left there by another device: steps 0 to 9. */
	async function onServer(world: World): Promise<Session> {
		const session = await begun(world, 10);
		await world.clock.wait(session.finish(MINUTE_MS));
		session.page.die();
		return session;
	}

	/** The same on the given device. */
	async function onDevice(world: World, device: Device): Promise<Session> {
		const session = await begun(world, 10, device);
		session.page.die();
		await world.clock.advance(1);
		return session;
	}

	test.each(['never', 'allow'] as const)('%s begins a run that is nowhere', async (resume) => {
		const world = newWorld('tide');
		const session = world.begin(world.device(), { id: 'r', resume });
		logSome(session, 3);
		await world.clock.wait(session.run.synced());
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
		expect(session.codes).toEqual([]);
	});

	test('must refuses a run that is nowhere, and loses nothing', async () => {
		const world = newWorld('tide');
		const session = world.begin(world.device(), { id: 'r', resume: 'must' });
		logSome(session, 3);
		await world.clock.advance(MINUTE_MS);
		expect(session.codes).toEqual(['run-missing']);
		expect(session.run.status).toMatchObject({ connection: 'refused', durable: 3, synced: 0 });
		expect(world.tide.find('r')).toBeUndefined();
		await world.clock.wait(session.run.sendAs('r2'));
		logSome(session, 2);
		await world.clock.wait(session.run.synced());
		expect(await compareTide(world.tide, 'r2', [session], { localIdOf: () => 'r' })).toEqual([]);
	});

	test.each(['allow', 'must'] as const)('%s goes on with a run of the server, after its steps', async (resume) => {
		const world = newWorld('tide');
		const first = await onServer(world);
		await world.clock.advance(2 * MINUTE_MS);
		const session = world.begin(world.device(), { id: 'r', resume });
		// Logged before anybody could ask where the run is.
		logSome(session, 3);
		session.log({ late: 1 }, { step: 4 });
		await world.clock.wait(session.run.synced());
		expect(await stepsOf(world, session)).toEqual([10, 11, 12, 4]);
		expect(await compareTide(world.tide, 'r', [first, session])).toEqual([]);
		expect(session.codes).toEqual([]);
	});

	test('never refuses a run of the server; sendAs sends it as another', async () => {
		const world = newWorld('tide');
		const first = await onServer(world);
		const session = world.begin(world.device(), { id: 'r' });
		logSome(session, 3);
		await world.clock.advance(MINUTE_MS);
		expect(session.codes).toEqual(['run-exists']);
		expect(await compareTide(world.tide, 'r', [first])).toEqual([]);
		await world.clock.wait(session.run.sendAs('r2'));
		await world.clock.wait(session.run.synced());
		expect(await compareTide(world.tide, 'r2', [session], { localIdOf: () => 'r' })).toEqual([]);
	});

	test('never keeps a run of this device apart from the new one', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const first = await onDevice(world, device);
		const session = world.begin(device, { id: 'r' });
		logSome(session, 3);
		await world.clock.advance(MINUTE_MS);
		expect(session.codes).toEqual(['run-exists']);
		expect(session.run.id).not.toBe('r');
		expect(await compareTide(world.tide, 'r', [first])).toEqual([]);
		await world.clock.wait(session.run.sendAs('r2'));
		await world.clock.wait(session.run.synced());
		expect((await world.tide.records('r2')).length).toBe(3);
	});

	test.each(['allow', 'must', 'auto'] as const)('%s goes on with a run of this device', async (resume) => {
		const world = newWorld('tide');
		const device = world.device();
		const first = await onDevice(world, device);
		world.proxy.isDown = true;
		const session = world.begin(device, resume === 'auto' ? { resume } : { id: 'r', resume });
		logSome(session, 3);
		await world.clock.wait(session.run.opened);
		expect(session.run.id).toBe('r');
		await world.clock.advance(MINUTE_MS);
		world.proxy.isDown = false;
		await world.clock.wait(session.run.synced());
		expect(await stepsOf(world, session)).toEqual([10, 11, 12]);
		expect(await compareTide(world.tide, 'r', [first, session])).toEqual([]);
	});

	test('auto begins a run where none is unfinished', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const first = await begun(world, 2, device);
		await world.clock.wait(first.finish(MINUTE_MS));
		first.page.die();
		const session = world.begin(device, { resume: 'auto' });
		await world.clock.wait(session.run.opened);
		expect(session.run.id).not.toBe('r');
	});

	test.each(['tide', 'referee'] as const)('never does not refuse itself when its first answer was lost (%s)', async (kind) => {
		const world = newWorld(kind);
		// Features, question, then the upsert whose answer is lost.
		world.proxy.next.push({ kind: 'none' }, { kind: 'none' }, { kind: 'drop', when: 'after' });
		world.proxy.onFault = () => world.interrupted();
		const session = world.begin(world.device(), { id: 'r' });
		logSome(session, 3);
		await world.clock.wait(session.finish(5 * MINUTE_MS));
		expect(session.codes).toEqual([]);
		if (kind === 'tide') expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
		else expect(await compareReferee(world.referee, 'r', [session])).toEqual([]);
	});

	test('several visits before the first contact stand one after the other, behind what the server had', async () => {
		const world = newWorld('tide');
		const first = await onServer(world);
		await world.clock.advance(2 * MINUTE_MS);
		world.proxy.isDown = true;
		const device = world.device();
		const sessions: Session[] = [];
		for (let visit = 0; visit < 3; visit++) {
			const session = world.begin(device, { id: 'r', resume: 'allow' });
			logSome(session, 3);
			await world.clock.wait(session.flush());
			session.page.die();
			sessions.push(session);
			await world.clock.advance(1_000);
		}
		world.proxy.isDown = false;
		world.begin(device);
		expect(await world.sent(device)).toBe(true);
		expect(await compareTide(world.tide, 'r', [first, ...sessions])).toEqual([]);
		expect(await stepsOf(world, sessions[2] as Session)).toEqual([16, 17, 18]);
	});

	test('a W&B server names the steps of a run that another device left there', async () => {
		const world = newWorld('referee');
		const first = world.begin(world.device(), { id: 'r', config: { lr: 1 } });
		logSome(first, 5);
		await world.clock.wait(first.finish(5 * MINUTE_MS));
		first.page.die();
		const session = world.begin(world.device(), { id: 'r', resume: 'must' });
		logSome(session, 3);
		session.log({ late: 1 }, { step: 2 });
		session.set('config', ['batch'], 32);
		await world.clock.wait(session.finish(5 * MINUTE_MS));
		expect(world.referee.state('r')).toBe('finished');
		expect(await compareReferee(world.referee, 'r', [first, session])).toEqual([]);
		expect(session.codes).toEqual(['late-value']);
	});
});

describe('several writers', () => {
	test('a second live page lets the server number its steps, is told once, and named steps stay', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const first = await begun(world, 5, device);
		const second = world.begin(device, { id: 'r', resume: 'allow' });
		for (let i = 0; i < 3; i++) {
			second.log({ other: i });
			await world.clock.wait(second.run.synced());
			first.log({ loss: i });
			await world.clock.wait(first.run.synced());
		}
		second.log({ other: 9 }, { step: 1 });
		await world.clock.wait(second.run.synced());
		await world.clock.advance(5 * MINUTE_MS);
		expect(second.codes).toEqual(['shared-steps']);
		const steps = await stepsOf(world, second);
		expect(steps[3]).toBe(1);
		expect(steps.slice(0, 3)).toEqual([...steps.slice(0, 3)].sort((a, b) => Number(a) - Number(b)));
		expect(await compareTide(world.tide, 'r', [first, second], { baseOf: (session) => (session === second ? null : undefined) })).toEqual([]);
	});

	test('whoever comes after steps that the server numbered begins behind them', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const first = await begun(world, 5, device);
		const second = world.begin(device, { id: 'r', resume: 'allow' });
		logSome(second, 20);
		await world.clock.wait(second.run.synced());
		first.page.die();
		second.page.die();
		await world.clock.advance(5 * MINUTE_MS);
		const third = world.begin(device, { id: 'r', resume: 'allow' });
		logSome(third, 2);
		await world.clock.wait(third.run.synced());
		expect(await stepsOf(world, third)).toEqual([25, 26]);
	});

	test('a device that comes while another is live lets the server number', async () => {
		const world = newWorld('tide');
		const first = await begun(world, 5);
		const second = world.begin(world.device(), { id: 'r', resume: 'allow' });
		logSome(second, 3);
		await world.clock.wait(second.run.synced());
		expect(await stepsOf(world, second)).toEqual([5, 6, 7]);
		expect((await world.tide.records('r')).filter(({ writer, line }) => writer === second.writer && '_step' in line)).toEqual([]);
		expect(second.codes).toEqual(['shared-steps']);
		expect(await compareTide(world.tide, 'r', [first, second], { baseOf: (session) => (session === second ? null : undefined) })).toEqual([]);
	});

	test('another tab takes over what a dead one left, without a visit', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const other = world.begin(device);
		const session = world.begin(device, { id: 'r' });
		logSome(session, 2);
		await world.clock.wait(session.run.synced());
		world.proxy.isDown = true;
		logSome(session, 30);
		await world.clock.wait(session.flush());
		session.page.die();
		world.proxy.isDown = false;
		expect(await world.sent(device, 2 * MINUTE_MS)).toBe(true);
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
		other.page.die();
	});

	test.each([1, 2, 3, 4, 5, 6, 7, 8])('without locks several tabs send the same, and nothing seems to differ (%i)', async (seed) => {
		const world = newWorld('tide', seed);
		world.proxy.latencyMs = () => world.random.int(1, 400);
		const device = world.device();
		device.hasLocks = false;
		const sessions = ['a', 'b', 'c'].map((id) => world.begin(device, { id }));
		for (let i = 0; i < 100; i++) {
			for (const session of sessions) logSome(session, world.random.int(1, 5));
			await world.clock.advance(world.random.int(5, 120));
		}
		for (const session of sessions) {
			await world.clock.wait(session.finish(MINUTE_MS));
			expect([session.codes, session.run.status.verified]).toEqual([[], true]);
			expect(await compareTide(world.tide, session.run.id, [session])).toEqual([]);
		}
	});

	test('late data of a crashed run are taken and make it running again', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const session = await begun(world, 5, device);
		world.proxy.isDown = true;
		logSome(session, 5);
		await world.clock.wait(session.flush());
		session.page.die();
		await world.clock.advance(60 * MINUTE_MS);
		expect(world.tide.tracker.info(world.tide.run('r')).state).toBe('crashed');
		world.proxy.isDown = false;
		const helper = world.begin(device);
		await world.clock.wait(helper.run.synced());
		expect(await world.sent(device)).toBe(true);
		expect(world.tide.tracker.info(world.tide.run('r')).state).toBe('running');
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});
});

describe('modes', () => {
	test('offline sends nothing before resumeSync', async () => {
		const world = newWorld('tide');
		const session = world.begin(world.device(), { id: 'r', mode: 'offline' });
		logSome(session, 3);
		await world.clock.advance(10 * MINUTE_MS);
		expect(world.proxy.log).toEqual([]);
		expect(session.run.status).toMatchObject({ connection: 'paused', durable: 3, synced: 0 });
		session.run.resumeSync();
		await world.clock.wait(session.run.synced(), MINUTE_MS);
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});

	test('what was logged offline is sent by the next visit that is online', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const session = world.begin(device, { id: 'r', mode: 'offline' });
		logSome(session, 3);
		const { isSynced } = await world.clock.wait(session.finish(1_000));
		expect(isSynced).toBe(false);
		session.page.die();
		world.begin(device);
		expect(await world.sent(device)).toBe(true);
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
		expect(world.tide.tracker.info(world.tide.run('r')).state).toBe('finished');
	});

	test('disabled does nothing at all', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const run = device.open().init({ project: 'p', server: 'http://tide.test', mode: 'disabled' });
		run.log({ loss: 1 });
		run.config.lr = 1;
		await run.flush();
		expect(await run.finish()).toMatchObject({ isSynced: false, status: { accepted: 0 } });
		await world.clock.advance(MINUTE_MS);
		expect([await device.store.runs(), world.proxy.log]).toEqual([[], []]);
	});

	test('reinit: create_new leaves the earlier run open, return_previous gives it back, finish_previous finishes it', async () => {
		const world = newWorld('tide');
		const page = world.device().open();
		const first = world.begin(page.device, { id: 'a' }, page);
		const second = world.begin(page.device, { id: 'b' }, page);
		first.log({ x: 1 });
		second.log({ x: 2 });
		expect(page.init({ project: 'p', server: 'http://tide.test', reinit: 'return_previous' })).toBe(second.run);
		page.init({ project: 'p', server: 'http://tide.test', id: 'c', reinit: 'finish_previous' }).log({ x: 3 });
		expect([first.run.isFinished, second.run.isFinished]).toEqual([true, true]);
		await world.clock.advance(MINUTE_MS);
		const state = (id: string) => world.tide.tracker.info(world.tide.run(id)).state;
		expect(['a', 'b', 'c'].map(state)).toEqual(['finished', 'finished', 'running']);
	});
});

describe('branches', () => {
	test('a fork begins with the rows of the other run on our server', async () => {
		const world = newWorld('tide');
		const first = await begun(world, 10);
		first.page.die();
		const fork = world.begin(world.device(), { id: 'f', forkFrom: { run: 'r', step: 3 } });
		logSome(fork, 2);
		await world.clock.wait(fork.run.synced());
		expect((await world.tide.rows('f')).map(({ _step, acc }) => [_step, acc])).toEqual([
			[0, 0],
			[1, 1],
			[2, 2],
			[3, 3],
			[4, 0],
			[5, 1],
		]);
		expect((await world.tide.rows('r')).length).toBe(10);
	});

	test('a rewind cuts the run on our server and goes on from there; its old writer is refused', async () => {
		const world = newWorld('tide');
		const first = await begun(world, 10);
		const rewound = world.begin(world.device(), { rewindTo: { run: 'r', step: 3 } });
		logSome(rewound, 2);
		await world.clock.wait(rewound.run.synced());
		expect((await world.tide.rows('r')).map(({ _step, acc }) => [_step, acc])).toEqual([
			[0, 0],
			[1, 1],
			[2, 2],
			[3, 3],
			[4, 0],
			[5, 1],
		]);
		logSome(first, 1);
		await world.clock.advance(MINUTE_MS);
		expect(first.codes).toContain('run-rewound');
		expect((await world.tide.rows('r')).length).toBe(6);
	});

	test('a W&B server forks and rewinds as well', async () => {
		const world = newWorld('referee');
		const first = world.begin(world.device(), { id: 'r' });
		logSome(first, 10);
		await world.clock.wait(first.finish(5 * MINUTE_MS));
		first.page.die();
		const fork = world.begin(world.device(), { id: 'f', forkFrom: { run: 'r', step: 3 } });
		logSome(fork, 2);
		await world.clock.wait(fork.finish(5 * MINUTE_MS));
		const rewound = world.begin(world.device(), { rewindTo: { run: 'r', step: 5 } });
		logSome(rewound, 2);
		await world.clock.wait(rewound.finish(5 * MINUTE_MS));
		const rows = (id: string) => world.referee.rows(id).map(({ _step, acc }) => [_step, acc]);
		expect(rows('f').slice(-3)).toEqual([
			[3, 3],
			[4, 0],
			[5, 1],
		]);
		expect(rows('r').slice(-3)).toEqual([
			[5, 5],
			[6, 0],
			[7, 1],
		]);
		expect(world.referee.check()).toEqual([]);
	});
});

describe('what goes beside the rows', () => {
	test('an alert comes to our server exactly once, whatever becomes of the answers', async () => {
		const world = newWorld('tide');
		world.proxy.rule = () => (world.random.chance(0.4) ? { kind: 'drop', when: 'after' } : { kind: 'duplicate', afterMs: 30_000 });
		const session = world.begin(world.device(), { id: 'r' });
		for (let i = 0; i < 3; i++) {
			session.alert(`alert ${i}`);
			await world.clock.advance(5_000);
		}
		await world.clock.wait(session.run.synced());
		await world.clock.advance(5 * MINUTE_MS);
		expect(world.tide.tracker.detail(world.tide.run('r')).alerts.map(({ title }) => title)).toEqual(['alert 0', 'alert 1', 'alert 2']);
	});

	test('a first contact that arrives late takes nothing back', async () => {
		const world = newWorld('tide');
		world.proxy.rule = ({ body }) => (String(body).includes('UpsertBucket') ? { kind: 'duplicate', afterMs: 20_000 } : { kind: 'none' });
		const session = world.begin(world.device(), { id: 'r', name: 'first', config: { lr: 1 } });
		session.run.name = 'second';
		session.set('config', ['lr'], 2);
		await world.clock.wait(session.run.synced());
		await world.clock.advance(MINUTE_MS);
		expect(world.tide.run('r').displayName).toBe('second');
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});

	test('a whole object and then a part of it, set in one record, are seen in that order', async () => {
		const world = newWorld('tide');
		const session = world.begin(world.device(), { id: 'r' });
		for (const kind of ['config', 'summary'] as const) {
			session.set(kind, ['model'], { layers: 9 });
			session.set(kind, ['model', 'layers'], 57);
		}
		await world.clock.wait(session.run.synced());
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});

	test.each(['tide', 'referee'] as const)('an edit replaces the one before it at the same path (%s)', async (kind) => {
		const world = newWorld(kind);
		const session = world.begin(world.device(), { id: 'r' });
		for (const value of [1, 2, 3]) {
			for (const part of ['config', 'summary'] as const) session.set(part, ['best'], value);
			session.log({ loss: value });
			await world.clock.advance(MINUTE_MS);
		}
		await world.clock.wait(session.finish(MINUTE_MS));
		expect(await (kind === 'tide' ? compareTide(world.tide, 'r', [session]) : compareReferee(world.referee, 'r', [session]))).toEqual([]);
	});

	test('synced() waits for config and files', async () => {
		const world = newWorld('tide');
		const device = world.device();
		const session = world.begin(device, { id: 'r' });
		logSome(session, 1);
		await world.clock.wait(session.run.synced());
		world.proxy.rule = ({ method, url }) => (method === 'PUT' || url.endsWith('/graphql') ? { kind: 'drop', when: 'before' } : { kind: 'none' });
		const bytes = new TextEncoder().encode('a picture');
		const state = { run: 'r', path: 'media/a.png', sha256: 'ab', size: bytes.length, isUploaded: false };
		await device.store.append({ run: 'r', writer: session.writer, stream: 'history', chunks: [], files: [{ state, bytes }] }, 'relaxed');
		session.set('config', ['lr'], 0.5);
		let isSynced = false;
		await world.clock.advance(200);
		const synced = session.run.synced().then(() => {
			isSynced = true;
		});
		await world.clock.advance(2 * MINUTE_MS);
		expect(world.tide.tracker.detail(world.tide.run('r')).config).toEqual({ lr: 0.5 });
		expect(session.run.status.pending.files).toBe(1);
		expect(isSynced).toBe(false);
		world.proxy.rule = () => ({ kind: 'none' });
		await world.clock.wait(synced, 5 * MINUTE_MS);
		expect(session.run.status.pending).toEqual({ memory: 0, disk: 0, files: 0 });
		expect(world.tide.tracker.files.find(world.tide.run('r'), 'media/a.png')?.sizeBytes).toBe(bytes.length);
	});

	test('status adds up while the disk is slow, and finish settles in its time though nothing can be stored', async () => {
		const world = newWorld('tide');
		const device = world.device();
		device.disk = { delayMs: () => 0, fails: () => true };
		const session = world.begin(device, { id: 'r' });
		logSome(session, 500);
		const { isSynced, status } = await world.clock.wait(session.finish(5_000), 10_000);
		expect([isSynced, status.accepted, status.pending.memory]).toEqual([false, 500, 500]);
		expect(session.faults).toEqual([]);
		device.disk = { delayMs: () => 300, fails: () => false };
		expect(await world.clock.until(() => session.run.status.synced === 500, 5 * MINUTE_MS)).toBe(true);
		await world.clock.advance(MINUTE_MS);
		expect(session.faults).toEqual([]);
		expect(await compareTide(world.tide, 'r', [session])).toEqual([]);
	});

	test('the end of a run does not overtake its last rows, however slow the disk is', async () => {
		const world = newWorld('referee');
		const device = world.device();
		device.disk = { delayMs: () => 700, fails: () => false };
		const session = world.begin(device, { id: 'r' });
		logSome(session, 3);
		await world.clock.advance(30_000);
		// The first goes at once, the others with the end.
		logSome(session, 3);
		await world.clock.wait(session.finish(MINUTE_MS));
		expect(await compareReferee(world.referee, 'r', [session])).toEqual([]);
		expect(world.referee.state('r')).toBe('finished');
	});

	test('a run of a W&B server whose page died before it knew of the end taken there is gone on with', async () => {
		const world = newWorld('referee');
		const device = world.device();
		const first = world.begin(device, { id: 'r' });
		logSome(first, 3);
		world.proxy.rule = ({ body }) => (String(body).includes('"complete"') ? { kind: 'drop', when: 'after' } : { kind: 'none' });
		void first.finish(MINUTE_MS);
		expect(await world.clock.until(() => world.referee.state('r') === 'finished', MINUTE_MS)).toBe(true);
		first.page.die();
		world.interrupted();
		world.proxy.rule = () => ({ kind: 'none' });
		const second = world.begin(device, { id: 'r', resume: 'must' });
		logSome(second, 3);
		await world.clock.wait(second.finish(MINUTE_MS));
		expect(await compareReferee(world.referee, 'r', [first, second])).toEqual([]);
		expect(world.referee.state('r')).toBe('finished');
	});

	test('the open row of a page that died on the way to a W&B server is sent by the next visit', async () => {
		const world = newWorld('referee');
		const device = world.device();
		const session = world.begin(device, { id: 'r' });
		logSome(session, 3);
		await world.clock.advance(20_000);
		session.log({ last: 1 });
		await world.clock.wait(session.flush());
		session.page.die();
		world.interrupted();
		world.begin(device);
		expect(await world.sent(device, 3 * MINUTE_MS)).toBe(true);
		world.interrupted();
		expect(await compareReferee(world.referee, 'r', [session])).toEqual([]);
	});
});
