import type { AgentLink, AgentOptions, AgentState, SystemSink } from '../../agent.ts';
import { AGENT_PATH, AGENT_PORT, AGENT_PROTOCOL, type AgentMessage, type PageMessage } from '../../core/agent-protocol.ts';
import { systemClock } from '../clock.ts';

/** First and longest wait before the next try. */
const RETRY_MS = [1_000, 60_000] as const;
/** A connection that says nothing for this long is given up. */
const ANSWER_MS = 10_000;
/** So long has a user to answer the browser's question. */
const ASKING_MS = 120_000;
/** How often the two clocks are compared. */
const COMPARE_MS = 60_000;
const HOSTS = ['127.0.0.1', '[::1]'];

const WORDS: Record<AgentState, string> = {
	connecting: 'Looking for the agent.',
	connected: 'Samples of this machine arrive.',
	'not-running': 'No agent answers. Start "tidelog-agent --origin" with the origin of this page.',
	'permission-needed': 'The browser does not let this page talk to its own machine. Allow it in the settings of this site (local network or device).',
	'wrong-token': 'The agent does not know this page. Give the code that it shows in its terminal.',
};

/** See `run.connectAgent()`. */
export function connectAgent(run: SystemSink, options: AgentOptions = {}): AgentLink {
	return new PageAgentLink(run, options);
}

/**
 * ```
 * connecting ──welcome──▶ connected ──closed──▶ connecting
 *     ├─ nobody answers ──▶ not-running or permission-needed ──back-off──▶ connecting
 *     └─ refused ──▶ wrong-token ──pair()──▶ connecting
 * ```
 */
class PageAgentLink implements AgentLink {
	readonly #run: SystemSink;
	readonly #options: AgentOptions;
	readonly #tokenKey: string;
	#code: string | undefined;
	#state: AgentState = 'connecting';
	#host: string | undefined;
	#offsets: { offsetMs: number; tripMs: number }[] = [];
	/** Samples that came before the clocks were compared. */
	#waiting: Extract<AgentMessage, { type: 'sample' }>[] = [];
	#socket: WebSocket | undefined;
	#tries = 0;
	#isClosed = false;
	/** Raised with each new try: what an older one says is not heard. */
	#turn = 0;

	constructor(run: SystemSink, options: AgentOptions) {
		this.#run = run;
		this.#options = options;
		this.#code = options.code;
		this.#tokenKey = `tidelog-agent-token:${options.port ?? AGENT_PORT}`;
		this.#connect();
	}

	get state(): AgentState {
		return this.#state;
	}

	get host(): string | undefined {
		return this.#host;
	}

	/** Of the last comparisons, the one with the shortest trip: it has the least room for error. */
	get offsetMs(): number | undefined {
		return this.#offsets.toSorted((a, b) => a.tripMs - b.tripMs)[0]?.offsetMs;
	}

	pair(code: string): void {
		this.#code = code;
		this.#connect();
	}

	close(): void {
		this.#isClosed = true;
		this.#turn++;
		this.#socket?.close();
	}

	#connect(): void {
		this.#socket?.close();
		const turn = ++this.#turn;
		if (this.#isClosed || this.#run.isFinished) return;
		const token = read(this.#tokenKey);
		if (this.#code === undefined && token === undefined) {
			this.#become('wrong-token');
			return;
		}
		const host = HOSTS[this.#tries % HOSTS.length];
		const socket = new WebSocket(`ws://${host}:${this.#options.port ?? AGENT_PORT}${AGENT_PATH}`, AGENT_PROTOCOL);
		this.#socket = socket;
		const say = (message: PageMessage) => socket.send(JSON.stringify(message));
		let isRefused = false;
		void this.#watch(turn, socket);
		socket.onopen = () => say(this.#code !== undefined ? { type: 'pair', code: this.#code } : { type: 'hello', token: token as string });
		socket.onmessage = ({ data }) => {
			if (turn !== this.#turn) return;
			const message = JSON.parse(data as string) as AgentMessage;
			if (message.type === 'token') {
				this.#code = undefined;
				write(this.#tokenKey, message.token);
			} else if (message.type === 'welcome') {
				this.#tries = 0;
				this.#host = message.host;
				this.#offsets = [];
				this.#become('connected');
				void this.#compareClocks(turn, say);
			} else if (message.type === 'refused') {
				isRefused = true;
				this.#code = undefined;
				if (message.reason === 'token') write(this.#tokenKey, undefined);
				this.#become('wrong-token');
			} else if (message.type === 'time') this.#compared(message.sentMs, message.nowMs);
			else if (message.type === 'sample') this.#sampled(message);
		};
		socket.onclose = () => {
			if (turn !== this.#turn || isRefused) return;
			void this.#failed(turn);
		};
	}

	/** Ends a connection that does not come about; while the browser asks the user, it waits longer. */
	async #watch(turn: number, socket: WebSocket): Promise<void> {
		const isMissing = await isPermissionMissing();
		if (turn !== this.#turn) return;
		if (isMissing && socket.readyState === WebSocket.CONNECTING) this.#become('permission-needed');
		await systemClock.sleep(isMissing ? ASKING_MS : ANSWER_MS);
		if (turn === this.#turn && this.#state !== 'connected') socket.close();
	}

	async #failed(turn: number): Promise<void> {
		const wasConnected = this.#state === 'connected';
		this.#tries++;
		// Each try knocks at one address; nobody is there when both were silent.
		if (wasConnected) this.#become('connecting');
		else if (this.#tries >= HOSTS.length) {
			const isKept = await isPermissionMissing();
			if (turn !== this.#turn) return;
			this.#become(isKept ? 'permission-needed' : 'not-running');
		}
		const [first, most] = RETRY_MS;
		const waitMs = this.#tries < HOSTS.length ? 0 : Math.min(most, first * 2 ** (this.#tries - HOSTS.length)) * (0.75 + systemClock.random() / 2);
		await systemClock.sleep(waitMs);
		if (turn === this.#turn) this.#connect();
	}

	async #compareClocks(turn: number, say: (message: PageMessage) => void): Promise<void> {
		for (let i = 0; turn === this.#turn && this.#state === 'connected'; i++) {
			if (this.#run.isFinished) {
				this.close();
				return;
			}
			say({ type: 'time', sentMs: systemClock.nowMs() });
			await systemClock.sleep(i < 4 ? 250 : COMPARE_MS);
		}
	}

	#compared(sentMs: number, agentMs: number): void {
		const nowMs = systemClock.nowMs();
		this.#offsets = [...this.#offsets.slice(-4), { offsetMs: agentMs - (sentMs + nowMs) / 2, tripMs: nowMs - sentMs }];
		for (const sample of this.#waiting.splice(0)) this.#sampled(sample);
	}

	#sampled(sample: Extract<AgentMessage, { type: 'sample' }>): void {
		if (this.#run.isFinished) {
			this.close();
			return;
		}
		const { offsetMs } = this;
		if (offsetMs === undefined) this.#waiting = [...this.#waiting.slice(-99), sample];
		else this.#run.logSystem(sample.values, sample.timestampMs - offsetMs);
	}

	#become(state: AgentState): void {
		if (state === this.#state && state !== 'wrong-token') return;
		this.#state = state;
		this.#options.onState?.(state, WORDS[state]);
	}
}

/** Chrome asks before a page may talk to its machine (since 147 for sockets as well), and names the permission `loopback-network`, before that `local-network-access`. */
async function isPermissionMissing(): Promise<boolean> {
	// A page of this machine may talk to it; the permission still reads `prompt` there (Chromium 148).
	if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname)) return false;
	for (const name of ['loopback-network', 'local-network-access']) {
		try {
			return (await navigator.permissions.query({ name: name as PermissionName })).state !== 'granted';
		} catch {
			// A browser that does not know this one.
		}
	}
	return false;
}

/** A page whose site data are blocked, and a worker, have no such store: they pair each time. */
function read(key: string): string | undefined {
	try {
		return localStorage.getItem(key) ?? undefined;
	} catch {
		return undefined;
	}
}

function write(key: string, token: string | undefined): void {
	try {
		if (token === undefined) localStorage.removeItem(key);
		else localStorage.setItem(key, token);
	} catch {
		// As above.
	}
}
