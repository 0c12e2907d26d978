import { hostname } from 'node:os';
import { FEATURE_RECORDS } from '../../src/core/protocol.ts';
import { init } from '../../src/index.node.ts';
import { readInventory } from './sampler/inventory.ts';
import type { Sample } from './sampler/sampler.ts';

export interface ServerWriterOptions {
	server: string;
	token?: string;
	/** Run to add samples to; it must be on the server. */
	run?: string;
	/** Project of the run; without `run`, a run of its own is begun there. */
	project: string;
	entity?: string;
	/** Put behind each key as `/l:<label>`, where several machines report to one run. */
	label?: string;
	/** Folder of what is not sent yet. */
	dir: string;
	onNotice(message: string): void;
}

/** Samples are handed to the run together, so often: each time costs a message to its writer and a request. What is held is lost with a killed agent. */
const HAND_OVER_MS = 2_000;

/** Why samples cannot go to that server. */
export class NoRecordsError extends Error {}

/**
 * Adds samples to a run on a Tidelog server, as a writer of its own: its lines have a name and numbers of their own and never meet those of the SDK that trains.
 * What cannot be sent waits in the folder. To another W&B server two writers of one run would overwrite each other's lines.
 * @throws NoRecordsError when the server is no Tidelog server; Error when it cannot be reached.
 */
export async function openServerWriter(options: ServerWriterOptions) {
	const { server, token, run: id, project, entity, label, dir, onNotice } = options;
	await mustTakeRecords(server, token);
	const run = init({
		server,
		project,
		dir,
		onError: ({ message }) => onNotice(message),
		...(token === undefined ? {} : { token }),
		...(entity === undefined ? {} : { entity }),
		...(id === undefined
			? { name: `machine ${hostname()}`, jobType: 'machine', config: { machine: await readInventory() } }
			: { id, resume: 'must' as const }),
	});
	await run.opened;
	let held: Sample[] = [];
	let timer: NodeJS.Timeout | undefined;
	const handOver = () => {
		timer = undefined;
		for (const { timestampMs, values } of held) run.logSystem(label === undefined ? values : labelled(values, label), timestampMs);
		held = [];
	};
	return {
		run,
		send(sample: Sample): void {
			held.push(sample);
			timer ??= setTimeout(handOver, HAND_OVER_MS).unref();
		},
		/** Ends a run that was begun here; one that somebody else began goes on. */
		async close(timeoutMs: number): Promise<void> {
			clearTimeout(timer);
			handOver();
			if (id === undefined) await run.finish({ timeoutMs });
			else await Promise.race([run.synced(), new Promise((resolve) => setTimeout(resolve, timeoutMs).unref())]);
		},
	};
}

function labelled(values: Record<string, number>, label: string): Record<string, number> {
	return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${key}/l:${label}`, value]));
}

async function mustTakeRecords(server: string, token: string | undefined): Promise<void> {
	const response = await fetch(`${server.replace(/\/+$/, '')}/graphql`, {
		method: 'POST',
		headers: {
			'content-type': 'application/json',
			...(token === undefined ? {} : { authorization: `Basic ${Buffer.from(`api:${token}`).toString('base64')}` }),
		},
		body: JSON.stringify({ query: 'query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }' }),
		signal: AbortSignal.timeout(10_000),
	});
	const answer = (await response.json().catch(() => undefined)) as
		| { data?: { serverInfo?: { features?: ({ name: string; isEnabled: boolean } | null)[] } } }
		| undefined;
	if (answer?.data?.serverInfo?.features?.some((feature) => feature?.name === FEATURE_RECORDS && feature.isEnabled)) return;
	throw new NoRecordsError(
		`${new URL(server).origin} is no Tidelog server (it answered ${response.status}): there, the agent cannot write to a run beside the program that trains, since the two would overwrite each other's lines. Nothing was sent. Let the page read the agent with run.connectAgent(), or sample inside the program.`,
	);
}
