/** What a page sees of the companion agent. */

export type AgentState =
	| 'connecting'
	/** Samples arrive. */
	| 'connected'
	/** Nobody answers: the agent is not running, or was started without this page's origin (`--origin`). Tried again by itself. */
	| 'not-running'
	/** The browser does not let this page talk to its own machine before the user allows it. Tried again by itself. */
	| 'permission-needed'
	/** The agent does not know this page: `pair()` with the code that it shows. */
	| 'wrong-token';

export interface AgentOptions {
	/** The six digits that the agent shows; needed once a browser and origin, since the page keeps the token that it gets for it. */
	code?: string;
	/** Port of the agent; 8425 by default. */
	port?: number;
	/** Called with each change of the state, and with words for people. */
	onState?: (state: AgentState, message: string) => void;
}

export interface AgentLink {
	readonly state: AgentState;
	/** Name of the agent's machine, once it has been connected. */
	readonly host: string | undefined;
	/** How far the agent's clock is ahead of this page's, milliseconds; undefined before it was measured. */
	readonly offsetMs: number | undefined;
	/** Connects with the code that the agent shows. */
	pair(code: string): void;
	/** Ends the connection for good. */
	close(): void;
}

/** Where samples go: the run. */
export interface SystemSink {
	readonly isFinished: boolean;
	logSystem(values: Record<string, number>, timestampMs?: number): void;
}
