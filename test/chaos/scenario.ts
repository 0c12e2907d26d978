import { compareReferee, compareTide } from '../engine/compare.ts';
import type { Device } from '../engine/device.ts';
import type { SentRequest } from '../engine/fault-proxy.ts';
import type { Session } from '../engine/session.ts';
import { isAllSent, World } from '../engine/world.ts';
import { weather } from './weather.ts';
import { act } from './workload.ts';

/** One seed's story, and what is wrong with its end. */
export interface Story {
	wrong: string[];
	/** What happened, a line each. */
	trace: string[];
	records: number;
	requests: SentRequest[];
}

const MINUTE_MS = 60_000;

/** Plays the scenario of a seed: odd ones against our server, even ones against a strict W&B server. */
export async function play(seed: number): Promise<Story> {
	const world = new World(seed, seed % 2 === 1 ? 'tide' : 'referee');
	try {
		return await new Scenario(world, seed).play();
	} finally {
		world.close();
	}
}

class Scenario {
	readonly #world: World;
	readonly #id: string;
	readonly #forCloud: boolean;
	readonly #trace: string[] = [];
	readonly #wrong: string[] = [];
	readonly #sessions: Session[] = [];
	readonly #shared = new Set<Session>();
	readonly #devices: Device[] = [];
	/** Copies of the server's folder, to put it back to. */
	readonly #copies: string[] = [];
	/** The server has lost what it had. Only a device that comes to the run again can know. */
	#hasLost = false;

	constructor(world: World, seed: number) {
		this.#world = world;
		this.#forCloud = seed % 2 === 0;
		this.#id = `chaos-${seed}`;
	}

	async play(): Promise<Story> {
		const { random, clock, proxy } = this.#world;
		const storm = random.pick([0, 0.1, 0.3, 0.6]);
		proxy.latencyMs = () => random.int(1, 60);
		proxy.rule = weather(random, storm, this.#forCloud, clock.nowMs);
		if (!this.#forCloud && random.chance(0.2)) proxy.maxBodyBytes = random.int(2_000, 20_000);
		proxy.dropsOrphans = this.#forCloud;
		proxy.onFault = () => this.#world.interrupted();
		this.#note(`storm ${storm}`);
		this.#addDevice();

		const visits = random.int(1, 5);
		for (let visit = 0; visit < visits; visit++) {
			await this.#visit(visit);
			await clock.advance(random.pick([0, random.int(0, 2_000), random.int(0, 5 * MINUTE_MS)]));
		}
		await this.#end();
		return {
			wrong: this.#wrong,
			trace: this.#trace,
			records: this.#sessions.reduce((sum, { calls }) => sum + calls.length, 0),
			requests: proxy.log,
		};
	}

	#addDevice(): Device {
		const { random } = this.#world;
		const device = this.#world.device();
		if (random.chance(0.5)) {
			const slowMs = random.pick([5, 50, 400]);
			device.disk = { delayMs: () => (random.chance(0.5) ? random.int(0, slowMs) : 0), fails: () => random.chance(0.03) };
		}
		this.#devices.push(device);
		return device;
	}

	/** Somebody opens the run, works, and leaves in one way or another. */
	async #visit(visit: number): Promise<void> {
		const { random, clock } = this.#world;
		const session = await this.#open(visit);
		const other = visit > 0 && !this.#forCloud && random.chance(0.15) ? await this.#beside(session) : undefined;
		for (let actions = random.int(3, 50); actions > 0; actions--) {
			const at = other && random.chance(0.4) ? other : session;
			if (at.page.isDead || at.run.isFinished) continue;
			const what = random.weighted({ act: 30, wait: 12, pause: 1, flush: 3, synced: 2, server: 2, sample: 3 });
			if (what === 'act') this.#note(act(at, random, this.#forCloud, !this.#shared.has(at)));
			else if (what === 'wait') await clock.advance(random.pick([0, random.int(0, 150), random.int(0, 3_000), random.int(0, 40_000)]));
			else if (what === 'flush') await this.#flush(at);
			else if (what === 'synced') this.#whenSynced(at);
			else if (what === 'server') await this.#serverTrouble();
			else if (what === 'pause') {
				at.run.pauseSync();
				await clock.advance(random.int(0, 5_000));
				at.run.resumeSync();
			} else at.sample();
			if (other && !other.page.isDead && random.chance(0.03)) this.#die(other);
		}
		for (const one of other ? [other, session] : [session]) {
			if (one.page.isDead) continue;
			const end = random.weighted({ die: 4, finish: 3, 'finish and die': 2, 'die soon': 3 });
			if (end === 'die') this.#die(one);
			else if (end === 'die soon') {
				await clock.advance(random.int(0, 400));
				this.#die(one);
			} else {
				await this.#finish(one);
				if (end === 'finish and die' || this.#forCloud) this.#die(one);
				else {
					await clock.advance(random.int(0, 2 * MINUTE_MS));
					this.#die(one);
				}
			}
		}
	}

	async #open(visit: number): Promise<Session> {
		const { random } = this.#world;
		let device = this.#devices[0] as Device;
		if (visit > 0 && !this.#hasLost && random.chance(0.25)) {
			// Another device goes on with the run once the server has everything: where its steps begin is known then.
			await this.#deliver();
			await this.#world.clock.advance(2 * MINUTE_MS);
			device = this.#forCloud || this.#devices.length > 1 ? random.pick(this.#devices) : this.#addDevice();
		} else if (this.#devices.length > 1) device = random.pick(this.#devices);
		const isKnown = (await device.store.run(this.#id)) !== undefined;
		const resume = isKnown ? random.pick(['allow', 'must'] as const) : visit === 0 ? random.pick(['never', 'allow'] as const) : 'allow';
		// Writers of one millisecond would stand in the order of their names.
		await this.#world.clock.advance(1);
		this.#note(`visit of device ${this.#devices.indexOf(device)}, resume ${resume}`);
		const session = this.#world.begin(device, {
			id: this.#id,
			resume,
			...(random.chance(0.5) ? { config: { x: random.int(0, 9), model: { layers: 2 } } } : {}),
		});
		this.#sessions.push(session);
		return session;
	}

	/** A second page of the same device opens the run while the first is alive: the server numbers its steps. */
	async #beside({ page: { device } }: Session): Promise<Session> {
		await this.#world.clock.advance(1);
		const session = this.#world.begin(device, { id: this.#id, resume: 'allow' });
		this.#shared.add(session);
		this.#sessions.push(session);
		this.#note('a second page beside it');
		return session;
	}

	#die(session: Session): void {
		this.#note(`page of ${session.writer} dies`);
		session.page.die();
		this.#world.interrupted();
	}

	async #flush(session: Session): Promise<void> {
		const flushed = session.flush();
		if (this.#world.random.chance(0.3)) void flushed;
		else await this.#world.clock.wait(flushed, 10 * MINUTE_MS);
	}

	/** What `synced()` says must be true when it says so. */
	#whenSynced(session: Session): void {
		const upTo = session.calls.length;
		void session.run.synced().then(async () => {
			// What an older copy of the folder has taken back comes again only with a later request.
			if (session.page.isDead || this.#hasLost) return;
			const there = this.#forCloud ? upTo : (await this.#linesOf(session)).length;
			if (there < upTo) this.#wrong.push(`synced() of ${session.writer} settled with ${there} of ${upTo} records on the server`);
		});
	}

	async #finish(session: Session): Promise<void> {
		const { random, clock } = this.#world;
		const timeoutMs = random.pick([0, 1_000, 30_000, 10 * MINUTE_MS]);
		const { isSynced } = await clock.wait(session.finish(timeoutMs, random.pick([0, 1])), timeoutMs + MINUTE_MS);
		this.#note(`finished, ${isSynced ? 'all' : 'not all'} is on the server`);
		if (!isSynced || this.#forCloud || this.#hasLost) return;
		const there = (await this.#linesOf(session)).length;
		if (there !== session.calls.length)
			this.#wrong.push(`finish() of ${session.writer} said synced with ${there} of ${session.calls.length} records`);
	}

	async #linesOf({ writer }: Session) {
		return (await this.#world.tide.records(this.#id)).filter((line) => line.writer === writer);
	}

	async #serverTrouble(): Promise<void> {
		const { random, clock, proxy } = this.#world;
		const isDown = random.chance(0.5);
		// One device can give back what it has; two would both have to come.
		if (!this.#forCloud && this.#devices.length === 1 && random.chance(0.4)) return this.#folderTrouble();
		this.#note(isDown ? 'the server is away' : 'the server is killed');
		proxy.isDown = isDown;
		this.#world.interrupted();
		if (isDown) await clock.advance(random.int(0, 5 * MINUTE_MS));
		else if (!this.#forCloud) this.#world.tide.restart();
		proxy.isDown = false;
		this.#world.interrupted();
	}

	/** Somebody copies the server's folder, or puts an older state, or nothing at all, in its place. */
	#folderTrouble(): void {
		const { random, tide } = this.#world;
		const what = random.weighted({ copy: 4, 'put back': this.#copies.length > 0 ? 4 : 0, replace: 1 });
		this.#note(`the server's folder: ${what}`);
		if (what === 'copy') this.#copies.push(tide.backup());
		else if (what === 'put back') tide.restore(random.pick(this.#copies));
		else tide.replace();
		this.#hasLost ||= what !== 'copy';
	}

	/** The weather clears, and every device is visited until it has sent everything. */
	async #deliver(): Promise<void> {
		const { clock, proxy } = this.#world;
		const rule = proxy.rule;
		proxy.rule = () => ({ kind: 'none' });
		for (const device of this.#devices) {
			if (await isAllSent(device)) continue;
			// Any visit sends what earlier ones left, here one with another run.
			const helper = this.#world.begin(device, { id: `helper-${this.#sessions.length}-${clock.monotonicMs()}` });
			// No heartbeat is due for a run that nobody has open.
			const isSent = () => {
				this.#world.interrupted();
				return isAllSent(device);
			};
			if (!(await clock.until(isSent, 240 * MINUTE_MS))) await this.#stuck(device);
			helper.page.die();
			this.#world.interrupted();
		}
		proxy.rule = rule;
	}

	async #stuck(device: Device): Promise<void> {
		const run = await device.store.run(this.#id);
		const writers = await device.store.writers(this.#id);
		this.#wrong.push(
			`never sent: ${JSON.stringify(writers.map(({ writer, base, stored, acknowledged }) => ({ writer, base, stored, acknowledged })))} ${JSON.stringify(run?.refusal)}`,
		);
	}

	async #end(): Promise<void> {
		const { clock, proxy } = this.#world;
		for (const session of this.#sessions) if (!session.page.isDead) this.#die(session);
		proxy.maxBodyBytes = Number.POSITIVE_INFINITY;
		if (this.#hasLost) {
			proxy.rule = () => ({ kind: 'none' });
			const last = await this.#open(99);
			last.log({ last: 1 });
			await clock.wait(last.run.synced());
			await clock.advance(MINUTE_MS);
			this.#die(last);
		}
		await this.#deliver();
		// Requests that arrive late have arrived by then.
		await clock.advance(15 * MINUTE_MS);
		for (const session of this.#sessions) this.#wrong.push(...session.faults);
		if (await this.#isNothingStored()) return;
		const baseOf = await this.#bases();
		if (this.#forCloud) this.#wrong.push(...(await compareReferee(this.#world.referee, this.#id, this.#sessions, { baseOf })));
		else this.#wrong.push(...(await compareTide(this.#world.tide, this.#id, this.#sessions, { baseOf })), ...(await this.#unverified()));
	}

	/**
	 * Where writers begin that asked the server, as their store says: the second page beside a live one, the pages of a second device (a late request may have made the
	 * first one look alive, or it went on meanwhile), and whoever comes to a device after steps that the server has numbered.
	 */
	async #bases(): Promise<(session: Session) => number | null | undefined> {
		const bases = new Map<Session, number | null | undefined>();
		for (const [i, session] of this.#sessions.entries()) {
			const { device } = session.page;
			const before = this.#sessions.slice(0, i).filter((earlier) => earlier.page.device === device);
			const hasAsked = (i > 0 && before.length === 0) || before.some((earlier) => bases.has(earlier));
			const base = (await device.store.writers(this.#id)).find(({ writer }) => writer === session.writer)?.base;
			if (this.#shared.has(session)) bases.set(session, null);
			else if (hasAsked) bases.set(session, base);
		}
		return (session) => bases.get(session);
	}

	/** Every page died before anything was on its disk: then there is no run. */
	async #isNothingStored(): Promise<boolean> {
		const writers = await Promise.all(this.#devices.map(({ store }) => store.writers(this.#id)));
		return writers.flat().every(({ stored }) => Object.keys(stored).length === 0) && this.#sessions.every(({ flushed }) => flushed.calls === 0);
	}

	async #unverified(): Promise<string[]> {
		const wrong: string[] = [];
		for (const { store } of this.#devices) {
			for (const { writer, stored, isVerified } of await store.writers(this.#id))
				if (stored.meta && isVerified !== true) wrong.push(`${writer} is not verified: ${isVerified}`);
		}
		return wrong;
	}

	#note(what: string): void {
		this.#trace.push(`${this.#world.clock.monotonicMs()} ${what}`);
	}
}
