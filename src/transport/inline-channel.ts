import type { RecordPort } from './messages.ts';

/** Two ends of a channel on one thread. What was posted before the other end listens waits; messages come in a microtask, as they do through a port: never inside the call that posts. */
export function inlineChannel(): [RecordPort, RecordPort] {
	const first = new InlinePort();
	const second = new InlinePort();
	first.other = second;
	second.other = first;
	return [first, second];
}

class InlinePort implements RecordPort {
	other: InlinePort | undefined;
	#waiting: unknown[] = [];
	#onmessage: RecordPort['onmessage'] = null;

	get onmessage(): RecordPort['onmessage'] {
		return this.#onmessage;
	}

	set onmessage(listener: RecordPort['onmessage']) {
		this.#onmessage = listener;
		this.#deliver();
	}

	postMessage(message: unknown): void {
		this.other?.receive(message);
	}

	receive(message: unknown): void {
		// A packer's buffers are used again once the store has confirmed them.
		this.#waiting.push(structuredClone(message));
		queueMicrotask(() => this.#deliver());
	}

	close(): void {
		if (this.other) this.other.other = undefined;
		this.other = undefined;
	}

	#deliver(): void {
		while (this.#onmessage && this.#waiting.length > 0) this.#onmessage({ data: this.#waiting.shift() as never });
	}
}
