/** What a page and the companion agent say to each other (docs/agent.md): JSON texts over a WebSocket at `/v1`, subprotocol {@link AGENT_PROTOCOL}. The page can read and nothing else. */
export const AGENT_PROTOCOL = 'tidelog-agent.v1';
export const AGENT_PATH = '/v1';
export const AGENT_PORT = 8425;
/** Longest message that the agent takes, bytes. */
export const MAX_AGENT_MESSAGE_BYTES = 1024;

export type PageMessage =
	/** First message of a page that has a token. */
	| { type: 'hello'; token: string }
	/** First message of one that has none: the code that the agent shows. */
	| { type: 'pair'; code: string }
	/** Asks for the agent's time; `sentMs` comes back as it is. */
	| { type: 'time'; sentMs: number };

export type AgentMessage =
	/** Answers `pair`: kept by the page for the next time. `welcome` follows. */
	| { type: 'token'; token: string }
	| { type: 'welcome'; host: string; intervalMs: number }
	/** The token or code is not right. The agent closes the connection. */
	| { type: 'refused'; reason: 'token' | 'code' | 'too-many-tries' }
	| { type: 'time'; sentMs: number; nowMs: number }
	/** W&B's keys without `system.`; milliseconds since the epoch by the agent's clock. */
	| { type: 'sample'; timestampMs: number; values: Record<string, number> };
