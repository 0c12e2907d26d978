/**
 * How long the tasks of this thread take that somebody else than the measured loop asked for: callbacks for messages, timers and events,
 * with the promise callbacks that follow from them. Import it before what is to be timed: it takes the place of the ways by which
 * callbacks are handed to the browser, and leaves `turn` and `sleep` as they were for the loop itself.
 *
 * Not seen are the browser's own work before and after a callback, and what follows from a promise that the browser settles (fetch, a
 * dynamic import). How long the loop waits in `turn` holds them too, together with whatever else the machine does.
 */

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/** Their handlers can be set as properties: `port.onmessage = …`. */
const TARGETS = [MessagePort, Worker, BroadcastChannel, IDBRequest, IDBOpenDBRequest, IDBTransaction, IDBDatabase];
const TIMERS = ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback'] as const;
/** Promise callbacks that follow from each other up to this far. One more costs 0.1 µs a task. */
const PROMISES_DEEP = 20;

const { port1, port2 } = new MessageChannel();
const waiting: (() => void)[] = [];
port1.onmessage = () => waiting.shift()?.();
const setTimer = setTimeout;
const wrappers = new WeakMap<object, Callback>();

let tasks = 0;
let tookMs = 0;
/** When the task began that runs now; callbacks within it are part of it. 0 between tasks. */
let startedMs = 0;

/** Lets everything that is due run: messages, events, timers. */
export function turn(): Promise<void> {
	return new Promise((resolve) => {
		waiting.push(resolve);
		port2.postMessage(undefined);
	});
}

export function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimer(resolve, ms));
}

/** Lets promise callbacks run, and those that follow from them. */
export async function promiseCallbacks(): Promise<void> {
	for (let hops = 0; hops < PROMISES_DEEP; hops++) await undefined;
}

/** Tasks since this was called last. */
export function takeTasks(): { tasks: number; tookMs: number } {
	const taken = { tasks, tookMs };
	tasks = 0;
	tookMs = 0;
	return taken;
}

function timed(callback: Callback): Callback {
	const known = wrappers.get(callback);
	if (known) return known;
	const wrapper: Callback = function (...args) {
		if (startedMs > 0) return callback.apply(this, args);
		startedMs = performance.now();
		try {
			return callback.apply(this, args);
		} finally {
			void promiseCallbacks().then(end);
		}
	};
	// The same one each time: a listener that is added twice is called once, and can be removed.
	wrappers.set(callback, wrapper);
	return wrapper;
}

function end(): void {
	tookMs += performance.now() - startedMs;
	startedMs = 0;
	tasks++;
}

const timedIfFunction = (handler: unknown) => (typeof handler === 'function' ? timed(handler as Callback) : handler);

/** Puts something in the place of a function that takes a callback at `place`. */
function timeCallbacksOf(owner: object, name: string, place: number): void {
	const original = Reflect.get(owner, name) as Callback;
	const replacement = function (this: unknown, ...args: unknown[]) {
		args[place] = timedIfFunction(args[place]);
		return original.apply(this, args);
	};
	Reflect.set(owner, name, replacement);
}

for (const name of TIMERS) timeCallbacksOf(globalThis, name, 0);
timeCallbacksOf(EventTarget.prototype, 'addEventListener', 1);
timeCallbacksOf(EventTarget.prototype, 'removeEventListener', 1);
for (const { prototype } of TARGETS) {
	for (const [name, property] of Object.entries<PropertyDescriptor>(Object.getOwnPropertyDescriptors(prototype))) {
		const set = property.set as Callback | undefined;
		if (!name.startsWith('on') || !set) continue;
		const setTimed = function (this: unknown, handler: unknown) {
			set.call(this, timedIfFunction(handler));
		};
		Object.defineProperty(prototype, name, { ...property, set: setTimed });
	}
}
