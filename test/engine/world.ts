import type { InitOptions } from '../../src/options.ts';
import { Referee } from '../referee/referee.ts';
import { Device } from './device.ts';
import { FaultProxy } from './fault-proxy.ts';
import { Random } from './random.ts';
import { Session } from './session.ts';
import { HOST, TideServer } from './tide-server.ts';
import { VirtualClock } from './virtual-clock.ts';

export const SERVER = `http://${HOST}`;

/** Everything a test of the engine needs: time, chance, a network, and a server of one kind. The same seed gives the same world. */
export class World {
	readonly random: Random;
	readonly clock: VirtualClock;
	readonly proxy: FaultProxy;
	readonly #tide: TideServer | undefined;
	readonly #referee: Referee | undefined;
	readonly #realRandomValues = crypto.getRandomValues;

	constructor(seed: number, kind: 'tide' | 'referee') {
		this.random = new Random(seed);
		// Time, ids and what the scenario does draw from numbers of their own: one more draw of one leaves the others as they are.
		const [clockRandom, idRandom] = [new Random(seed + 1_000_003), new Random(seed + 2_000_003)];
		this.clock = new VirtualClock(clockRandom.next);
		crypto.getRandomValues = ((bytes: Uint8Array) => {
			for (let i = 0; i < bytes.length; i++) bytes[i] = idRandom.int(0, 255);
			return bytes;
		}) as Crypto['getRandomValues'];
		if (kind === 'tide') this.#tide = new TideServer(this.clock.nowMs);
		else this.#referee = new Referee({ nowMs: this.clock.nowMs, features: ['FILESTREAM_GZIP'], intervalSlackMs: 100 });
		this.proxy = new FaultProxy(this.clock, (request) => (this.#tide ?? this.referee).fetch(request));
	}

	get tide(): TideServer {
		if (!this.#tide) throw new Error('This world has no server of ours.');
		return this.#tide;
	}

	get referee(): Referee {
		if (!this.#referee) throw new Error('This world has no referee.');
		return this.#referee;
	}

	device(): Device {
		return new Device(this.clock, this.proxy);
	}

	/** Begins a run on a page of a device, a new page when none is given. */
	begin(device: Device, options: Partial<InitOptions> = {}, page = device.open()): Session {
		return new Session(page, { project: 'p', server: SERVER, ...options });
	}

	/** Lets time pass until the server has acknowledged everything that the device holds, ends of runs included. */
	sent(device: Device, limitMs = 4 * 3_600_000): Promise<boolean> {
		return this.clock.until(() => isAllSent(device), limitMs);
	}

	/** The referee cannot know what a fault, or the death of a page, keeps from it. */
	interrupted(): void {
		for (const run of this.#referee?.runs.keys() ?? []) this.#referee?.interrupted(run);
	}

	close(): void {
		crypto.getRandomValues = this.#realRandomValues;
		this.#tide?.close();
	}
}

/** Whether nothing on the device waits for a server. */
export async function isAllSent({ store }: Device): Promise<boolean> {
	for (const run of await store.runs()) {
		if (run.server === undefined || run.refusal) continue;
		if (run.isFinished && !run.isFinishSent) return false;
		for (const { stored, acknowledged } of await store.writers(run.id)) {
			for (const [stream, count] of Object.entries(stored)) if ((acknowledged[stream as 'meta'] ?? 0) < count) return false;
		}
		if ((await store.pendingFiles(run.id, 1)).length > 0) return false;
	}
	return true;
}
