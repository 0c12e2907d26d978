import type { RunStatus } from 'tidelog';
import { byId } from './page.ts';
import { connectionWords, formatCount, plural } from './words.ts';

const SPOKEN_AT_MOST_EVERY_MS = 10_000;

/** The logger's side of the page: how many rows are where, and why. */
export class StatusPanel {
	#connection: RunStatus['connection'] | undefined;
	#sinceMs = 0;
	#spokenMs = Number.NEGATIVE_INFINITY;

	begin(project: string, id: string): void {
		byId('run-name').textContent = id;
		byId('run-project').textContent = project;
		byId('run-id').textContent = id;
		byId<HTMLAnchorElement>('run-link').hidden = true;
		byId('lost').hidden = true;
		this.#connection = undefined;
	}

	/** @param name The run's own, from when it is in the local store; its id before. */
	show(name: string, status: RunStatus, url: string | undefined, isEnded: boolean): void {
		setText('run-name', name);
		const { accepted, durable, synced, pending, dropped } = status;
		figure('accepted', accepted);
		figure('durable', durable);
		figure('synced', synced);
		figure('pending', pending.memory + pending.disk);
		figure('dropped', dropped);
		gauge(status);
		this.#showConnection(status, isEnded);
		const lost = byId('lost');
		lost.hidden = dropped === 0;
		if (dropped > 0) lost.textContent = `${plural(dropped, 'row')} dropped. ${status.error ?? 'The local store did not keep up.'}`;
		const link = byId<HTMLAnchorElement>('run-link');
		link.hidden = url === undefined;
		if (url !== undefined && link.href !== url) link.href = url;
	}

	#showConnection(status: RunStatus, isEnded: boolean): void {
		const isKind = (kind: RunStatus['connection']) => (kind === 'syncing' ? 'idle' : kind);
		const isChanged = this.#connection === undefined || isKind(this.#connection) !== isKind(status.connection);
		if (isChanged) this.#sinceMs = Date.now();
		this.#connection = status.connection;
		const { dot, headline, sentence } = connectionWords(status, this.#sinceMs, isEnded);
		byId('dot').className = `dot ${dot}`;
		setText('headline', headline);
		setText('connection', sentence);
		byId('connection').dataset.state = status.connection;
		if (isChanged && performance.now() - this.#spokenMs > SPOKEN_AT_MOST_EVERY_MS) {
			this.#spokenMs = performance.now();
			setText('spoken', `${headline}. ${sentence}`);
		}
	}
}

/** Lengths are to scale; the style sheet keeps a part too small to see at 6 px. */
function gauge({ accepted, synced, pending, dropped }: RunStatus): void {
	const parts: [string, number][] = [
		['ack', synced],
		['dur', pending.disk],
		['mem', pending.memory],
		['drop', dropped],
	];
	const host = byId('gauge');
	host.replaceChildren(
		...parts
			.filter(([, rows]) => rows > 0)
			.map(([kind, rows]) => {
				const part = document.createElement('i');
				part.className = kind;
				part.style.flexGrow = String(rows);
				return part;
			}),
	);
	host.setAttribute(
		'aria-label',
		`${formatCount(accepted)} accepted: ${formatCount(synced)} on the server, ${formatCount(pending.disk)} on this device, ${formatCount(pending.memory)} in memory, ${dropped === 0 ? 'none' : formatCount(dropped)} dropped`,
	);
}

function figure(id: string, value: number): void {
	byId(id).dataset.value = String(value);
	setText(id, formatCount(value));
}

/** Leaves the text alone when it is the same, so that a selection in it survives. */
export function setText(id: string, text: string): void {
	const element = byId(id);
	if (element.textContent !== text) element.textContent = text;
}
